import EC57
public import ECGClassification
public import ECGATKGAN

/// Which records were in view while the monitor was built, and for what: a figure on ECG that was in view says how well
/// something fits, not how well it does on a new patient.
public enum RecordsInView {
    /// What a record was used for, the weaker first.
    public enum Use: String, Sendable, Encodable, Comparable {
        /// It was never looked at.
        case none = "never seen"
        /// Constants were chosen with it in view.
        case chosen = "constants chosen on it"
        /// Weights were trained on it.
        case trained = "in training"

        private var rank: Int { self == .none ? 0 : self == .chosen ? 1 : 2 }
        public static func < (a: Use, b: Use) -> Bool { a.rank < b.rank }

        /// One word, for a table.
        public var word: String { self == .none ? "never" : self == .chosen ? "chosen" : "trained" }

        /// What stands behind a figure.
        public var mark: String { self == .none ? "" : self == .chosen ? "°" : "*" }
    }

    /// A part of the monitor that has something of a record in it.
    public enum Part: String, Sendable, CaseIterable, Encodable, CodingKeyRepresentable {
        case detector = "QRS detector"
        case beatClasses = "beat classes"
        case ventricularRhythms = "ventricular rhythms"
        case atrialFibrillation = "atrial fibrillation"
        case suspicion = "attack suspicion"
    }

    /// The databases whose records, as far as they were at hand, each part was trained or chosen on. Beat classes are
    /// those of the model's card.
    private static let uses: [Part: [(databases: [String], use: Use)]] = [
        .detector: [
            (
                [
                    "mitdb", "svdb", "nstdb", "nstdb_119_regenerated", "cpsc2019", "ludb", "qtdb", "vfdb", "cudb",
                    "challenge2015", "challenge2017",
                ], .chosen
            )
        ],
        .ventricularRhythms: [
            (
                [
                    "vfdb", "cudb", "mitdb", "svdb", "qtdb", "ludb", "cpsc2019", "challenge2015", "challenge2017",
                    "nstdb", "nstdb_119_regenerated",
                ], .trained
            )
        ],
        .atrialFibrillation: [
            (["challenge2017", "mitdb", "svdb", "qtdb", "vfdb", "nstdb", "nstdb_119_regenerated"], .trained)
        ],
        .suspicion: [
            (
                [
                    "mitdb", "svdb", "qtdb", "vfdb", "cudb", "challenge2015", "challenge2017", "ludb", "nstdb",
                    "nstdb_119_regenerated", "cpsc2019",
                ], .chosen
            )
        ],
    ]

    /// What a part has of a record.
    ///
    /// - Parameters:
    ///   - database: the database's folder name.
    ///   - card: of the beat classifier; nil: not known, and then its training is left out.
    public static func use(_ part: Part, of record: String, in database: String, card: ModelCard?) -> Use {
        if part == .beatClasses { return use(of: record, in: database, card) }
        guard isAtHand(record, in: database) else { return .none }
        return (uses[part] ?? []).filter { $0.databases.contains(database) }.map(\.use).max() ?? .none
    }

    /// What the whole monitor has of a record: the strongest use of all parts.
    public static func use(of record: String, in database: String, card: ModelCard?) -> Use {
        Part.allCases.map { use($0, of: record, in: database, card: card) }.max() ?? .none
    }

    private static func use(of record: String, in database: String, _ card: ModelCard?) -> Use {
        // The noise stress records are records of mitdb with noise.
        let (database, record) = isNoiseStress(database) ? ("mitdb", String(record.prefix(3))) : (database, record)
        guard let card, isAtHand(record, in: database) else { return .none }
        var selections = [DataSplit(card) == .patients ? "mitdb/DS1" : "mitdb"]
        selections += card.contextual.map { Self.selections($0.command) } ?? []
        let isTrained = selections.contains { selection in
            selection == database || selection == "\(database)/DS1" && RecordSplit.ds1.contains(record)
                || selection == "\(database)/DS2" && RecordSplit.ds2.contains(record)
        }
        return isTrained ? .trained : .none
    }

    /// The databases after `--records` in a training command.
    private static func selections(_ command: String) -> [String] {
        let words = command.split(separator: " ")
        guard let option = words.firstIndex(of: "--records"), option + 1 < words.count else { return [] }
        return words[option + 1].split(separator: ",").map(String.init)
    }

    private static func isNoiseStress(_ database: String) -> Bool { database.hasPrefix("nstdb") }

    /// Whether a record was among those that were at hand while the monitor was built: of most databases, half.
    static func isAtHand(_ record: String, in database: String) -> Bool {
        switch database {
        case "mitdb", "nstdb", "nstdb_119_regenerated": true
        case "vfdb": vfdb.contains(record)
        case "cudb": number(record, after: "cu").map { $0 % 2 == 1 } ?? false
        case "ludb": number(record, after: "ludb").map { $0 % 2 == 0 } ?? false
        case "challenge2017": number(record, after: "A").map { $0 % 28 == 1 } ?? false
        case "cpsc2019":
            number(record, after: "cpsc").map { $0 < 100 ? $0 % 2 == 1 : cpsc2019.contains($0) } ?? false
        case "svdb": svdb.contains(record)
        case "qtdb": qtdb.contains(record)
        case "challenge2015": challenge2015.contains(record)
        default: false
        }
    }

    private static func number(_ record: String, after prefix: String) -> Int? {
        record.hasPrefix(prefix) ? Int(record.dropFirst(prefix.count)) : nil
    }

    private static func names(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    private static let vfdb = names("418 420 422 424 426 428 430 605 609 611 614")

    /// From 100 on; below, the odd ones.
    private static let cpsc2019: Set<Int> = [
        126, 224, 260, 502, 553, 619, 687, 719, 949, 986, 1046, 1110, 1224, 1235, 1306, 1389, 1493, 1564, 1643, 1660,
        1668, 1674, 1849, 1934, 1973,
    ]

    private static let svdb = names(
        """
        800 802 803 805 806 808 809 811 812 821 822 824 825 827 828 840 841 843 844 846 847 849 850 852 853 855 856 858
        859 861 862 864 865 867 868 870 871 873 874 876 877 879 880 882 883 885 886 888 889 891 892 894
        """)

    private static let qtdb = names(
        """
        sel14046 sel14172 sel16265 sel16273 sel16483 sel16773 sel16795 sel17453 sel302 sel307 sel310 sele0106
        sele0110 sele0112 sele0116 sele0122 sele0126 sele0133 sele0166 sele0203 sele0211 sele0405 sele0409
        sele0509 sele0604 sele0607 sele0612
        """)

    private static let challenge2015 = names(
        """
        a103l a134s a142s a170s a203l a223l a267l a287l a306s a376s a396s a435l a442s a462s a526s a556s a599l
        a631l a639l a667l a699l a735l a776s a780s a810s b124s b184s b220s b268s b286s b332s b387l b455l b484s
        b515l b528s b560s b617l b656s b695l b722s b794s b835l b840s f120s f138s f236s f304s f407l f441l f450s
        f529l f592s f613l f691l f697l f799l t106s t114s t116s t151l t175l t208s t235l t252s t277l t333l t350s
        t393l t412s t424s t445l t477l t496s t509l t547l t589l t662s t680s t693l t709l t737l t745l t762s t790s
        t821l v100s v115l v131l v135l v147l v158s v160s v169l v181l v199l v202s v211l v224s v242s v247l v255l
        v258s v280s v292s v298s v317l v325l v328s v338s v359l v366s v369l v374s v392s v401l v421l v432s v453l
        v464s v475l v482s v498s v511l v523l v532s v548s v559l v566s v579l v581l v601l v619l v625l v632s v633l
        v644s v648s v660s v676s v704s v720s v724s v736s v748s v759l v772s v774s v784s v797l v809l v815l v830s
        v836s v846s
        """)
}
