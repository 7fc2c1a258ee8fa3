/// What a worker tells the gateways' displays of its streams. It is sent without confirms, and lost where nobody keeps
/// up: no alarm depends on it.
public struct DisplayMessage: Sendable, Equatable {
    /// One start of one worker.
    public var sender: UInt64
    /// 1, 2, 3 ...: a number that is missing was lost.
    public var number: UInt64
    /// In the order in which they happened.
    public var entries: [DisplayEntry]

    private static let version: UInt8 = 1

    public init(sender: UInt64, number: UInt64, entries: [DisplayEntry]) {
        self.sender = sender
        self.number = number
        self.entries = entries
    }

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(Self.version)
        writer.put(sender)
        writer.put(number)
        for entry in entries { entry.write(to: &writer) }
        return writer.bytes
    }

    /// - Parameter bytes: any.
    public init(bytes: [UInt8]) throws(ClusterMessageError) {
        var reader = ByteReader(bytes)
        let version = try reader.number(UInt8.self)
        guard version == Self.version else { throw .otherVersion(version) }
        sender = try reader.number()
        number = try reader.number()
        entries = []
        while !reader.isAtEnd { entries.append(try DisplayEntry(&reader)) }
    }
}

/// One thing about one stream.
public struct DisplayEntry: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case samples(DisplaySamples)
        case limits(DisplayLimits)
        /// It is watched, though it may send nothing.
        case present
        /// It is watched no more.
        case gone
    }

    public var stream: String
    public var kind: Kind

    public init(stream: String, kind: Kind) {
        self.stream = stream
        self.kind = kind
    }

    fileprivate func write(to writer: inout ByteWriter) {
        let code: UInt8 =
            switch kind {
            case .samples: 1
            case .limits: 2
            case .present: 3
            case .gone: 4
            }
        writer.put(code)
        writer.put(stream)
        switch kind {
        case .samples(let samples): samples.write(to: &writer)
        case .limits(let limits): limits.write(to: &writer)
        case .present, .gone: break
        }
    }

    fileprivate init(_ reader: inout ByteReader) throws(ClusterMessageError) {
        let code = try reader.number(UInt8.self)
        stream = try reader.text()
        switch code {
        case 1: kind = .samples(try DisplaySamples(&reader))
        case 2: kind = .limits(try DisplayLimits(&reader))
        case 3: kind = .present
        case 4: kind = .gone
        default: throw .otherVersion(code)
        }
    }
}

/// Samples as the monitor took them: in order, none twice from one owner.
public struct DisplaySamples: Sendable, Equatable {
    public struct Lead: Sendable, Equatable {
        public var name: String
        public var isOff: Bool
        /// In mV; NaN: no valid sample.
        public var millivolts: [Float]

        public init(name: String, isOff: Bool, millivolts: [Float]) {
            self.name = name
            self.isOff = isOff
            self.millivolts = millivolts
        }

        /// By their bits: NaN, too, is equal to itself.
        public static func == (a: Self, b: Self) -> Bool {
            a.name == b.name && a.isOff == b.isOff
                && a.millivolts.map(\.bitPattern) == b.millivolts.map(\.bitPattern)
        }
    }

    public var session: UInt64
    /// Index of the first sample; source rate.
    public var firstSampleIndex: Int64
    /// Samples a second.
    public var samplingRate: Double
    /// Of the first sample: UTC, ns since 1970; 0: unknown.
    public var acquisitionTimeNanoseconds: Int64
    /// 1 or more, all with the same number of samples.
    public var leads: [Lead]

    /// As sample blocks have it.
    private static let mostLeads = 16
    private static let indices: ClosedRange<Int64> = 0...(1 << 53)

    public init(
        session: UInt64, firstSampleIndex: Int64, samplingRate: Double, acquisitionTimeNanoseconds: Int64,
        leads: [Lead]
    ) {
        self.session = session
        self.firstSampleIndex = firstSampleIndex
        self.samplingRate = samplingRate
        self.acquisitionTimeNanoseconds = acquisitionTimeNanoseconds
        self.leads = leads
    }

    fileprivate func write(to writer: inout ByteWriter) {
        writer.put(session)
        writer.put(firstSampleIndex)
        writer.put(samplingRate.bitPattern)
        writer.put(acquisitionTimeNanoseconds)
        writer.put(UInt8(clamping: leads.count))
        for lead in leads {
            writer.put(lead.name)
            writer.put(UInt8(lead.isOff ? 1 : 0))
            writer.put(lead.millivolts)
        }
    }

    fileprivate init(_ reader: inout ByteReader) throws(ClusterMessageError) {
        session = try reader.number()
        firstSampleIndex = try reader.number()
        samplingRate = Double(bitPattern: try reader.number())
        acquisitionTimeNanoseconds = try reader.number()
        let count = Int(try reader.number(UInt8.self))
        leads = []
        for _ in 0..<count {
            leads.append(
                Lead(
                    name: try reader.text(), isOff: try reader.number(UInt8.self) != 0,
                    millivolts: try reader.floats()))
        }
        guard (1...Self.mostLeads).contains(count), samplingRate.isFinite, (1...100_000).contains(samplingRate),
            Self.indices.contains(firstSampleIndex),
            leads.allSatisfy({ $0.millivolts.count == leads[0].millivolts.count })
        else { throw .outOfRange }
    }
}

/// The limits that hold for a stream.
public struct DisplayLimits: Sendable, Equatable {
    public struct Limit: Sendable, Equatable {
        /// As the configuration file calls it.
        public var key: String
        public var value: Double
        public var configured: Double

        public init(key: String, value: Double, configured: Double) {
            self.key = key
            self.value = value
            self.configured = configured
        }
    }

    public var limits: [Limit]
    /// Those that were set beside the configuration's, and by whom, as they are stored; empty: none.
    public var set: [UInt8]

    public init(limits: [Limit], set: [UInt8]) {
        self.limits = limits
        self.set = set
    }

    fileprivate func write(to writer: inout ByteWriter) {
        writer.put(UInt8(clamping: limits.count))
        for limit in limits {
            writer.put(limit.key)
            writer.put(limit.value.bitPattern)
            writer.put(limit.configured.bitPattern)
        }
        writer.put(set)
    }

    fileprivate init(_ reader: inout ByteReader) throws(ClusterMessageError) {
        limits = []
        for _ in 0..<(try reader.number(UInt8.self)) {
            limits.append(
                Limit(
                    key: try reader.text(), value: Double(bitPattern: try reader.number()),
                    configured: Double(bitPattern: try reader.number())))
        }
        guard limits.allSatisfy({ $0.value.isFinite && $0.configured.isFinite }) else { throw .outOfRange }
        set = try reader.run()
    }
}
