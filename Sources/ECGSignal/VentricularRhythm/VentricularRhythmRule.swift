public import StateCoding

/// Makes findings of the rows of a `VentricularRhythmDetector`, and says how sure they are.
///
/// p is a row's probability of fibrillation and tachycardia together, 0 where the height is below 0.1 mV.
///
/// - VT or VF begins when p has a mean of 0.93 and more over 5 rows, or of 0.85 and more over 9. It is told to have
///   begun 2.5 s before the first of the rows in a row with p of 0.5 and more (at most 20 rows back), and is VF if
///   fibrillation was the more probable over these, or if the period has a mean below 0.24 s (250/min): flutter.
/// - It ends when the mean of 9 rows is below 0.5, or the largest of 5 below 0.25.
/// - VT becomes VF when fibrillation is more probable by 0.5, or the rhythm as fast as flutter (mean of 8 rows); VF becomes VT when tachycardia is by
///   0.4 (mean of 20 rows) and 10 s have passed: each change is a new alarm, so it must be rare.
/// - Without such a strong start, a mean of 0.7 and more over 10 rows is VT or an artefact. Were this an alarm, 5.8
///   instead of 2.5 an hour would be false on vfdb, and 15.5 instead of 10 on cudb. Strong noise may give it.
public struct VentricularRhythmRule: Sendable, Codable, RangeChecked {
    /// What the signal shows.
    public enum Finding: UInt8, Sendable, CaseIterable, Codable {
        /// Nothing of the kind.
        case none
        /// Ventricular tachycardia, or an artefact that looks like it.
        case tachycardiaOrArtefact
        case ventricularTachycardia
        /// Fibrillation or flutter.
        case ventricularFibrillation
    }

    /// Something changed, reported once.
    public struct Change: Sendable, Equatable {
        /// What the signal shows from now on.
        public var finding: Finding
        /// The first sample of it; of `.none`, the last sample of the last row that showed what has ended.
        public var sinceIndex: Int64
        /// How sure VT or VF is, 0...1: the mean of p over 7 rows. By the marks of vfdb and cudb, held out, 0.1 % of
        /// rows with p below 0.1 are VT or VF, 4 % of those with 0.3 to 0.5, 22 % with 0.7 to 0.85, 68 % with 0.85 to
        /// 0.93, and 95 % above.
        public var confidence: Float
    }

    /// Samples of 360 Hz without a row, beyond those a new window takes, after which nothing before them counts: 2 s.
    public static let longestInterruption: Int64 = 720

    /// In mV from peak to peak: below it nothing is told from noise.
    static let minimumHeight: Float = 0.1
    /// Rows kept: the run of 20 and the one before it, and a few to spare.
    private static let capacity = 24
    private static let strongStarts: [(rows: Int, mean: Double)] = [(5, 0.93), (9, 0.85)]
    private static let weakStart: (rows: Int, mean: Double) = (10, 0.7)
    private static let endRows = 9
    private static let endMean = 0.5
    private static let fastEndRows = 5
    private static let fastEndLargest: Float = 0.25
    /// A row with such a p belongs to the rhythm.
    private static let likely: Float = 0.5
    private static let longestRun = 20
    /// 2.5 s: a window shows a rhythm when most of it is filled with it.
    private static let onsetLead: Int64 = 900
    private static let toFibrillation: (rows: Int, lead: Double) = (8, 0.5)
    private static let toTachycardia: (rows: Int, lead: Double, samples: Int64) = (20, 0.4, 3_600)
    private static let confidenceRows = 7
    /// A shorter period, in s, is flutter rather than tachycardia.
    private static let flutterPeriod = 0.24

    public private(set) var finding = Finding.none
    /// The first sample of the finding.
    private var since: Int64 = 0
    /// The last sample of the row with which VT or VF, or what may be it, was found.
    private var decided: Int64 = 0
    /// Rows in the order of their number, which is `taken` - 1 for the newest.
    private var taken: Int64 = 0
    private var lethal = InlineArray<24, Float>(repeating: 0)
    private var fibrillation = InlineArray<24, Float>(repeating: 0)
    private var tachycardia = InlineArray<24, Float>(repeating: 0)
    private var periods = InlineArray<24, Float>(repeating: 0)
    private var indices = InlineArray<24, Int64>(repeating: 0)

    public init() {}

    /// Forgets everything.
    public mutating func reset() { self = VentricularRhythmRule() }

    /// After an interruption of the signal: rows from before it count on if it was shorter than 2 s. Otherwise all is
    /// forgotten.
    ///
    /// - Parameter missing: samples of 360 Hz that were lost.
    /// - Returns: false if all was forgotten, an alarm that was on included.
    @discardableResult
    public mutating func interrupt(missing: Int64) -> Bool {
        guard missing >= Self.longestInterruption else { return true }
        reset()
        return false
    }

    public var isInRange: Bool {
        func areProbabilities(_ values: Span<Float>) -> Bool {
            for index in values.indices where !(-0.001...1.001).contains(values[index]) { return false }
            return true
        }
        return taken >= 0 && since >= 0 && decided >= 0 && areProbabilities(lethal.span)
            && areProbabilities(fibrillation.span) && areProbabilities(tachycardia.span)
    }

    /// How sure the finding is at the newest row, 0...1: the mean of p over 7 rows; 0 before the first.
    public var confidence: Float { rowCount == 0 ? 0 : Float(mean(min(Self.confidenceRows, rowCount)) { lethal[$0] }) }

    /// The largest p of the last 10 rows, 5 s, 0...1: whether a run of ventricular beats that the beats' classes show,
    /// and which may be too short for this rule, looks like one. Of 18 true and 51 false alarms for VT of the challenge
    /// of 2015, held out, 16 and 16 have 0.3 and more, 14 and 10 have 0.6 and more.
    public var largestRecentProbability: Float { largest(min(10, rowCount)) }

    /// Takes a row.
    ///
    /// - Parameter row: the rows in the order in which the detector gives them.
    /// - Returns: what changed by it, if anything did.
    public mutating func step(_ row: VentricularRhythmDetector.Row) -> Change? {
        append(row)
        let now = row.sampleIndex + 1
        let new: Finding
        var begin = now
        switch finding {
        case .none, .tachycardiaOrArtefact:
            if Self.strongStarts.contains(where: reaches) {
                (new, begin) = strongStart()
            } else if finding == .none {
                new = reaches(Self.weakStart) ? .tachycardiaOrArtefact : .none
                begin = indices[place(back: runLength - 1)] + 1 - Self.onsetLead
            } else {
                new = hasEnded ? .none : finding
            }
        case .ventricularTachycardia:
            new = hasEnded ? .none : isFibrillation ? .ventricularFibrillation : finding
        case .ventricularFibrillation:
            new = hasEnded ? .none : isTachycardia(now) ? .ventricularTachycardia : finding
        }
        guard new != finding else { return nil }
        if finding == .none || finding == .tachycardiaOrArtefact { decided = row.sampleIndex }
        finding = new
        since = max(0, new == .none ? max(lastLikelyIndex, decided) : begin)
        return Change(finding: new, sinceIndex: since, confidence: confidence)
    }

    // MARK: - Decisions

    private func reaches(_ start: (rows: Int, mean: Double)) -> Bool {
        rowCount >= start.rows && mean(start.rows) { lethal[$0] } >= start.mean
    }

    /// What has begun, and where.
    private func strongStart() -> (Finding, Int64) {
        let rows = runLength
        let begin = indices[place(back: rows - 1)] + 1 - Self.onsetLead
        let lead = mean(rows) { fibrillation[$0] - tachycardia[$0] }
        return (lead > 0 || isFast(rows) ? .ventricularFibrillation : .ventricularTachycardia, begin)
    }

    /// Whether the rhythm of the newest rows is as fast as flutter.
    private func isFast(_ rows: Int) -> Bool {
        let period = mean(rows) { periods[$0] }
        return period > 0 && period < Self.flutterPeriod
    }

    /// Rows of the run that ends with the newest, which counts in any case, and whose others all are likely.
    private var runLength: Int {
        var rows = 1
        while rows < rowCount, rows <= Self.longestRun, lethal[place(back: rows)] >= Self.likely { rows += 1 }
        return rows
    }

    private var hasEnded: Bool {
        mean(min(Self.endRows, rowCount)) { lethal[$0] } < Self.endMean
            || largest(min(Self.fastEndRows, rowCount)) < Self.fastEndLargest
    }

    private var isFibrillation: Bool {
        let rows = min(Self.toFibrillation.rows, rowCount)
        return mean(rows) { fibrillation[$0] - tachycardia[$0] } > Self.toFibrillation.lead || isFast(rows)
    }

    private func isTachycardia(_ now: Int64) -> Bool {
        now - since > Self.toTachycardia.samples
            && !isFast(min(Self.toTachycardia.rows, rowCount))
            && mean(min(Self.toTachycardia.rows, rowCount)) { tachycardia[$0] - fibrillation[$0] }
                > Self.toTachycardia.lead
    }

    /// The last sample of the newest row that is likely; of the oldest, if none is.
    private var lastLikelyIndex: Int64 {
        for back in 0..<rowCount where lethal[place(back: back)] >= Self.likely { return indices[place(back: back)] }
        return indices[place(back: rowCount - 1)]
    }

    // MARK: - Rows

    private mutating func append(_ row: VentricularRhythmDetector.Row) {
        let place = Int(taken % Int64(Self.capacity))
        taken += 1
        lethal[place] = row.height >= Self.minimumHeight ? row.fibrillation + row.tachycardia : 0
        fibrillation[place] = row.fibrillation
        tachycardia[place] = row.tachycardia
        periods[place] = row.period
        indices[place] = row.sampleIndex
    }

    private var rowCount: Int { Int(min(taken, Int64(Self.capacity))) }

    /// Place of a row, 0 back for the newest.
    private func place(back: Int) -> Int { Int((taken - 1 - Int64(back)) % Int64(Self.capacity)) }

    /// Mean over the newest rows, 1 or more.
    private func mean(_ rows: Int, _ value: (Int) -> Float) -> Double {
        var sum = 0.0
        for back in 0..<rows { sum += Double(value(place(back: back))) }
        return sum / Double(rows)
    }

    private func largest(_ rows: Int) -> Float {
        var largest: Float = 0
        for back in 0..<rows { largest = max(largest, lethal[place(back: back)]) }
        return largest
    }
}
