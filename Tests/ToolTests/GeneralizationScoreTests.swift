import ECGClassification
import ECGATKGAN
import ECGMonitor
import Testing
import WFDB

@testable import EC57
@testable import ECGEvaluation

/// The scores of `ecgmon evaluate generalization` on alarms and references written by hand.
struct GeneralizationScoreTests {
    private static let rate = 250.0

    private static func mark(_ seconds: Double, _ text: String) -> Annotation {
        Annotation(
            sampleIndex: Int64(seconds * rate), code: text.hasPrefix("(") ? .rhythm : .note, text: text)
    }

    private static func alarms(_ marks: [(Double, String)], seconds: Double = 600) -> MarkedAlarms {
        MarkedAlarms(marks.map { mark($0.0, $0.1) }, samplingRate: rate, seconds: seconds)
    }

    private static func rhythms(_ marks: [(Double, String)], seconds: Double = 600) -> [MarkedRhythm] {
        MarkedRhythm.rhythms(marks.map { mark($0.0, $0.1) }, samplingRate: rate, seconds: seconds)
    }

    private static func score(
        _ alarms: [(Double, String)], _ rhythms: [(Double, String)], alerts: [TimedAlert] = []
    ) -> LethalRhythmScore {
        LethalRhythmScore(
            record: "r", alarms: Self.alarms(alarms), alerts: alerts, rhythms: Self.rhythms(rhythms), seconds: 600)
    }

    private static func alert(_ kind: AlertKind, onset: Double, raised: Double, end: Double) -> TimedAlert {
        TimedAlert(
            kind: kind, priority: kind.priority, onset: onset, raised: raised, end: end, cleared: end + 1)
    }

    @Test func anAlarmLastsFromItsMarkToTheOneThatEndsIt() {
        let alarms = Self.alarms(
            [
                (10, "(VT"), (20, "(VFL"), (25, "(N"), (30, "asystole begins: no beat for 4.5 s"),
                (40, "asystole ends"),
                (50, "attack suspected, score 0.93"), (60, "noisy signal begins: muscle"),
            ], seconds: 100)
        #expect(alarms["(VT"] == [TimeSpan(start: 10, end: 20)])
        #expect(alarms["(VFL"] == [TimeSpan(start: 20, end: 25)])
        #expect(alarms["asystole"] == [TimeSpan(start: 30, end: 40)])
        #expect(alarms["noisy signal"] == [TimeSpan(start: 60, end: 100)])
        #expect(alarms["attack suspected"].isEmpty)
    }

    @Test func fibrillationBetweenBracketsIsARhythm() {
        let marks = [
            Annotation(sampleIndex: 500, code: .ventricularFlutterStart),
            Annotation(sampleIndex: 1500, code: .ventricularFlutterEnd),
        ]
        let rhythms = MarkedRhythm.rhythms(marks, samplingRate: 250, seconds: 10)
        #expect(rhythms.map(\.label) == ["(VF", "(N"])
        #expect(rhythms.map(\.span) == [TimeSpan(start: 2, end: 6), TimeSpan(start: 6, end: 10)])
    }

    @Test func anEpisodeIsToldOnlyWithinTenSeconds() throws {
        let reference = [(100.0, "(VT"), (130.0, "(N"), (300.0, "(VT"), (330.0, "(N")]
        let score = Self.score([(105, "(VT"), (130, "(N"), (315, "(VT"), (330, "(N")], reference)
        let vt = try #require(score.episodes[.ventricularTachycardia])
        #expect(vt.count == 2 && vt.told == 1 && vt.high == 1 && vt.silent == 0)
        #expect(vt.seconds == 60 && vt.alarmedSeconds == 40)
        #expect(score.episodes[.ventricularFibrillation] == nil)
        #expect(score.falseAlarms == FalseAlarms())
    }

    @Test func anEpisodeWithoutAnyHighAlarmIsSilent() throws {
        let score = Self.score(
            [(105, "tachycardia begins: 160/min"), (120, "tachycardia ends"), (210, "asystole begins: x")],
            [(100, "(VFIB"), (115, "(N"), (200, "(VFL"), (215, "(N"), (300, "(VF"), (305, "(N")])
        let vf = try #require(score.episodes[.ventricularFibrillation])
        // Five seconds are too short to be called silent.
        #expect(vf.count == 3 && vf.told == 0 && vf.high == 1 && vf.silent == 1)
        #expect(score.silentEpisodes == ["r 100 to 115 s VF"])
    }

    @Test func episodesLessThanTwoSecondsApartAreOne() throws {
        let score = Self.score(
            [], [(100, "(VFL"), (104, "(N"), (105, "(VF"), (110, "(N"), (113, "(VFL"), (115, "(N")])
        let vf = try #require(score.episodes[.ventricularFibrillation])
        // The last one, of two seconds, is not scored.
        #expect(vf.count == 1 && vf.seconds == 10)
    }

    @Test func onlyAlarmsAwayFromLethalRhythmsAndNoiseAreFalse() {
        let score = Self.score(
            [
                (96, "(VT"), (97, "(N"), (150, "(VT"), (160, "(VFL"), (165, "(N"),
                (250, "asystole begins: x"), (254, "asystole ends"),
                (400, "extreme tachycardia begins: x"), (410, "extreme tachycardia ends"), (420, "pause begins: x"),
            ], [(0, "(N"), (100, "(VT"), (120, "(N"), (255, "(NOISE"), (300, "(N")])
        #expect(
            score.falseAlarms
                == FalseAlarms(high: 2, ventricularTachycardia: 1, ventricularFibrillation: 1, asystole: 0))
        #expect(abs(score.clearHours * 3600 - (600 - 30 - 55)) < 1e-6)
        #expect(abs(score.falseLethalSeconds - 15) < 1e-6)
    }

    @Test func anAlarmsDelayIsToItsDecision() throws {
        let reference = [
            (100.0, "(VT"), (130.0, "(N"), (300.0, "(VT"), (330.0, "(N"), (400.0, "(VT"), (430.0, "(N"),
        ]
        let score = Self.score(
            [], reference,
            alerts: [
                Self.alert(.ventricularTachycardia, onset: 101, raised: 104.5, end: 130),
                Self.alert(.extremeTachycardia, onset: 300, raised: 301, end: 330),
                Self.alert(.ventricularFibrillation, onset: 380, raised: 385, end: 401),
            ])
        let vt = try #require(score.episodes[.ventricularTachycardia])
        // The second is never told; the third began under an alarm.
        #expect(vt.count == 3 && vt.delays == [4.5] && vt.alreadyOn == 1)
    }

    @Test func theBedsideAlarmMustBeOnAroundFiveMinutes() {
        func counts(_ marks: [(Double, String)], _ kind: String, _ isTrue: Bool) -> BedsideAlarmScore.Counts? {
            BedsideAlarmScore(Self.alarms(marks), reference: (kind, isTrue)).kinds[kind]
        }
        let asystole = [(289.0, "asystole begins: x"), (296.0, "asystole ends")]
        #expect(counts(asystole, "Asystole", true) == .init(trueTold: 1))
        #expect(counts(asystole, "Asystole", false) == .init(falseTold: 1))
        #expect(
            counts([(280, "asystole begins: x"), (287, "asystole ends")], "Asystole", true) == .init(trueMissed: 1))
        #expect(counts([(303, "asystole begins: x")], "Asystole", false) == .init(falseSuppressed: 1))
        #expect(counts([(290, "(VFL"), (310, "(N")], "Ventricular_Tachycardia", true) == .init(trueTold: 1))
        #expect(counts([(290, "(VT"), (310, "(N")], "Ventricular_Flutter_Fib", true) == .init(trueMissed: 1))
        #expect(counts([(290, "(SVTA"), (310, "(N")], "Tachycardia", true) == .init(trueTold: 1))
        #expect(BedsideAlarmScore(Self.alarms(asystole), reference: ("Something", true)).kinds.isEmpty)
        #expect(BedsideAlarmScore(Self.alarms(asystole), reference: nil).kinds.isEmpty)
        // As the challenge scores: a true alarm that is missed counts five times.
        let all = GeneralizationReport.BedsideAlarms(
            .init(trueTold: 7, trueMissed: 1, falseTold: 2, falseSuppressed: 6))
        #expect(all.score == 65 && all.told_pct == 87.5 && all.suppressed_pct == 75)
    }

    @Test func recordsAreCountedByTheirClass() {
        var total = RecordClassScore()
        for recordClass in ["N", "A", "A", "~", "?"] {
            total += RecordClassScore(
                Self.alarms([(1, "(AFIB"), (8, "(N"), (9, "asystole begins: x")], seconds: 30),
                recordClass: recordClass, seconds: 30)
        }
        total += RecordClassScore(Self.alarms([], seconds: 30), recordClass: "N", seconds: 30)
        #expect(total.classes["A"]?.records == 2 && total.classes["A"]?.atrialFibrillation == 2)
        #expect(total.classes["N"]?.records == 2 && total.classes["N"]?.asystole == 1)
        #expect(total.classes["?"] == nil)
        // What is said of noise is not false.
        #expect(total.judged.records == 4 && total.judged.alarms.asystole == 3)
    }

    @Test func beatsOutsideOfTheAnnotatedSpanAreNotScored() throws {
        func beats(_ positions: [Int64]) -> [EC57Beat] {
            positions.map { EC57Beat(sampleIndex: $0, beatClass: .normal) }
        }
        let reference = EC57Reference(beats: beats([1000, 1500, 2000]), samplingRate: 500, frameCount: 5000)
        let found = beats([100, 400, 990, 1502, 2030, 2500, 3000])
        let scored = try #require(ScoredSpan(reference, .init(startSeconds: 0, withinSpan: true)))
        let score = scored.score(found)
        #expect(score.truePositives == 3 && score.falseNegatives == 0 && score.falsePositives == 0)
        let whole = try #require(ScoredSpan(reference, .init(startSeconds: 0)))
        #expect(whole.score(found).falsePositives == 4)
        let later = try #require(ScoredSpan(reference, .init(startSeconds: 2.5, withinSpan: true)))
        #expect(later.score(found).beats == 2)
        let empty = EC57Reference(beats: [], samplingRate: 500, frameCount: 5000)
        #expect(ScoredSpan(empty, .init(startSeconds: 0, withinSpan: true)) == nil)
    }

    @Test func aDistributionTellsItsTail() throws {
        let values = (1...1000).map { Double($0) / 100 }
        let delay = try #require(DelayDistribution(values.reversed(), edges: [0, 1, 5, 9], decimals: 2))
        #expect(delay.cases == 1000 && delay.median == 5.01 && delay.p90 == 9.01 && delay.p99 == 9.91)
        #expect(delay.max == 10)
        #expect(delay.histogram.map(\.cases) == [99, 400, 400, 101])
        #expect(DelayDistribution([-3], edges: [0, 1], decimals: 0)?.histogram.map(\.cases) == [1, 0])
        #expect(DelayDistribution([], edges: [0], decimals: 0) == nil)
    }

    @Test func recordsThatWereNotAtHandAreNeverSeen() {
        func use(_ record: String, _ database: String) -> RecordsInView.Use {
            RecordsInView.use(of: record, in: database, card: nil)
        }
        #expect(use("418", "vfdb") == .trained && use("419", "vfdb") == .none)
        #expect(use("cu01", "cudb") == .trained && use("cu02", "cudb") == .none)
        #expect(use("A00029", "challenge2017") == .trained && use("A00030", "challenge2017") == .none)
        #expect(use("ludb2", "ludb") == .trained && use("ludb3", "ludb") == .none)
        #expect(use("cpsc00126", "cpsc2019") == .trained && use("cpsc00127", "cpsc2019") == .none)
        #expect(use("anything", "another database") == .none)
    }

    @Test func theModelCardTellsWhichBeatsWereTrainedOn() {
        func card(heldOut: String?, command: String) -> ModelCard {
            var card = ModelCard(
                name: "m", sha256: "", architecture: "", data: "", heldOut: heldOut, split: "", recipe: "", seed: 1,
                windowMargin: 0, command: "", figures: [:], figuresCommand: "", notes: "")
            card.contextual = .init(baseSHA256: "", data: "", recipe: "", command: command, figuresCommand: "")
            return card
        }
        let byPatient = card(heldOut: "patients", command: "ecgmon join --records svdb,mitdb/DS1 --channels 0,1")
        func use(_ record: String, _ database: String, _ card: ModelCard) -> RecordsInView.Use {
            RecordsInView.use(.beatClasses, of: record, in: database, card: card)
        }
        #expect(use("101", "mitdb", byPatient) == .trained && use("100", "mitdb", byPatient) == .none)
        #expect(use("800", "svdb", byPatient) == .trained && use("cu01", "cudb", byPatient) == .none)
        // 118 is a patient of DS1.
        #expect(use("118e00", "nstdb", byPatient) == .trained)
        let all = card(heldOut: "beats", command: "ecgmon join --model x --records svdb,mitdb")
        #expect(use("100", "mitdb", all) == .trained)
    }
}
