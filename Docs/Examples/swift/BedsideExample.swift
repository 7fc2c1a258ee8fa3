import ECGWire
import Foundation
import ZeroMQ

/// A bedside with a subscriber, in one program: it sends a minute of simulated ECG in which the heart stops for eight
/// seconds, and prints the alerts that the daemon publishes about it.
///
///     swift run -c release bedside-example [INGEST] [EVENTS]
@main
struct BedsideExample {
    static let samplingRate = 250.0
    static let blockSamples = 25

    static func main() throws {
        let arguments = CommandLine.arguments
        let ingest = arguments.count > 1 ? arguments[1] : "tcp://127.0.0.1:5570"
        let events = arguments.count > 2 ? arguments[2] : "tcp://127.0.0.1:5572"
        let context = try ZeroMQContext()
        var alerts = try SubscriberClient(
            endpoint: events, filters: [.only(.alert(stream: "bed-7"))], context: context)
        let bedside = try AcquisitionClient(endpoint: ingest, context: context)
        let now = Int64(Date.now.timeIntervalSince1970 * 1e9)
        var blocks = SampleBlockSequence(
            stream: "bed-7", session: UInt64(now), samplingRate: samplingRate, lead: "II", startTimeNanoseconds: now)

        for first in stride(from: 0, to: Int(60 * samplingRate), by: blockSamples) {
            let samples = (first..<first + blockSamples).map { millivolts(at: Double($0) / samplingRate) }
            guard try bedside.send(blocks.block(millivolts: samples), timeout: .seconds(10)) else {
                print("no daemon takes samples at \(ingest)")
                exit(1)
            }
            // Ten times faster than a real bedside: 0.1 s of signal every 10 ms.
            while let alert = try alerts.receive(timeout: .milliseconds(10)) { show(alert) }
        }
        while let alert = try alerts.receive(timeout: .seconds(2)) { show(alert) }
    }

    /// Stands in for the converter: a regular rhythm at 72/min that pauses from 20 s to 28 s.
    static func millivolts(at time: Double) -> Float {
        guard !(20..<28).contains(time) else { return 0 }
        let phase = (time * 72 / 60).truncatingRemainder(dividingBy: 1)
        let waves: [(height: Double, centre: Double, width: Double)] = [  // mV, parts of a beat
            (0.1, 0.25, 0.03), (-0.15, 0.375, 0.01), (1, 0.4, 0.012), (-0.2, 0.425, 0.01), (0.25, 0.65, 0.05),
        ]
        var sum = 0.0
        for wave in waves {
            let distance = (phase - wave.centre) / wave.width
            sum += wave.height * exp(-distance * distance)
        }
        return Float(sum)
    }

    static func show(_ publication: Publication) {
        guard let event = publication.event else { return }
        print(event.id, event.alert.phase, event.alert.text)
    }
}
