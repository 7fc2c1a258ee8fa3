public import EC57
import ECGLimits
public import ECGSignal
public import ToolSupport
public import WFDB

/// Runs only the resampler and the QRS detector over a whole record.
public enum DetectorRun {
    /// The beats found on channel 0, in the record's frames. All are N, because the detector does not classify.
    ///
    /// - Parameters:
    ///   - record: the record.
    ///   - name: its name, for messages.
    ///   - additions: what is left out of the detector, to measure each part's contribution.
    public static func beats(
        of record: Record, name: String, leavingOut additions: PanTompkinsDetector.Additions = []
    ) throws(ToolError) -> [EC57Beat] {
        let input = try RecordChannel(record, name: name)
        guard var resampler = try? Resampler(inputRate: input.samplingRate) else {
            throw ToolError(
                "record \(name) has \(input.samplingRate) samples a second",
                nextStep: "The monitor takes \(Int(SignalLimits.samplingRates.lowerBound)) to "
                    + "\(Int(SignalLimits.samplingRates.upperBound))")
        }
        var detector = PanTompkinsDetector(leavingOut: additions)
        var beats: [EC57Beat] = []
        func add(_ detection: QRSDetection) {
            beats.append(
                EC57Beat(
                    sampleIndex: input.frame(ofSample: resampler.inputIndex(ofOutput: detection.rPeakIndex)),
                    beatClass: .normal,
                    decidedAtSampleIndex: input.frame(
                        ofSample: resampler.inputIndex(ofOutput: detection.detectedAtIndex))))
        }
        for sample in input.millivolts {
            resampler.push(sample)
            while let output = resampler.next() {
                if let detection = detector.step(output) { add(detection) }
            }
        }
        resampler.finish()
        while let output = resampler.next() {
            if let detection = detector.step(output) { add(detection) }
        }
        for detection in detector.flush() { add(detection) }
        return beats
    }
}
