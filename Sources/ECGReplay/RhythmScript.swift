public import ECGSignal
import ToolSupport

/// A script for the ECG simulator as one word: consecutive rhythms with their rate and duration, as in
/// `sinus@72:60,vt@180:10,asystole:6,sinus`. The last continues to the end.
public struct RhythmScript: Equatable, Sendable {
    public let segments: [SimulatedSegment]

    /// The rhythm names that a script may contain.
    public static let rhythmNames = [
        "sinus", "af", "bigeminy", "trigeminy", "pvc", "couplets", "runs", "apc", "svt", "vt", "vf", "asystole",
    ]

    /// - Returns: nil if the text is not a valid script.
    public init?(_ text: String) {
        var segments: [SimulatedSegment] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let segment = Self.segment(word) else { return nil }
            segments.append(segment)
        }
        guard !segments.isEmpty else { return nil }
        self.segments = segments
    }

    private static func segment(_ word: Substring) -> SimulatedSegment? {
        let halves = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first else { return nil }
        var seconds = Double.infinity
        if halves.count == 2 {
            guard let time = ClockTime(String(halves[1])), time.seconds > 0 else { return nil }
            seconds = time.seconds
        }
        let parts = first.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        var stated: Double?
        if parts.count == 2 {
            guard let value = Double(parts[1]), (10...350).contains(value) else { return nil }
            stated = value
        }
        guard let name = parts.first, let rhythm = rhythm(name, rate: stated) else { return nil }
        return SimulatedSegment(rhythm, seconds: seconds)
    }

    private static func rhythm(_ name: Substring, rate: Double?) -> SimulatedSegment.Rhythm? {
        switch name {
        case "sinus": .sinus(rate: rate ?? 72)
        case "af": .atrialFibrillation(rate: rate ?? 95)
        case "bigeminy": .bigeminy(rate: rate ?? 80)
        case "trigeminy": .trigeminy(rate: rate ?? 80)
        case "pvc": .ventricularGroups(rate: rate ?? 72, every: 8, count: 1, groupRate: 150)
        case "couplets": .ventricularGroups(rate: rate ?? 72, every: 8, count: 2, groupRate: 150)
        case "runs": .ventricularGroups(rate: rate ?? 72, every: 10, count: 4, groupRate: 150)
        case "apc": .supraventricularGroups(rate: rate ?? 72, every: 8, count: 1, groupRate: 130)
        case "svt": .supraventricularGroups(rate: rate ?? 72, every: 10, count: 6, groupRate: 160)
        case "vt": .ventricular(rate: rate ?? 180)
        case "vf": rate == nil ? .ventricularFibrillation : nil
        case "asystole": rate == nil ? .asystole : nil
        default: nil
        }
    }

    public static func == (left: RhythmScript, right: RhythmScript) -> Bool { left.segments == right.segments }
}
