import ECGLimits
public import ToolSupport
import WFDB

extension ReplayMaterial {
    /// One lead of a WFDB record.
    /// - Parameters:
    ///   - path: the record's path without extension (`.hea` and `.dat` are forgiven).
    ///   - lead: a lead's name or its number from 0; nil: the first.
    /// - Throws: `ToolError` naming the file, and the byte where there is one.
    public init(recordPath path: String, lead wanted: String? = nil) throws(ToolError) {
        var stem = path
        for ending in [".hea", ".dat", ".atr"] where stem.hasSuffix(ending) { stem.removeLast(ending.count) }
        let slash = stem.lastIndex(of: "/")
        let directory = slash.map { $0 == stem.startIndex ? "/" : String(stem[..<$0]) } ?? ""
        let recordName = slash.map { String(stem[stem.index(after: $0)...]) } ?? stem
        let record: Record
        do {
            record = try Record.read(recordName, in: directory).withTrueBaseline()
        } catch {
            throw ToolError(
                "record \(stem) cannot be read: \(error)",
                nextStep: error.code == .cannotRead
                    ? "Give the path of a WFDB record without extension, such as Fixtures/208s" : "Get the record anew")
        }
        let index = try Self.signalIndex(wanted, in: record, path: stem)
        let signal = record.header.signals[index]
        guard let millivoltsPerUnit = signal.millivoltsPerUnit else {
            throw ToolError(
                "signal \(index) of \(stem) is in \(signal.units ?? "no unit"), not in a voltage",
                nextStep: "Choose an ECG lead with --lead")
        }
        let rate = record.samplingRate(ofSignal: index)
        guard SignalLimits.samplingRates.contains(rate) else {
            let rates = SignalLimits.samplingRates
            throw ToolError(
                "\(stem) has \(fixed(rate, 2)) samples a second; the monitor takes \(Int(rates.lowerBound)) to "
                    + "\(Int(rates.upperBound))",
                nextStep: "Resample the record first")
        }
        let range = signal.format.range
        let samples = record.samples[index]
        guard !samples.isEmpty else {
            throw ToolError("\(stem) holds no samples", nextStep: "Get the record anew")
        }
        self.init(
            name: stem, samplingRate: rate, lead: SignalLimits.leadName(signal.description ?? ""),
            gain: signal.gain / millivoltsPerUnit, baseline: signal.baseline,
            countRange: Self.converterRange(signal, within: (range.lowerBound + 1)...range.upperBound), counts: samples,
            invalidIndices: samples.indices.filter { samples[$0] == signal.format.invalidSample })
    }

    private static func signalIndex(_ wanted: String?, in record: Record, path: String) throws(ToolError) -> Int {
        let names = record.header.signals.map { $0.description ?? "" }
        guard !names.isEmpty else {
            throw ToolError("\(path) has no signals", nextStep: "Give a record that has samples")
        }
        guard let wanted else { return 0 }
        if let index = names.firstIndex(of: wanted) { return index }
        if let index = Int(wanted), names.indices.contains(index) { return index }
        throw ToolError(
            "\(path) has no lead \(wanted)",
            nextStep: "It has " + names.enumerated().map { "\($0.offset) \($0.element)" }.joined(separator: ", "))
    }

    /// What the converter could give: `adcResolution` bits about `adcZero` where the header states them and the samples
    /// keep to them, else what the format can hold.
    private static func converterRange(
        _ signal: SignalSpecification, within limits: ClosedRange<Int32>
    ) -> ClosedRange<Int32> {
        guard let bits = signal.adcResolution, (1...24).contains(bits), let zero = signal.adcZero else { return limits }
        let half = Int64(1) << Int64(bits - 1)
        let lower = max(Int64(zero) - half, Int64(limits.lowerBound))
        let upper = min(Int64(zero) + half - 1, Int64(limits.upperBound))
        return lower < upper ? Int32(lower)...Int32(upper) : limits
    }
}
