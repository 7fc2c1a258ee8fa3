import ECGLimits
public import ToolSupport
public import WFDB

/// One signal of a record, in the form that the monitor accepts.
public struct RecordChannel: Sendable {
    /// All samples in mV; NaN for those that the record marks as invalid.
    public let millivolts: [Float]
    /// Ranges without any samples, in samples of this channel, in ascending order.
    public let gaps: [Range<Int>]
    /// Samples a second of this channel.
    public let samplingRate: Double
    /// The lead's name, truncated to the length that the monitor accepts; may be empty.
    public let lead: String
    private let samplesPerFrame: Int
    private let frameCount: Int64

    /// - Parameters:
    ///   - record: the record.
    ///   - name: its name, for messages.
    ///   - channel: number of the signal, 0 for the first.
    public init(_ record: Record, name: String, channel: Int = 0) throws(ToolError) {
        guard record.header.signals.indices.contains(channel) else {
            throw ToolError(
                channel == 0 ? "record \(name) has no signals" : "record \(name) has no channel \(channel)",
                nextStep: "Give a record that has an ECG as this signal")
        }
        let signal = record.header.signals[channel]
        do {
            millivolts = try record.millivolts(ofSignal: channel)
        } catch {
            throw ToolError("record \(name): \(error)", nextStep: "Give a record that has an ECG as its first signal")
        }
        samplingRate = record.samplingRate(ofSignal: channel)
        samplesPerFrame = signal.samplesPerFrame
        gaps = record.gaps.map {
            $0.lowerBound * signal.samplesPerFrame..<$0.upperBound * signal.samplesPerFrame
        }
        frameCount = Int64(record.frameCount)
        lead = SignalLimits.leadName(signal.description ?? "")
    }

    /// The frame that contains a sample of this channel, limited to the record.
    public func frame(ofSample index: Double) -> Int64 {
        let frame = (index / Double(samplesPerFrame)).rounded()
        return min(max(0, Int64(frame)), max(0, frameCount - 1))
    }
}
