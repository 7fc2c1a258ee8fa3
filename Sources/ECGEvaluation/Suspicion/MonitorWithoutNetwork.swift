import ECGATKGAN
import ECGClassification
import ECGMonitor

/// The monitor on a record, without a network: for what is judged by times and heights of the beats alone.
enum MonitorWithoutNetwork {
    private static let blockLength = 3_600

    /// All events, with every beat called N.
    /// - Parameters:
    ///   - samples: in mV.
    ///   - rate: samples per second.
    static func events(_ samples: [Float], _ rate: Double) -> [MonitorEvent] {
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        for start in stride(from: 0, to: samples.count, by: blockLength) {
            let block = SampleBlock(
                session: 1, firstSampleIndex: Int64(start), samplingRate: rate, acquisitionTimeNanoseconds: 0,
                lead: "", millivolts: Array(samples[start..<min(start + blockLength, samples.count)]))
            guard (try? monitor.append(block)) != nil else { break }
            let normal = BeatClassification(probabilities: SIMD4(1, 0, 0, 0), attackSuspicion: 0)
            let answers = [BeatClassification](repeating: normal, count: monitor.pendingWindowCount)
            answers.withUnsafeBufferPointer { monitor.resolve($0, events: &events) }
        }
        return events
    }
}
