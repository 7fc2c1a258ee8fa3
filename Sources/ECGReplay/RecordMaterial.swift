import ECGLimits
public import ToolSupport
import WFDB

extension ReplayMaterial {
    /// One lead of a WFDB record, or all.
    /// - Parameters:
    ///   - path: the record's path without extension (`.hea` and `.dat` are accepted).
    ///   - lead: a lead's name or its number, from 0; nil: the first signal that is an ECG by its name and unit; "all":
    ///     every ECG of the same rate, the first with the others as its further leads.
    ///   - strict: whether an inconsistency in the files is an error rather than a warning.
    /// - Throws: `ToolError` with the file and, if there is one, the byte position.
    public init(recordPath path: String, lead wanted: String? = nil, strict: Bool = false) throws(ToolError) {
        let place = RecordPath(path)
        let stem = place.directory.isEmpty ? place.name : "\(place.directory)/\(place.name)"
        var records: [Record] = []
        do {
            let source = try RecordSource(place.name, in: place.directory, strict: strict).withTrueBaseline()
            for signal in try RecordLead.indices(wanted, in: source.header, path: stem) {
                records.append(try Record.read(source, signal: signal))
            }
        } catch let error as WFDBError {
            throw ToolError(
                "record \(stem) cannot be read: \(error)",
                nextStep: error.code == .cannotRead
                    ? "Give the path of a WFDB record without extension, such as Fixtures/208s"
                    : RecordAdvice.nextStep(error, in: place.directory, strict: strict))
        } catch {
            throw error as? ToolError ?? ToolError("record \(stem) cannot be read: \(error)", nextStep: "")
        }
        var warnings: [WFDBError] = []
        for warning in records.flatMap(\.warnings) where !warnings.contains(warning) { warnings.append(warning) }
        RecordWarnings.report(warnings)
        let names = RecordLead.names(records.map { $0.header.signals[0] })
        var leads: [ReplayMaterial] = []
        for (record, name) in zip(records, names) { leads.append(try Self.lead(of: record, called: name, stem: stem)) }
        self = leads.removeFirst()
        furtherLeads = leads
    }

    /// The only signal of a record as material.
    private static func lead(
        of record: Record, called name: String, stem: String
    ) throws(ToolError) -> ReplayMaterial {
        let index = 0
        let signal = record.header.signals[index]
        let millivoltsPerUnit = signal.millivoltsPerUnit ?? 1
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
            throw ToolError("\(stem) holds no samples of this signal", nextStep: "Choose another with --lead")
        }
        return ReplayMaterial(
            name: stem, samplingRate: rate, lead: name,
            gain: signal.gain / millivoltsPerUnit, baseline: signal.baseline,
            countRange: converterRange(signal, within: (range.lowerBound + 1)...range.upperBound), counts: samples,
            invalidIndices: samples.indices.filter { samples[$0] == signal.format.invalidSample }, gaps: record.gaps)
    }

    /// The range of the converter: `adcResolution` bits around `adcZero` if the header gives them and the samples stay
    /// within them, otherwise the range of the storage format.
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
