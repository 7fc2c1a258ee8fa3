/// Beat-by-beat comparison according to EC57: which beats were found, and as which class.
public struct EC57Score: Sendable, Equatable {
    /// Half-width of the window within which a found beat matches a reference beat (EC57 4.3.2).
    public static let matchWindowSeconds = 0.15
    /// Index of "no beat" in the matrix.
    public static let none = EC57Class.allCases.count
    private static let side = none + 1

    /// `matrix[reference * 6 + found]`, in the order N S V F Q and "no beat".
    public private(set) var matrix = [Int](repeating: 0, count: side * side)
    /// Found minus reference R peak, in ms, for every matched beat.
    public private(set) var rPeakErrors: [Double] = []
    /// From the reference R peak to the sample at which the beat was reported, in ms, for every matched beat for which
    /// that sample is known.
    public private(set) var delays: [Double] = []
    /// The class of the reference beat matched by each found beat, keyed by the found beat's sample; nil if it matched
    /// none. Only in the score of a single record; empty in sums of records.
    public private(set) var referenceClasses: [Int64: EC57Class?] = [:]

    public init() {}

    /// Compares one record.
    /// - Parameters:
    ///   - reference: the annotated beats.
    ///   - found: the beats under test, in any order.
    ///   - startSeconds: start of scoring, in seconds from the beginning of the record. EC57 excludes the first five
    ///     minutes (300) for learning; 0 scores the whole record.
    public init(reference: EC57Reference, found: [EC57Beat], from startSeconds: Double) {
        let window = Int64((Self.matchWindowSeconds * reference.samplingRate).rounded(.toNearestOrEven))
        let start = Int64(startSeconds * reference.samplingRate)
        let end = reference.frameCount
        let expected = reference.beats.filter {
            (start..<max(start, end)).contains($0.sampleIndex) && reference.isScored($0.sampleIndex)
        }
        // A beat found just before the start may match a reference beat just after it; on its own it is not counted.
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
            // Two beats are a pair only if neither is nearer to the next beat of the other side.
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

    /// The number of beats of a reference class that were found as a given class.
    /// - Parameters: raw values of `EC57Class`; `none` stands for "no beat" on either side.
    public func count(reference: Int, found: Int) -> Int { matrix[reference * Self.side + found] }

    /// Gross statistics: the counts of the records are added, as in EC57.
    public static func += (total: inout EC57Score, record: EC57Score) {
        for index in total.matrix.indices { total.matrix[index] += record.matrix[index] }
        total.rPeakErrors += record.rPeakErrors
        total.delays += record.delays
    }

    /// Reference beats that were found, with any class.
    public var truePositives: Int {
        (0..<Self.none).reduce(0) { sum, r in (0..<Self.none).reduce(sum) { $0 + count(reference: r, found: $1) } }
    }
    /// Reference beats that were not found.
    public var falseNegatives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: $1, found: Self.none) } }
    /// Found beats without a matching reference beat.
    public var falsePositives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: Self.none, found: $1) } }
    /// All scored reference beats.
    public var beats: Int { truePositives + falseNegatives }

    /// Percentage of the reference beats that were found; nil if there are none.
    public var sensitivity: Double? { Self.percent(truePositives, beats) }
    /// Percentage of the found beats that match a reference beat; nil if none was found.
    public var positivePredictivity: Double? { Self.percent(truePositives, truePositives + falsePositives) }
    /// (missed + false) / reference beats, in percent; nil without any reference beat.
    public var errorRate: Double? { Self.percent(falseNegatives + falsePositives, beats) }

    /// Percentage of a class's reference beats that were found as that class; missed beats count against it. nil if the
    /// class has no reference beat.
    public func sensitivity(of beatClass: EC57Class) -> Double? {
        let hit = count(reference: beatClass.rawValue, found: beatClass.rawValue)
        let all = (0...Self.none).reduce(0) { $0 + count(reference: beatClass.rawValue, found: $1) }
        return Self.percent(hit, all)
    }

    /// Percentage of the beats found as a class that belong to it; nil if none was found.
    ///
    /// EC57 (4.3.3): a fusion or unclassifiable beat classified as V, and an unclassifiable beat classified as S, count
    /// neither as correct nor as wrong.
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

    /// Mean distance between found and reference R peak, in ms; nil without any matched beat.
    public var meanAbsoluteRPeakError: Double? {
        rPeakErrors.isEmpty ? nil : rPeakErrors.reduce(0) { $0 + abs($1) } / Double(rPeakErrors.count)
    }

    private static func percent(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? 100 * Double(part) / Double(whole) : nil
    }
}
