/// One signal of an EDF file.
public struct EDFSignal: Sendable, Hashable {
    /// "ECG II", "EDF Annotations"; at most 16 characters.
    public var label: String
    /// The kind of electrode or sensor; at most 80 characters.
    public var transducer: String
    /// The unit, such as "uV"; at most 8 characters.
    public var unit: String
    /// The value of `digitalMinimum`, in `unit`.
    public var physicalMinimum: Double
    /// The value of `digitalMaximum`, in `unit`; not equal to `physicalMinimum`.
    public var physicalMaximum: Double
    /// The least count, -32768 to 32766.
    public var digitalMinimum: Int
    /// The greatest, above the least.
    public var digitalMaximum: Int
    /// "HP:0.05Hz LP:150Hz"; at most 80 characters.
    public var filtering: String
    /// Samples in each data record, 1 or more.
    public var samplesPerRecord: Int

    public init(
        label: String, transducer: String = "", unit: String, physicalMinimum: Double, physicalMaximum: Double,
        digitalMinimum: Int = -32_768, digitalMaximum: Int = 32_767, filtering: String = "", samplesPerRecord: Int
    ) {
        self.label = label
        self.transducer = transducer
        self.unit = unit
        self.physicalMinimum = physicalMinimum
        self.physicalMaximum = physicalMaximum
        self.digitalMinimum = digitalMinimum
        self.digitalMaximum = digitalMaximum
        self.filtering = filtering
        self.samplesPerRecord = samplesPerRecord
    }

    /// Whether it holds annotations instead of samples.
    public var isAnnotations: Bool { label == Self.annotationLabel }

    static let annotationLabel = "EDF Annotations"

    /// Its name without the type of signal in front: "II" of "ECG II".
    public var leadName: String {
        for prefix in ["ECG ", "EKG "] where label.uppercased().hasPrefix(prefix) {
            return String(label.dropFirst(prefix.count))
        }
        return label
    }

    /// Millivolts of one unit; nil if it is no voltage.
    public var millivoltsPerUnit: Double? {
        switch unit {
        case "uV", "µV", "\u{3BC}V", "UV", "microV": 0.001
        case "mV", "MV", "mv": 1
        case "V": 1000
        case "nV": 1e-6
        default: nil
        }
    }

    /// Counts per unit; negative for a reversed polarity.
    public var countsPerUnit: Double {
        Double(digitalMaximum - digitalMinimum) / (physicalMaximum - physicalMinimum)
    }

    /// The count, not always whole or within the range, that stands for 0 units.
    public var zeroCount: Double { Double(digitalMinimum) - physicalMinimum * countsPerUnit }
}

/// The header of an EDF or EDF+ file.
///
/// Source: Kemp et al., *A simple format for exchange of digitized polygraphic recordings*, 1992; Kemp and Olivan,
/// *European data format 'plus' (EDF+)*, 2003.
public struct EDFHeader: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        /// Plain EDF: continuous, without annotations.
        case edf = ""
        /// EDF+, continuous.
        case continuous = "EDF+C"
        /// EDF+ whose records need not follow each other.
        case discontinuous = "EDF+D"
    }

    public var kind: Kind
    /// Local patient identification; EDF+: code, sex, birthdate, name, with X for what is not told.
    public var patient: String
    /// Local recording identification.
    public var recording: String
    /// Day, month, year (1985 to 2084).
    public var startDate: (day: Int, month: Int, year: Int) {
        get { (date[0], date[1], date[2]) }
        set { date = [newValue.day, newValue.month, newValue.year] }
    }
    private var date = [1, 1, 1985]
    /// Seconds after midnight.
    public var startSecond: Int
    /// Data records; nil: not known, as many as the file has.
    public var recordCount: Int?
    /// Length of a data record in seconds; more than 0, unless the file holds annotations only.
    public var recordDuration: Double
    public var signals: [EDFSignal]

    public init(
        kind: Kind, patient: String = "X X X X", recording: String = "Startdate X X X X",
        startDate: (day: Int, month: Int, year: Int) = (1, 1, 1985), startSecond: Int = 0, recordCount: Int? = nil,
        recordDuration: Double, signals: [EDFSignal]
    ) {
        self.kind = kind
        self.patient = patient
        self.recording = recording
        self.startSecond = startSecond
        self.recordCount = recordCount
        self.recordDuration = recordDuration
        self.signals = signals
        date = [startDate.day, startDate.month, startDate.year]
    }

    /// Bytes of the header itself.
    public var byteCount: Int { 256 * (signals.count + 1) }
    /// Bytes of one data record.
    public var recordBytes: Int { signals.reduce(0) { $0 + 2 * $1.samplesPerRecord } }
    /// Samples per second of a signal.
    public func samplingRate(ofSignal index: Int) -> Double {
        Double(signals[index].samplesPerRecord) / recordDuration
    }
}
