import EC57
public import ECGATKGAN
public import ECGClassification

/// Which beats a network is trained on, and which are held out.
public enum DataSplit: String, CaseIterable, Sendable {
    /// Protocol P (section 3.1 of the paper): a fifth of every class is held out; beats of one patient are in both
    /// parts.
    case beats
    /// Protocol I: trained on DS1, with DS2 held out (`RecordSplit`), so held-out patients are never seen in training.
    case patients

    /// Share of every class that protocol P holds out.
    public static let share = 0.2

    /// The split of the network that a model card describes; without a card, that of protocol P.
    public init(_ card: ModelCard?) {
        self = card?.heldOut.flatMap(DataSplit.init) ?? .beats
    }

    /// - Parameters:
    ///   - database: the folder of the records.
    ///   - margin: samples kept on both sides of a window.
    ///   - seed: the seed for random choices; the split by patients needs none.
    public func windows(
        of database: RecordDatabase, margin: Int, seed: UInt64
    ) throws -> (training: BeatDataset, heldOut: BeatDataset) {
        switch self {
        case .beats:
            return try BeatWindowLoader.load(database, margin: margin).stratifiedSplit(heldOut: Self.share, seed: seed)
        case .patients:
            return (
                try BeatWindowLoader.load(database, records: RecordSplit.ds1, margin: margin),
                try BeatWindowLoader.load(database, records: RecordSplit.ds2, margin: margin)
            )
        }
    }

    /// For a model card.
    public var records: String {
        switch self {
        case .beats: "channel 0 of all 48 records"
        case .patients: "channel 0 of the 22 records of DS1"
        }
    }

    /// For a model card.
    public func text(seed: UInt64) -> String {
        switch self {
        case .beats: "stratified 80/20 with seed \(seed); figures on the held-out 20 %"
        case .patients: "by patient: trained on DS1, figures on all beats of DS2"
        }
    }

    /// The meaning of the figures, for a model card.
    public var notes: String {
        switch self {
        case .beats:
            "Beats of one patient are in both parts of the split, as in the paper: the figures say nothing of patients never seen. Not a medical device."
        case .patients:
            "No patient of DS2 was seen in training, but 201 (DS1) and 202 (DS2) are one subject. Not a medical device."
        }
    }
}
