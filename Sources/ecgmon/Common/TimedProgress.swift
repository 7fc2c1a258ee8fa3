import Dispatch

/// The progress of something whose duration is known, shown by itself until it ends: a measurement in real time.
final class TimedProgress {
    private let line: ProgressLine
    private let timer: any DispatchSourceTimer

    private static let step = 0.5

    init(seconds: Double, _ label: String) {
        let line = ProgressLine(total: seconds)
        self.line = line
        line.begin(label)
        timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
        timer.schedule(deadline: .now() + Self.step, repeating: Self.step)
        timer.setEventHandler { line.advance(Self.step) }
        timer.resume()
    }

    deinit {
        timer.cancel()
        line.end()
    }
}
