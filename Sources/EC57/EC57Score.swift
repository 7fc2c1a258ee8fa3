/// Beat-by-beat comparison after EC57: which beats were found, and as what.
public struct EC57Score: Sendable, Equatable {
    /// Half of the window within which a found beat belongs to a reference beat (EC57 4.3.2).
    public static let matchWindowSeconds = 0.15
    /// Index of "no beat" in the matrix.
    public static let none = EC57Class.allCases.count
    private static let side = none + 1

    /// `matrix[reference * 6 + found]`, N S V F Q and "no beat".
    public private(set) var matrix = [Int](repeating: 0, count: side * side)
    /// Found minus reference R peak, in ms, of every matched beat.
    public private(set) var rPeakErrors: [Double] = []
    /// From the reference R peak to the sample with which the beat was reported, in ms, of every matched beat for which
    /// that sample is known.
    public private(set) var delays: [Double] = []
    /// The class of the reference beat that each found beat was matched with, by the found beat's sample; nil where it
    /// was matched with none. Only in the score of a single record; sums of records leave it empty.
    public private(set) var referenceClasses: [Int64: EC57Class?] = [:]

    public init() {}

    /// Compares one record.
    /// - Parameters:
    ///   - reference: the annotated beats.
    ///   - found: the beats under test, in any order.
    ///   - startSeconds: scoring begins here, in seconds from the record's begin. EC57 leaves the first five minutes (300)
    ///     for learning; 0 scores the whole record.
    public init(reference: EC57Reference, found: [EC57Beat], from startSeconds: Double) {
        let window = Int64((Self.matchWindowSeconds * reference.samplingRate).rounded(.toNearestOrEven))
        let start = Int64(startSeconds * reference.samplingRate)
        let end = reference.frameCount
        let expected = reference.beats.filter {
            (start..<max(start, end)).contains($0.sampleIndex) && reference.isScored($0.sampleIndex)
        }
        // A beat found just before the start may belong to a reference beat just after it; alone it is not counted.
        let tested = found.filter {
            (start - window..<max(start - window, end)).contains($0.sampleIndex) && reference.isScored($0.sampleIndex)
        }.sorted(by: EC57Beat.precedes)

        var i = 0
        var j = 0
        func miss() {
            count(expected[i].beatClass.rawValue, Self.none)
            i += 1
        }
        func extra() {
            if tested[j].sampleIndex >= start {
                count(Self.none, tested[j].beatClass.rawValue)
                referenceClasses[tested[j].sampleIndex] = .some(nil)
            }
            j += 1
        }
        while i < expected.count || j < tested.count {
            guard j < tested.count else {
                miss()
                continue
            }
            guard i < expected.count else {
                extra()
                continue
            }
            let r = expected[i].sampleIndex
            let t = tested[j].sampleIndex
            if t - r > window {
                miss()
                continue
            }
            if r - t > window {
                extra()
                continue
            }
            // Two beats are a pair only if neither has a nearer partner in the one that follows.
            if j + 1 < tested.count {
                let next = abs(tested[j + 1].sampleIndex - r)
                let nextBelongsToNext =
                    i + 1 < expected.count && abs(expected[i + 1].sampleIndex - tested[j + 1].sampleIndex) < next
                if next < abs(r - t), tested[j + 1].sampleIndex - r <= window, !nextBelongsToNext {
                    extra()
                    continue
                }
            }
            if i + 1 < expected.count, abs(expected[i + 1].sampleIndex - t) < abs(r - t) {
                miss()
                continue
            }
            count(expected[i].beatClass.rawValue, tested[j].beatClass.rawValue)
            referenceClasses[tested[j].sampleIndex] = expected[i].beatClass
            rPeakErrors.append(Double(t - r) / reference.samplingRate * 1000)
            if let decided = tested[j].decidedAtSampleIndex {
                delays.append(Double(decided - r) / reference.samplingRate * 1000)
            }
            i += 1
            j += 1
        }
    }

    private mutating func count(_ reference: Int, _ found: Int) { matrix[reference * Self.side + found] += 1 }

    /// How many beats of a reference class were found as a class.
    /// - Parameters: raw values of `EC57Class`; `none` stands for "no beat" on either side.
    public func count(reference: Int, found: Int) -> Int { matrix[reference * Self.side + found] }

    /// Gross figures: the records' counts are added, as EC57 does.
    public static func += (total: inout EC57Score, record: EC57Score) {
        for index in total.matrix.indices { total.matrix[index] += record.matrix[index] }
        total.rPeakErrors += record.rPeakErrors
        total.delays += record.delays
    }

    /// Reference beats that were found, as whatever class.
    public var truePositives: Int {
        (0..<Self.none).reduce(0) { sum, r in (0..<Self.none).reduce(sum) { $0 + count(reference: r, found: $1) } }
    }
    /// Reference beats that were not found.
    public var falseNegatives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: $1, found: Self.none) } }
    /// Found beats without a reference beat.
    public var falsePositives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: Self.none, found: $1) } }
    /// All reference beats that are scored.
    public var beats: Int { truePositives + falseNegatives }

    /// Share of the reference beats that were found, percent; nil without any.
    public var sensitivity: Double? { Self.percent(truePositives, beats) }
    /// Share of the found beats that match a reference beat, percent; nil where none was found.
    public var positivePredictivity: Double? { Self.percent(truePositives, truePositives + falsePositives) }
    /// (missed + false) / reference beats, percent; nil without any reference beat.
    public var errorRate: Double? { Self.percent(falseNegatives + falsePositives, beats) }

    /// Share of a class's reference beats that were found as that class, percent; missed beats count against it. nil
    /// where the class has no reference beat.
    public func sensitivity(of beatClass: EC57Class) -> Double? {
        let hit = count(reference: beatClass.rawValue, found: beatClass.rawValue)
        let all = (0...Self.none).reduce(0) { $0 + count(reference: beatClass.rawValue, found: $1) }
        return Self.percent(hit, all)
    }

    /// Share of the beats found as a class that belong to it, percent; nil where none was found.
    ///
    /// EC57 (4.3.3): a fusion or unclassifiable beat called V, and an unclassifiable beat called S, counts neither as
    /// right nor as wrong.
    public func positivePredictivity(of beatClass: EC57Class) -> Double? {
        let free: [EC57Class] =
            switch beatClass {
            case .ventricular: [.fusion, .unclassifiable]
            case .supraventricular: [.unclassifiable]
            default: []
            }
        let hit = count(reference: beatClass.rawValue, found: beatClass.rawValue)
        let wrong = (0...Self.none).filter { r in r != beatClass.rawValue && !free.contains { $0.rawValue == r } }
            .reduce(0) { $0 + count(reference: $1, found: beatClass.rawValue) }
        return Self.percent(hit, hit + wrong)
    }

    /// Mean distance between found and reference R peak, ms; nil without any matched beat.
    public var meanAbsoluteRPeakError: Double? {
        rPeakErrors.isEmpty ? nil : rPeakErrors.reduce(0) { $0 + abs($1) } / Double(rPeakErrors.count)
    }

    private static func percent(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? 100 * Double(part) / Double(whole) : nil
    }
}
