import EC57
public import ECGATKGAN
public import ECGClassification
import ECGMonitor
import ECGReplay
public import ToolSupport

/// Attacks whose aim is an alarm, through the whole monitor: hide a ventricular tachycardia that is annotated, or make
/// one where there is none.
///
/// Every beat of a stretch is attacked, white-box against the discriminator, and written back into the samples: to hide,
/// towards N; to make, towards V. The attacks go through the monitor's scaling. The other parts of the monitor, which
/// judge intervals, the waveform and the patient's templates, are not attacked.
public struct AlarmAttack {
    public let attack: StreamAttack
    public let classifier: BeatClassifier
    public let epsilons: [Float]
    public let seed: UInt64

    /// Beats this long before and after a run are attacked, too.
    public static let neighbourSeconds = 3.0
    /// Alerts up to this long after a stretch count for it.
    public static let allowanceSeconds = 10.0
    /// Length of a stretch in which an alarm is to be made.
    public static let stretchSeconds = 30.0
    /// Alerts that tell of a run of V beats.
    static let runs: Set<AlertKind> = [
        .ventricularTachycardia, .ventricularRun, .idioventricularRhythm, .ventricularFibrillation,
    ]

    /// - Parameters:
    ///   - attack: on the discriminator of `classifier`.
    ///   - epsilons: radii, in units of a beat's range; 0 stands for no attack.
    ///   - seed: of the random starts.
    public init(_ attack: StreamAttack, classifier: BeatClassifier, epsilons: [Float], seed: UInt64) {
        self.attack = attack
        self.classifier = classifier
        self.epsilons = epsilons
        self.seed = seed
    }

    /// Which alerts there were in the stretches of some records, at one radius.
    public struct Figures: Encodable, Sendable, Equatable {
        public var epsilon: Float
        public var stretches = 0
        /// Stretches with an alert of ventricular tachycardia, of any run of V beats, and of any kind about the patient.
        public var tachycardia = 0
        public var run = 0
        public var any = 0
        /// Stretches with beats called V, and all such beats.
        public var with_v = 0
        public var v_beats = 0
        /// Stretches in which an attack was suspected.
        public var suspected = 0

        mutating func add(_ other: Figures) {
            stretches += other.stretches
            tachycardia += other.tachycardia
            run += other.run
            any += other.any
            with_v += other.with_v
            v_beats += other.v_beats
            suspected += other.suspected
        }
    }

    /// One record's figures, in the order of the radii.
    public struct Outcome: Sendable {
        public var record: String
        public var hidden: [Figures]
        public var made: [Figures]
    }

    /// - Parameters:
    ///   - name: a record at 360 Hz with rhythm annotations.
    ///   - makesAlarms: whether alarms are made, too: in two stretches without V beats.
    /// - Throws: the record cannot be read, or attacked.
    public func outcome(of name: String, in database: RecordDatabase, makesAlarms: Bool) throws -> Outcome {
        let material = try ReplayMaterial(recordPath: "\(database.directory)/\(name)")
        let record = try database.record(name)
        let reference = RhythmReference(
            annotations: try database.annotations(name, for: record), frameCount: Int64(material.counts.count))
        let rate = material.samplingRate
        let clean = try events(of: material)
        let beats = Self.located(clean)
        let runs = reference.frames(of: "(VT").map { Int($0.lowerBound)..<Int($0.upperBound) }
        let around = Int(Self.neighbourSeconds * rate)
        let widened = runs.map { run in
            max(0, run.lowerBound - around)..<min(material.counts.count, run.upperBound + around)
        }
        let places = makesAlarms ? SuspicionStreams.places(material, count: 8, seconds: Self.stretchSeconds) : []
        let calm = Array(
            places.filter { place in
                let own = beats.filter { place.contains($0.rPeak) }
                return own.count >= 15 && !own.contains { $0.beatClass == .ventricular }
                    && !clean.contains { Self.isAlertAboutPatient($0) && place.contains(Int($0.sampleIndex)) }
            }.prefix(2))
        return Outcome(
            record: name,
            hidden: try figures(material, clean, beats, scored: runs, attacked: widened, towards: .normal),
            made: try figures(material, clean, beats, scored: calm, attacked: calm, towards: .ventricular))
    }

    private func figures(
        _ material: ReplayMaterial, _ clean: [MonitorEvent], _ beats: [AttackedEpisode.LocatedBeat],
        scored: [Range<Int>], attacked ranges: [Range<Int>], towards aim: BeatClass
    ) throws(ToolError) -> [Figures] {
        var result: [Figures] = []
        for epsilon in epsilons {
            guard !scored.isEmpty else {
                result.append(Figures(epsilon: epsilon))
                continue
            }
            var found = clean
            if epsilon > 0 {
                var window = WindowAttack(.pgd, epsilon: epsilon, iterations: 40, restarts: 2)
                window.aim = aim
                window.throughScaling = true
                var moved = material
                for range in ranges where beats.contains(where: { range.contains($0.rPeak) }) {
                    _ = try attack.apply(to: &moved, range: range, beats: beats, attack: window, seed: seed)
                }
                found = try events(of: moved)
            }
            result.append(Self.figures(epsilon, found, in: scored, rate: material.samplingRate))
        }
        return result
    }

    /// What was told in each stretch.
    static func figures(_ epsilon: Float, _ events: [MonitorEvent], in stretches: [Range<Int>], rate: Double) -> Figures {
        var figures = Figures(epsilon: epsilon)
        let allowance = Int(allowanceSeconds * rate)
        let seconds = Double((events.last?.decidedAtSampleIndex ?? 0)) / rate
        let alerts = TimedAlert.alerts(events, samplingRate: rate, seconds: seconds)
        for stretch in stretches {
            let span = TimeSpan(
                start: Double(stretch.lowerBound) / rate, end: Double(stretch.upperBound + allowance) / rate)
            let own = alerts.filter { alert in
                // One that was told before and was still on counts, too.
                span.overlaps(TimeSpan(start: alert.raised, end: max(alert.cleared ?? seconds, alert.raised + 0.001)))
                    && alert.onset < Double(stretch.upperBound) / rate
            }
            let classes = events.compactMap { event -> BeatClass? in
                guard case .beat(let beat) = event.kind, stretch.contains(Int(event.sampleIndex)) else { return nil }
                return beat.beatClass
            }
            let isSuspected = events.contains { event in
                guard case .suspicion(let suspicion) = event.kind, suspicion.active, suspicion.cause == .perturbation
                else { return false }
                return stretch.lowerBound <= event.sampleIndex
                    && Int(event.sampleIndex) < stretch.upperBound + allowance
            }
            let v = classes.count { $0 == .ventricular }
            figures.add(
                Figures(
                    epsilon: epsilon, stretches: 1,
                    tachycardia: own.contains { $0.kind == .ventricularTachycardia } ? 1 : 0,
                    run: own.contains { runs.contains($0.kind) } ? 1 : 0,
                    any: own.contains { $0.priority != .technical } ? 1 : 0, with_v: v > 0 ? 1 : 0, v_beats: v,
                    suspected: isSuspected ? 1 : 0))
        }
        return figures
    }

    private static func isAlertAboutPatient(_ event: MonitorEvent) -> Bool {
        guard case .alert(let alert) = event.kind else { return false }
        return alert.priority != .technical
    }

    private func events(of material: ReplayMaterial) throws(ToolError) -> [MonitorEvent] {
        try MonitorRun.events(
            of: material, classifier: classifier, workspace: classifier.makeWorkspace(),
            refusal: ("the monitor refuses \(material.name)", "Leave it out with --records"))
    }

    private static func located(_ events: [MonitorEvent]) -> [AttackedEpisode.LocatedBeat] {
        events.compactMap { event in
            guard case .beat(let beat) = event.kind, let beatClass = beat.beatClass else { return nil }
            return AttackedEpisode.LocatedBeat(rPeak: Int(event.sampleIndex), beatClass: beatClass)
        }
    }
}

/// The figures of all records; its properties are the keys of the JSON.
public struct AlarmAttackReport: Encodable, Sendable {
    public var evaluation = "alarm-attack"
    public var model: LoadedModel.Identity
    public var database: String
    public var seed: UInt64
    /// Annotated runs of ventricular tachycardia that were to be hidden, by radius.
    public var hidden: [AlarmAttack.Figures]
    /// Stretches in which a ventricular tachycardia was to be made, by radius.
    public var made: [AlarmAttack.Figures]

    public init(model: LoadedModel.Identity, database: String, seed: UInt64, outcomes: [AlarmAttack.Outcome]) {
        self.model = model
        self.database = database
        self.seed = seed
        func sum(_ parts: [[AlarmAttack.Figures]]) -> [AlarmAttack.Figures] {
            guard var total = parts.first else { return [] }
            for part in parts.dropFirst() { for place in total.indices { total[place].add(part[place]) } }
            return total
        }
        hidden = sum(outcomes.map(\.hidden))
        made = sum(outcomes.map(\.made))
    }
}
