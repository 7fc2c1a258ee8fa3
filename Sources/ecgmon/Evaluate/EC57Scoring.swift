import WFDB

/// The five classes of AAMI EC57 (ANSI/AAMI/ISO EC57:2012, table 3), in the order of the confusion matrix.
enum EC57Class: Int, Sendable, CaseIterable {
    /// Normal, bundle branch block and escape beats that are neither S nor V.
    case normal
    /// Supraventricular ectopic.
    case supraventricular
    /// Ventricular ectopic, R-on-T included.
    case ventricular
    /// Fusion of ventricular and normal.
    case fusion
    /// Paced, fusion of paced and normal, unclassifiable.
    case unclassifiable

    var letter: Character { Array("NSVFQ")[rawValue] }

    /// Nil for an annotation that is not a beat.
    init?(_ code: AnnotationCode) {
        switch code.symbol {
        case "N", "L", "R", "e", "j", "B", "n", "?": self = .normal
        case "A", "a", "J", "S": self = .supraventricular
        case "V", "E", "r": self = .ventricular
        case "F": self = .fusion
        case "/", "f", "Q": self = .unclassifiable
        default: return nil
        }
    }
}

/// A beat that is scored, or scored against.
struct EC57Beat: Sendable, Equatable {
    /// The R peak, frames of the record.
    var sampleIndex: Int64
    var beatClass: EC57Class
    /// The sample with which the beat was known; nil for a reference, and for beats read from a file.
    var decidedAtSampleIndex: Int64?

    /// In the order of time; two at one sample by the class's letter, so that the result does not depend on the input's
    /// order.
    static func precedes(_ a: EC57Beat, _ b: EC57Beat) -> Bool {
        a.sampleIndex != b.sampleIndex ? a.sampleIndex < b.sampleIndex : a.beatClass.letter < b.beatClass.letter
    }
}

/// The reference for one record.
struct EC57Reference: Sendable {
    /// In the order of time.
    var beats: [EC57Beat]
    /// Ventricular flutter and fibrillation: nothing in there is scored, the end points included.
    var flutter: [ClosedRange<Int64>]
    var samplingRate: Double
    var frameCount: Int64

    init(annotations: [Annotation], samplingRate: Double, frameCount: Int) {
        self.samplingRate = samplingRate
        self.frameCount = Int64(frameCount)
        beats = []
        flutter = []
        var onset: Int64?
        for annotation in annotations {
            if annotation.code == .ventricularFlutterStart {
                onset = annotation.sampleIndex
            } else if annotation.code == .ventricularFlutterEnd {
                let start = onset ?? 0
                if start <= annotation.sampleIndex { flutter.append(start...annotation.sampleIndex) }
                onset = nil
            } else if let beatClass = EC57Class(annotation.code) {
                beats.append(EC57Beat(sampleIndex: annotation.sampleIndex, beatClass: beatClass))
            }
        }
        // Flutter that the record's end cuts off.
        if let onset, onset < self.frameCount { flutter.append(onset...self.frameCount) }
        beats.sort(by: EC57Beat.precedes)
    }

    func isScored(_ index: Int64) -> Bool { !flutter.contains { $0.contains(index) } }
}

/// Beat-by-beat comparison after EC57: which beats were found, and as what.
struct EC57Score: Sendable, Equatable {
    /// Half of the window within which a found beat belongs to a reference beat (EC57 4.3.2).
    static let matchWindowSeconds = 0.15
    /// Index of "no beat" in the matrix.
    static let none = EC57Class.allCases.count
    private static let side = none + 1

    /// `matrix[reference * 6 + found]`, N S V F Q and "no beat".
    private(set) var matrix = [Int](repeating: 0, count: side * side)
    /// Found minus reference, in ms, of every matched beat.
    private(set) var rPeakErrors: [Double] = []
    /// From the reference R peak to the sample with which the beat was known, in ms, of every matched beat where it is
    /// known.
    private(set) var delays: [Double] = []
    /// The class of the reference beat of each found one, by the found beat's sample; nil: it belongs to none. Of one
    /// record.
    private(set) var referenceClasses: [Int64: EC57Class?] = [:]

    init() {}

    /// Compares one record.
    /// - Parameters:
    ///   - reference: the annotator's beats.
    ///   - found: the beats under test, in any order.
    ///   - startSeconds: EC57 leaves the first five minutes for learning (300); 0 scores the whole record.
    init(reference: EC57Reference, found: [EC57Beat], from startSeconds: Double) {
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

    /// How many beats of a reference class were found as a class; `none` stands for "no beat" on either side.
    func count(reference: Int, found: Int) -> Int { matrix[reference * Self.side + found] }

    /// Gross figures: the records' counts are added, as EC57 does.
    static func += (total: inout EC57Score, record: EC57Score) {
        for index in total.matrix.indices { total.matrix[index] += record.matrix[index] }
        total.rPeakErrors += record.rPeakErrors
        total.delays += record.delays
    }

    /// Reference beats that were found, whatever as.
    var truePositives: Int {
        (0..<Self.none).reduce(0) { sum, r in (0..<Self.none).reduce(sum) { $0 + count(reference: r, found: $1) } }
    }
    /// Reference beats that were not found.
    var falseNegatives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: $1, found: Self.none) } }
    /// Found beats without a reference beat.
    var falsePositives: Int { (0..<Self.none).reduce(0) { $0 + count(reference: Self.none, found: $1) } }
    var beats: Int { truePositives + falseNegatives }

    /// Share of the reference beats that were found, percent; nil without any.
    var sensitivity: Double? { Self.percent(truePositives, beats) }
    /// Share of the found beats that are beats, percent.
    var positivePredictivity: Double? { Self.percent(truePositives, truePositives + falsePositives) }
    /// (missed + false) / reference beats, percent.
    var errorRate: Double? { Self.percent(falseNegatives + falsePositives, beats) }

    /// Share of a class's reference beats that were found as that class; missed ones count against it.
    func sensitivity(of beatClass: EC57Class) -> Double? {
        let hit = count(reference: beatClass.rawValue, found: beatClass.rawValue)
        let all = (0...Self.none).reduce(0) { $0 + count(reference: beatClass.rawValue, found: $1) }
        return Self.percent(hit, all)
    }

    /// Share of the beats found as a class that are of it.
    ///
    /// EC57 (4.3.3): a fusion or unclassifiable beat called V, and an unclassifiable beat called S, is neither right
    /// nor wrong.
    func positivePredictivity(of beatClass: EC57Class) -> Double? {
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

    /// Mean distance between found and reference R peak, ms.
    var meanAbsoluteRPeakError: Double? {
        rPeakErrors.isEmpty ? nil : rPeakErrors.reduce(0) { $0 + abs($1) } / Double(rPeakErrors.count)
    }

    private static func percent(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? 100 * Double(part) / Double(whole) : nil
    }
}
