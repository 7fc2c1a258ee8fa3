/// How the records of a database are scored: which references it has, and from where on.
///
/// The traps of each database are explained in Docs/generalization.md.
public struct ScoringProtocol: Sendable {
    /// The database's folder name.
    public var database: String
    /// Annotated beats; nil if there are none.
    public var beats: Beats?
    /// Whether rhythm annotations (`+` marks, or `[` and `]`) tell where the lethal rhythms are.
    public var hasLethalRhythms = false
    /// Whether `(AFIB` marks tell where atrial fibrillation is.
    public var hasAtrialFibrillation = false
    /// What tells which alarms are false.
    public var falseAlarms = FalseAlarmReference.none
    /// Number of records that a quick run takes, evenly spaced; 0 leaves the database out.
    public var quickRecords: Int

    /// How the annotated beats are scored.
    public struct Beats: Sendable {
        /// Scoring starts here, in seconds from the start of each record.
        public var startSeconds: Double
        /// Scoring goes from the first to the last annotated beat only: the annotations do not reach the record's ends.
        public var withinSpan = false
        /// Whether the annotations tell V and S from N.
        public var hasClasses = false
    }

    /// What tells which alarms are false.
    public enum FalseAlarmReference: String, Sendable, Encodable {
        /// An alarm is false if it begins more than 5 s away from any annotated lethal rhythm.
        case rhythmMarks = "rhythm marks"
        /// An alarm is false if the rules do not report it for the annotated beats (`AlertScore`).
        case annotatedBeats = "annotated beats"
        /// An alarm of high priority is false in every record that is not classified as noise.
        case recordClasses = "record classes"
        /// Not known.
        case none = "none"
    }

    /// The databases that are known by their folder's name, those that the monitor was not built on first.
    public static let known: [ScoringProtocol] = [
        ScoringProtocol(
            database: "vfdb", hasLethalRhythms: true, hasAtrialFibrillation: true, falseAlarms: .rhythmMarks,
            quickRecords: 1),
        // The beats are positions only.
        ScoringProtocol(
            database: "cudb", beats: Beats(startSeconds: 10), hasLethalRhythms: true, falseAlarms: .rhythmMarks,
            quickRecords: 2),
        ScoringProtocol(database: "challenge2015", quickRecords: 4),
        ScoringProtocol(database: "challenge2017", falseAlarms: .recordClasses, quickRecords: 20),
        ScoringProtocol(
            database: "cpsc2019", beats: Beats(startSeconds: 0.5, withinSpan: true), falseAlarms: .annotatedBeats,
            quickRecords: 8),
        ScoringProtocol(
            database: "ludb", beats: Beats(startSeconds: 0, withinSpan: true), falseAlarms: .annotatedBeats,
            quickRecords: 8),
        ScoringProtocol(
            database: "qtdb", beats: Beats(startSeconds: 10, hasClasses: true), falseAlarms: .annotatedBeats,
            quickRecords: 1),
        ScoringProtocol(
            database: "mitdb", beats: Beats(startSeconds: 300, hasClasses: true), hasLethalRhythms: true,
            hasAtrialFibrillation: true, falseAlarms: .annotatedBeats, quickRecords: 1),
        ScoringProtocol(
            database: "svdb", beats: Beats(startSeconds: 300, hasClasses: true), falseAlarms: .annotatedBeats,
            quickRecords: 1),
        ScoringProtocol(
            database: "nstdb", beats: Beats(startSeconds: 300, hasClasses: true), falseAlarms: .annotatedBeats,
            quickRecords: 1),
        ScoringProtocol(
            database: "nstdb_119_regenerated", beats: Beats(startSeconds: 300, hasClasses: true),
            falseAlarms: .annotatedBeats, quickRecords: 0),
    ]

    /// The protocol of a database by its folder's name; a folder that is not known is scored as EC57 says.
    public init(folder: String) {
        self =
            Self.known.first { $0.database == folder }
            ?? ScoringProtocol(
                database: folder, beats: Beats(startSeconds: 300, hasClasses: true), falseAlarms: .annotatedBeats,
                quickRecords: 1)
    }

    /// Whether the folder is none of the known databases.
    var isUnknown: Bool { !Self.known.contains { $0.database == database } }

    /// For a folder without annotations: only how often there are alarms.
    var withoutAnnotations: ScoringProtocol { ScoringProtocol(database: database, quickRecords: quickRecords) }

    private init(
        database: String, beats: Beats? = nil, hasLethalRhythms: Bool = false, hasAtrialFibrillation: Bool = false,
        falseAlarms: FalseAlarmReference = .none, quickRecords: Int
    ) {
        self.database = database
        self.beats = beats
        self.hasLethalRhythms = hasLethalRhythms
        self.hasAtrialFibrillation = hasAtrialFibrillation
        self.falseAlarms = falseAlarms
        self.quickRecords = quickRecords
    }
}
