public import EC57
import ECGATKGAN
import ECGClassification

/// The results of `BeatEvaluation`; its properties are the keys of the JSON.
public struct BeatReport: Encodable, Sendable {
    public var evaluation = "beats"
    public var model: LoadedModel.Identity
    public var joined: Bool
    public var join_trained_on: String?
    /// The lead that was chosen; nil: in each record the first signal that is an ECG.
    public var lead: String?
    public var reversed: Bool
    public var from_seconds: Double
    public var match_window_ms = EC57Score.matchWindowSeconds * 1000
    public var parts: [Part]?
    public var attack: ContextualizedAttack.Report?

    /// - Parameters:
    ///   - model: the classifier.
    ///   - reversed: whether the polarity of every record is reversed.
    ///   - startSeconds: where scoring starts, in seconds from the start of each record.
    public init(_ model: LoadedModel, reversed: Bool, from startSeconds: Double) {
        self.model = model.identity
        joined = model.classifier.contextual != nil
        join_trained_on = model.card?.contextual?.data
        self.reversed = reversed
        from_seconds = startSeconds
    }

    /// One database.
    public struct Part: Encodable, Sendable {
        public var database: String
        public var records: [String]
        public var gross: [String: EC57Figures]
        public var v_runs: [String: EC57RunFigures]
        public var s_runs: [String: EC57RunFigures]
        public var per_record: [RecordFigures]
    }
}
