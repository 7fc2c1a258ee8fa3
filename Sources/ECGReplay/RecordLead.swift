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

    /// The word that stands for every ECG lead.
    public static let all = "all"

    /// The chosen lead or, for ``all``, every ECG that has as many samples a second as the first, up to 12.
    public static func indices(
        _ wanted: String?, in header: RecordHeader, path: String
    ) throws(ToolError) -> [Int] {
        guard wanted == all, header.signal(called: all) == nil else {
            return [try index(wanted, in: header, path: path)]
        }
        let first = try index(nil, in: header, path: path)
        let indices = header.signals.indices.filter { number in
            let signal = header.signals[number]
            return signal.kind == header.signals[first].kind && signal.millivoltsPerUnit != nil
                && signal.samplesPerFrame == header.signals[first].samplesPerFrame
        }
        return Array(indices.prefix(SignalLimits.maximumLeads))
    }

    /// The names of several leads as the monitor accepts them: all different, none empty.
    public static func names(_ signals: [SignalSpecification]) -> [String] {
        guard signals.count > 1 else { return signals.map(name) }
        var names: [String] = []
        for (number, signal) in signals.enumerated() {
            let own = name(signal)
            var candidate = own.isEmpty ? "\(number + 1)" : own
            var copy = 2
            while names.contains(candidate) {
                candidate = SignalLimits.leadName(String(own.prefix(24))) + " \(copy)"
                copy += 1
            }
            names.append(candidate)
        }
        return names
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
