/// What a signal measures, according to its header.
public enum SignalKind: Sendable, Hashable {
    /// Named like an ECG lead, in units of voltage.
    case ecg
    /// A voltage whose name does not say what it is.
    case unknown
    /// Named like something else, or not a voltage.
    case other
}

extension SignalSpecification {
    /// Determined by the units first, then by the words of the description.
    public var kind: SignalKind {
        guard millivoltsPerUnit != nil else { return .other }
        let words = (description ?? "").lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
        // "ECG", "ECG1", "EKG lead II", "ecg_raw".
        if words.contains(where: { $0.hasPrefix("ecg") || $0.hasPrefix("ekg") }) { return .ecg }
        if words.contains(where: { word in Self.otherWords.contains { word.hasPrefix($0) } }) { return .other }
        if words.contains(where: Self.otherNames.contains) { return .other }
        return words.contains(where: Self.isLead) ? .ecg : .unknown
    }

    /// Words with these prefixes name something else, whatever follows.
    private static let otherWords = [
        "resp", "pleth", "ppg", "spo2", "sao2", "eeg", "eog", "emg", "accel", "thor", "abdo", "airflow", "nasal",
        "snor",
        "press", "marker", "trigger", "impedance", "annot", "body", "position", "temp", "phono", "pcg", "icg", "bcg",
    ]
    /// Full names of something else: pressures, flows, gases, scalp electrodes.
    private static let otherNames: Set<String> = [
        "abp", "art", "bp", "nbp", "nibp", "cvp", "pap", "icp", "lap", "rap", "ao", "uap", "uvp", "fbp", "ibp", "co2",
        "etco2", "o2", "flow", "chest", "tho", "abd", "abdomen", "ribcage", "gsr", "eda", "acc", "ax", "ay", "az",
        "sound",
        "light", "event", "stim", "stimulus", "uc", "toco", "fp1", "fp2", "fz", "cz", "pz", "oz", "loc", "roc", "chin",
    ]
    private static let leadNames: Set<String> = [
        "i", "ii", "iii", "avr", "avl", "avf", "v", "vx", "vy", "vz", "mcl", "mli", "mlii", "mliii", "mlavf",
    ]

    /// The standard leads, the chest leads, the modified and bipolar leads of Holter recorders (MLII, CM5, CC5, MCL1),
    /// and the D and L of limb leads in European recorders.
    private static func isLead(_ word: String) -> Bool {
        if leadNames.contains(word) { return true }
        let name = word.prefix { $0.isLetter }
        let number = word.dropFirst(name.count)
        guard let place = Int(number), (1...9).contains(place) else { return false }
        return ["v", "cm", "cc", "cs", "cb", "ml", "mcl", "mv", "d", "l"].contains(String(name))
    }
}

extension RecordHeader {
    /// The signal to use if none is chosen: the first that is named like an ECG, else the first voltage whose
    /// name does not rule it out; nil if every signal is something else.
    public var firstECG: Int? {
        signals.firstIndex { $0.kind == .ecg } ?? signals.firstIndex { $0.kind == .unknown }
    }

    /// The signal with this description, ignoring surrounding blanks and case if there is no exact match;
    /// otherwise the signal with this number, counted from 0.
    public func signal(called name: String) -> Int? {
        func trimmed(_ text: String) -> String {
            String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        }
        let names = signals.map { trimmed($0.description ?? "") }
        let wanted = trimmed(name)
        guard !wanted.isEmpty else { return nil }
        if let index = names.firstIndex(of: wanted) { return index }
        if let index = Int(wanted), names.indices.contains(index) { return index }
        return names.firstIndex { $0.lowercased() == wanted.lowercased() }
    }
}
