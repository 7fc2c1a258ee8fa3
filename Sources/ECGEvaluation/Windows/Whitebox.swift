public import ECGATKGAN
import Glibc
import NeuralNetwork
import ToolSupport

/// The results of protocol W for one model.
public struct Whitebox: Sendable {
    /// One attack, or the worst of several.
    public struct Row: Sendable {
        public var name: String
        /// Every parameter of the attacks.
        public var parameters: String
        public var windows: Int
        public var figures: ClassificationFigures
        /// Percentage of windows whose suspicion exceeds the threshold that 1 % of clean windows exceed.
        public var suspected: Double?
        /// Percentage of windows that are misclassified and not suspected.
        public var wrongUnsuspected: Double?
    }

    /// Accuracies under the strongest attacks at one radius, in percent.
    public struct CurvePoint: Sendable {
        public var epsilon: Float
        public var plainAccuracy: Double
        public var oneAgainstRestAccuracy: Double
    }

    /// A sanity check of the attacks themselves.
    public struct Check: Sendable {
        public enum Outcome: String, Sendable {
            case passed, failed
            case notRun = "not run"
        }
        public var name: String
        public var outcome: Outcome
        /// The figures on which the result is based.
        public var detail: String
    }

    public let model: EvaluatedModel
    public let surrogate: EvaluatedModel?
    public let settings: WhiteboxSettings
    public let seed: UInt64
    /// The suspicion (0 ... 1) that 1 % of clean windows exceed; nil: the network has no attack head.
    public private(set) var threshold: Float?
    public private(set) var rows: [Row] = []
    public private(set) var curve: [CurvePoint] = []
    public private(set) var checks: [Check] = []

    /// The attacks of the worst case, which are applied to every window.
    public static let ensemble: [WindowAttack.Method] = [.fgsm, .bim, .pgd, .cw, .apgdCE, .apgdDLR]
    /// Additional attacks, each with a row of its own.
    public static let further: [WindowAttack.Method] = [.sap, .joint]

    private typealias Job = AttackMeasurement.Job
    private typealias MeasuredSet = AttackMeasurement.MeasuredSet

    public init(
        model: EvaluatedModel, surrogate: EvaluatedModel?, windows: EvaluationWindows, settings: WhiteboxSettings,
        measurement: AttackMeasurement
    ) throws {
        self.model = model
        self.surrogate = surrogate?.sha256 == model.sha256 ? nil : surrogate
        self.settings = settings
        seed = measurement.seed
        let all = MeasuredSet(windows)
        if settings.worstCaseOnly {
            try measureWorstCase(all, measurement)
            return
        }
        func job(_ label: String, _ sequence: AttackSequence, on set: MeasuredSet, by crafter: EvaluatedModel) -> Job {
            Job(label: label, crafter: crafter, sequence: sequence, targets: [model], set: set)
        }
        func plain(_ attack: WindowAttack, on set: MeasuredSet) -> Job {
            job(attack.method.displayName, AttackSequence(attack), on: set, by: model)
        }
        func attack(
            _ method: WindowAttack.Method, _ epsilon: Float, step: Float? = nil, iterations: Int? = nil,
            restarts: Int? = nil
        ) -> WindowAttack {
            settings.attack(method, epsilon, step: step, iterations: iterations, restarts: restarts)
        }
        func sample(_ size: Int?, stream: UInt64) -> [Int] {
            size.map { windows.stratifiedSample($0, seed: measurement.seed &+ stream) } ?? Array(windows.labels.indices)
        }

        // The joint attack needs the threshold, so the clean answers are computed first.
        let clean = try measurement.answers([job("clean", .none, on: all, by: model)])[0][0]
        threshold = Self.threshold(clean)
        let squarePlaces = sample(settings.squareSample, stream: 1)
        let squareSet = MeasuredSet(windows.subset(squarePlaces))
        let curveSet = MeasuredSet(windows.subset(sample(settings.curveSample, stream: 2)))
        let smallSet = MeasuredSet(windows.subset(sample(settings.unboundedSample, stream: 3)))

        var jobs: [Job] = []
        for method in Self.ensemble + Self.further {
            var attack = attack(method, settings.epsilon)
            if method == .joint, let threshold { attack.suspicionThreshold = Self.logit(threshold) }
            jobs.append(plain(attack, on: all))
        }
        let square = attack(.square, settings.epsilon, iterations: settings.squareQueries)
        jobs.append(plain(square, on: squareSet))
        let curveStart = jobs.count
        for epsilon in settings.curveEpsilons {
            jobs.append(
                job(
                    "curve, epsilon \(epsilon)",
                    AttackSequence(worstOf: [.pgd, .apgdCE, .apgdDLR].map { attack($0, epsilon) }),
                    on: curveSet, by: model))
        }
        let iterationsStart = jobs.count
        for iterations in settings.iterationCounts {
            let pgd = attack(.pgd, settings.epsilon, iterations: iterations, restarts: 1)
            jobs.append(job("PGD with \(iterations) iterations", AttackSequence(pgd), on: curveSet, by: model))
        }
        let unboundedStart = jobs.count
        let unbounded = [
            attack(.pgd, 1, step: 0.02, iterations: 100, restarts: 1), attack(.apgdCE, 1), attack(.apgdDLR, 1),
        ]
        jobs.append(job("unbounded", AttackSequence(worstOf: unbounded), on: smallSet, by: model))
        let transferStart = jobs.count
        if let surrogate = self.surrogate {
            for method in Self.transferred {
                let attack = attack(method, settings.epsilon)
                jobs.append(
                    job("transfer of \(method.displayName)", AttackSequence(attack), on: all, by: surrogate))
            }
        }
        let answers = try measurement.answers(jobs).map { $0[0] }

        let names = (Self.ensemble + Self.further).map(\.displayName)
        rows.append(row("clean", "none", clean, windows.labels))
        for (number, name) in names.enumerated() {
            rows.append(row(name, jobs[number].sequence.identifier, answers[number], windows.labels))
        }
        let squareLabels = squareSet.windows.labels
        let squareAnswers = answers[names.count]
        rows.append(row("Square", jobs[names.count].sequence.identifier, squareAnswers, squareLabels))

        let gradientAnswers = Array(answers[..<Self.ensemble.count])
        let worst = WindowAnswers.worst(
            of: WindowAnswers.worst(of: gradientAnswers, labels: windows.labels), leaving: clean, labels: windows.labels
        )
        let ensembleNames = Self.ensemble.map(\.displayName).joined(separator: ", ")
        let worstOnSquare = worst.subset(squarePlaces)
        let worstOfAll = WindowAnswers.worst(of: [worstOnSquare, squareAnswers], labels: squareLabels)
        if squarePlaces.count < windows.count {
            rows.append(row("worst case without Square", ensembleNames, worst, windows.labels))
            rows.append(row("the same, Square's sample", ensembleNames, worstOnSquare, squareLabels))
            rows.append(row("worst case, Square's sample", ensembleNames + ", Square", worstOfAll, squareLabels))
        } else {
            rows.append(row("worst case", ensembleNames + ", Square", worstOfAll, squareLabels))
        }

        let curveLabels = curveSet.windows.labels
        curve = zip(settings.curveEpsilons, answers[curveStart..<iterationsStart]).map { epsilon, answers in
            let figures = ClassificationFigures(answers, labels: curveLabels)
            return CurvePoint(
                epsilon: epsilon, plainAccuracy: figures.plainAccuracy,
                oneAgainstRestAccuracy: figures.confusion.oneAgainstRestAccuracy)
        }
        func accuracy(_ answers: WindowAnswers, _ labels: [UInt8]) -> Double {
            ClassificationFigures(answers, labels: labels).plainAccuracy
        }
        checks = [
            Self.unboundedCheck(
                accuracy(answers[unboundedStart], smallSet.windows.labels), windows: smallSet.windows.count),
            Self.monotoneCheck(
                "accuracy never rises with epsilon", curve.map { ("\($0.epsilon)", $0.plainAccuracy) },
                tolerance: settings.tolerance),
            Self.monotoneCheck(
                "accuracy never rises with the iterations of PGD",
                zip(settings.iterationCounts, answers[iterationsStart..<unboundedStart]).map {
                    ("\($0)", accuracy($1, curveLabels))
                }, tolerance: settings.tolerance),
            Self.transferCheck(
                zip(Self.transferred, answers[transferStart...]).map { method, transferred in
                    let own = Self.ensemble.firstIndex(of: method).map { accuracy(answers[$0], windows.labels) }
                    return (method.displayName, accuracy(transferred, windows.labels), own ?? .nan)
                }),
            Self.squareCheck(
                square: accuracy(squareAnswers, squareLabels), ensemble: accuracy(worstOnSquare, squareLabels),
                windows: squareLabels.count),
        ]
    }

    /// Each attack runs on the windows that the earlier ones have left, so this takes a fraction of the time.
    private mutating func measureWorstCase(_ set: AttackMeasurement.MeasuredSet, _ measurement: AttackMeasurement) throws
    {
        let ensemble = AttackSequence(worstOf: Self.ensemble.map { settings.attack($0, settings.epsilon) })
        let answers = try measurement.answers(
            [("clean", AttackSequence.none), ("worst case without Square", ensemble)].map { label, sequence in
                Job(label: label, crafter: model, sequence: sequence, targets: [model], set: set)
            }
        ).map { $0[0] }
        threshold = Self.threshold(answers[0])
        rows = [
            row("clean", "none", answers[0], set.windows.labels),
            row("worst case without Square", ensemble.identifier, answers[1], set.windows.labels),
        ]
    }

    /// Attacks that are also made on the surrogate.
    private static let transferred: [WindowAttack.Method] = [.fgsm, .bim, .pgd, .cw]

    /// As given in the model cards.
    public static func threshold(_ clean: WindowAnswers) -> Float? {
        let logits = (0..<clean.count).compactMap { clean.attackLogit($0) }.sorted()
        guard !logits.isEmpty else { return nil }
        return Activation.sigmoid(logits[max(Int(0.99 * Double(logits.count)) - 1, 0)])
    }

    private static func logit(_ probability: Float) -> Float {
        let p = min(max(Double(probability), 1e-9), 1 - 1e-7)
        return Float(log(p / (1 - p)))
    }

    private func row(_ name: String, _ parameters: String, _ answers: WindowAnswers, _ labels: [UInt8]) -> Row {
        var row = Row(
            name: name, parameters: parameters, windows: labels.count,
            figures: ClassificationFigures(answers, labels: labels))
        if let threshold {
            let limit = Self.logit(threshold)
            let suspected = labels.indices.map { (answers.attackLogit($0) ?? 0) > limit }
            let unseen = labels.indices.count { !suspected[$0] && !answers.isRight($0, labels: labels) }
            row.suspected = 100 * Double(suspected.count { $0 }) / Double(labels.count)
            row.wrongUnsuspected = 100 * Double(unseen) / Double(labels.count)
        }
        return row
    }
}

/// The sanity checks: an attack that fails them measures nothing.
extension Whitebox {
    /// - Parameters:
    ///   - accuracy: under an unbounded attack, in percent.
    ///   - windows: number of windows.
    public static func unboundedCheck(_ accuracy: Double, windows: Int) -> Check {
        Check(
            name: "an unbounded attack reaches 0 %", outcome: accuracy == 0 ? .passed : .failed,
            detail: "\(fixed(accuracy, 2)) % of \(windows) windows withstand epsilon 1")
    }

    /// - Parameters:
    ///   - name: the check's name.
    ///   - points: settings in order of strength, with the accuracy under each, in percent.
    ///   - tolerance: an increase up to this is attributed to the random starts.
    public static func monotoneCheck(_ name: String, _ points: [(String, Double)], tolerance: Double) -> Check {
        let rises = zip(points, points.dropFirst()).map { $1.1 - $0.1 }
        return Check(
            name: name, outcome: rises.allSatisfy { $0 <= tolerance } ? .passed : .failed,
            detail: points.map { "\($0.0): \(fixed($0.1, 2)) %" }.joined(separator: ", ")
                + "; up to \(fixed(tolerance, 1)) points are put down to the random starts")
    }

    /// - Parameter accuracies: the attack, the accuracy under it when made on another network, and when made on this
    ///   one.
    public static func transferCheck(_ accuracies: [(String, Double, Double)]) -> Check {
        Check(
            name: "transfer never beats white-box",
            outcome: accuracies.isEmpty ? .notRun : (accuracies.allSatisfy { $0.1 >= $0.2 } ? .passed : .failed),
            detail: accuracies.isEmpty
                ? "there is no surrogate; name one with --surrogate"
                : accuracies.map { "\($0.0): \(fixed($0.1, 2)) % against \(fixed($0.2, 2)) %" }.joined(separator: ", "))
    }

    /// - Parameters: accuracies on the same windows, in percent.
    public static func squareCheck(square: Double, ensemble: Double, windows: Int) -> Check {
        Check(
            name: "Square never beats the gradient ensemble by more than 1 point",
            outcome: square >= ensemble - 1 ? .passed : .failed,
            detail: "\(fixed(square, 2)) % against \(fixed(ensemble, 2)) % on \(windows) windows")
    }
}
