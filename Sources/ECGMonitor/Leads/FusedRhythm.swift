internal import ECGSignal
internal import StateCoding

/// Ventricular rhythms judged in all usable leads together: of the leads' rows, one goes to the one rule of the stream.
struct FusedRhythm: Sendable, Codable, RangeChecked {
    /// A row that is older than this, in s, says nothing about now.
    static let longestAge = 0.75

    private var rule = VentricularRhythmRule()
    /// Index of the first sample, source rate, and samples at 360 Hz for each of the source's.
    private var origin: Int64 = 0
    private var ratio: Double = 1
    private var endedAt: Int64 = 0
    private var last: Int64 = -1

    var isInRange: Bool { (0.1...4).contains(ratio) && last >= -1 && origin >= 0 && endedAt >= 0 }

    /// The maximum probability of VT or VF within the last 5 s, 0 ... 1.
    var largestRecentProbability: Float { rule.largestRecentProbability }

    mutating func begin(at index: Int64, samplingRate: Double) {
        self = FusedRhythm()
        origin = index
        endedAt = index
        ratio = InternalSampling.rate / samplingRate
    }

    mutating func endSegment(at index: Int64) { endedAt = index }

    /// Detection begins again; after a short interruption, what was seen before still counts.
    ///
    /// - Returns: the finding to be told again, if there was one.
    mutating func beginSegment(at index: Int64) -> (finding: VentricularRhythmRule.Finding, confidence: Float)? {
        let before = rule.finding
        let isKept = rule.interrupt(missing: max(0, Int64(Double(index - endedAt) * ratio)))
        guard before != .none else { return nil }
        return isKept ? (before, rule.confidence) : (.none, 0)
    }

    /// Adds the leads' newest rows.
    ///
    /// - Parameters:
    ///   - rows: of the usable leads; at least one.
    ///   - index: the sample up to which they judge, source rate.
    /// - Returns: a change of the finding, its index at the source's rate.
    mutating func step(
        _ rows: [VentricularRhythmDetector.Row], at index: Int64
    ) -> VentricularRhythmRule.Change? {
        var row = Self.combined(rows)
        row.sampleIndex = max(Int64((Double(index - origin) * ratio).rounded()), last + 1)
        last = row.sampleIndex
        guard var change = rule.step(row) else { return nil }
        change.sinceIndex = origin + Int64((Double(change.sinceIndex) / ratio).rounded())
        return change
    }

    /// The row that speaks for all: the first lead's, unless it is mostly noise and another is not, or another lead
    /// clearly shows an organised rhythm. A lead may imitate VT by an artefact or by its own broad complexes; a heart
    /// in VT shows it in all leads. (The most probable row of all leads gave twice the false alarms on vfdb, and means
    /// of the leads missed episodes that one lead shows poorly.)
    static func combined(_ rows: [VentricularRhythmDetector.Row]) -> VentricularRhythmDetector.Row {
        var chosen = rows[0]
        if isUnclear(chosen) {
            for row in rows where isClear(row) && (isUnclear(chosen) || lethal(row) > lethal(chosen)) { chosen = row }
        }
        for row in rows where isClear(row) && lethal(row) < organised && lethal(row) < lethal(chosen) { chosen = row }
        return chosen
    }

    private static let organised: Float = 0.1

    private static func lethal(_ row: VentricularRhythmDetector.Row) -> Float {
        row.height >= VentricularRhythmRule.minimumHeight ? row.fibrillation + row.tachycardia : 0
    }

    private static func isUnclear(_ row: VentricularRhythmDetector.Row) -> Bool {
        row.height < VentricularRhythmRule.minimumHeight || row.noise > 0.5
    }

    private static func isClear(_ row: VentricularRhythmDetector.Row) -> Bool {
        row.height >= VentricularRhythmRule.minimumHeight && row.noise < 0.2
    }
}
