/// An annotation of an EDF+ file.
public struct EDFAnnotation: Sendable, Hashable {
    /// Seconds after the start of the file.
    public var onset: Double
    /// Seconds; nil: not given.
    public var duration: Double?
    public var text: String

    public init(onset: Double, duration: Double? = nil, text: String) {
        self.onset = onset
        self.duration = duration
        self.text = text
    }
}

/// Time-stamped annotation lists: `+ONSET[\u{15}DURATION]\u{14}TEXT\u{14}...\u{14}\0`.
enum EDFAnnotationList {
    private static let textEnd: UInt8 = 0x14
    private static let durationStart: UInt8 = 0x15

    /// The annotations of one signal of one record; lists that make no sense are left out.
    /// - Returns: the onset of the record, if its first list has one, and the annotations.
    static func parse(_ bytes: some Collection<UInt8>) -> (recordOnset: Double?, annotations: [EDFAnnotation]) {
        var recordOnset: Double?
        var annotations: [EDFAnnotation] = []
        for list in bytes.split(separator: 0) {
            let parts = list.split(separator: textEnd, omittingEmptySubsequences: false)
            guard let stamp = parts.first else { continue }
            let times = stamp.split(separator: durationStart, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            guard let word = times.first, word.hasPrefix("+") || word.hasPrefix("-"), let onset = Double(word),
                onset.isFinite, abs(onset) < 1e10
            else { continue }
            let duration = times.count > 1 ? Double(times[1]).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } : nil
            // The first list of a record begins with an empty text: it tells when the record begins.
            if recordOnset == nil, annotations.isEmpty, parts.count > 1, parts[1].isEmpty { recordOnset = onset }
            for part in parts.dropFirst() where !part.isEmpty {
                annotations.append(
                    EDFAnnotation(onset: onset, duration: duration, text: String(decoding: part, as: UTF8.self)))
            }
        }
        return (recordOnset, annotations)
    }

    static func stamp(_ onset: Double) -> [UInt8] { Array("\(onset < 0 ? "" : "+")\(decimal(onset))".utf8) }

    /// The list that tells when a record begins.
    static func timekeeping(_ onset: Double) -> [UInt8] { stamp(onset) + [textEnd, textEnd, 0] }

    static func list(_ annotation: EDFAnnotation) -> [UInt8] {
        var bytes = stamp(annotation.onset)
        if let duration = annotation.duration { bytes += [durationStart] + Array(decimal(duration).utf8) }
        // Nothing that would end the text before its time.
        let text = annotation.text.utf8.map { $0 < 32 ? 32 : $0 }.prefix(120)
        return bytes + [textEnd] + text + [textEnd, 0]
    }

    /// At most six decimals, without an exponent.
    private static func decimal(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e10 else { return "0" }
        let micros = Int((abs(value) * 1e6).rounded())
        var text = "\(micros / 1_000_000)"
        if micros % 1_000_000 != 0 {
            let fraction = String(micros % 1_000_000)
            text += "." + String(repeating: "0", count: 6 - fraction.count) + fraction
            while text.last == "0" { text.removeLast() }
        }
        return (value < 0 && micros > 0 ? "-" : "") + text
    }
}
