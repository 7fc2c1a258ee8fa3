public import EC57

/// The results of `StreamEvaluation`; its properties are the keys of the JSON.
public struct StreamReport: Encodable, Sendable {
    public var evaluation = "stream"
    public var model: LoadedModel.Identity
    /// The lead that was chosen; nil: in each record the first signal that is an ECG.
    public var lead: String?
    public var from_seconds: Double
    public var match_window_ms = EC57Score.matchWindowSeconds * 1000
    public var parts: [Part]
    public var noise_stress: [NoiseLevel]?

    public init(model: LoadedModel.Identity, from_seconds: Double, parts: [Part], noise_stress: [NoiseLevel]? = nil) {
        self.model = model
        self.from_seconds = from_seconds
        self.parts = parts
        self.noise_stress = noise_stress
    }

    /// One database.
    public struct Part: Encodable, Sendable {
        public var database: String
        public var records: [String]
        /// All records and, for the mitdb, DS1, DS2, and DS2 without 202, whose subject is also in DS1.
        public var gross: [String: EC57Figures]
        public var per_record: [RecordFigures]
        /// Number of times that each alert began.
        public var alerts: [String: Int]
        public var suspicions_raised: Int
        public var hours: Double
    }

    /// The noise stress records at one signal-to-noise ratio.
    public struct NoiseLevel: Encodable, Sendable {
        /// Signal-to-noise ratio in the noisy segments, dB.
        public var snr_db: Int
        public var records: [String]
        public var gross: EC57Figures
        /// Number of records in which the noise was reported while it lasted.
        public var noise_reported: [String]
    }
}
