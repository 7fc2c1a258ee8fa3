import ECGLimits
public import ToolSupport
public import WFDB

/// Which signal of a record is used.
public enum RecordLead {
    /// - Parameters:
    ///   - wanted: a lead's name or its number, from 0; nil: the first signal that is an ECG by its name and unit.
    ///   - path: path of the record, for messages.
    public static func index(_ wanted: String?, in header: RecordHeader, path: String) throws(ToolError) -> Int {
        guard !header.signals.isEmpty else {
            throw ToolError("record \(path) has no signals", nextStep: "Give a record that has an ECG")
        }
        guard let wanted else {
            if let index = header.firstECG { return index }
            throw ToolError(
                "no signal of \(path) is an ECG by its name and unit",
                nextStep: "Choose one with --lead if it is an ECG all the same: \(list(header))")
        }
        guard let index = header.signal(called: wanted) else {
            throw ToolError("\(path) has no lead \(wanted)", nextStep: "It has \(list(header))")
        }
        guard header.signals[index].millivoltsPerUnit != nil else {
            throw ToolError(
                "signal \(index) of \(path) is in \(header.signals[index].units ?? "no unit"), not in a voltage",
                nextStep: "Choose an ECG lead with --lead: \(list(header))")
        }
        return index
    }

    /// The lead's name as the monitor accepts it, at most 32 bytes.
    public static func name(_ signal: SignalSpecification) -> String {
        SignalLimits.leadName(signal.description ?? "")
    }

    private static func list(_ header: RecordHeader) -> String {
        header.signals.enumerated().map { number, signal in
            "\(number) \(signal.description ?? "")"
                + (signal.millivoltsPerUnit == nil ? " (\(signal.units ?? ""))" : "")
        }.joined(separator: ", ")
    }
}
