import ECGMonitor
import FoundationEssentials

/// The strip around an alarm as the station keeps it and the journal stores it, in JSON. Until the strip has come in
/// full it holds what has come.
package struct StoredStrip: Codable, Sendable, Equatable {
    /// Of the ring that it was taken from.
    var session: UInt64
    var samplingRate: Double
    /// All leads of the stream; the first of them are in the strip.
    package private(set) var leads: [String]
    /// Values a second.
    package private(set) var rate: Double
    /// What the strip is to hold, by index of its values.
    var from: Int64
    var until: Int64
    /// Where the alarm's condition began.
    package private(set) var onset: Int64
    /// Of each lead, `until - from` values: see `packed`.
    private var packed: [Data]
    private var beatPlaces: [Int64]
    private var beatLetters: String
    private var beatIntervals: [Int]
    package private(set) var suspected: [[Int64?]]

    /// Longer than any strip, in values.
    private static let mostValues = 24_000
    private static let mostBeats = 1000

    init(
        _ source: StripRing.Source, rate: Double, range: Range<Int64>, onset: Int64, values: [[StripDecimator.Value]],
        beats: [StationMessage.Beat], suspected: [[Int64?]]
    ) {
        (session, samplingRate, leads) = (source.session, source.samplingRate, source.leads)
        (self.rate, from, until, self.onset) = (rate, range.lowerBound, range.upperBound, onset)
        packed = values.map(Self.packed)
        beatPlaces = beats.map(\.place)
        beatLetters = beats.map(\.letter).joined()
        beatIntervals = beats.map(\.interval)
        self.suspected = suspected
    }

    /// As the journal has it; nil: it holds something else.
    package init?(stored bytes: [UInt8]) {
        guard bytes.count <= 1 << 20, let strip = try? JSONDecoder().decode(StoredStrip.self, from: Data(bytes)),
            strip.isSound
        else { return nil }
        self = strip
    }

    private var isSound: Bool {
        (0...1 << 60).contains(from) && until > from && until - from <= Self.mostValues && rate.isFinite
            && (1...1000).contains(rate) && (1...StationAlarms.keptLeads).contains(packed.count)
            && leads.count >= packed.count && beatPlaces.count <= Self.mostBeats
            && beatLetters.count == beatPlaces.count && beatIntervals.count == beatPlaces.count
            && suspected.count <= StationBed.keptSuspicions && suspected.allSatisfy { $0.count == 2 }
    }

    package var stored: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(self)).map { Array($0) } ?? []
    }

    var source: StripRing.Source { StripRing.Source(session: session, samplingRate: samplingRate, leads: leads) }

    // MARK: Values

    /// Of each lead in the strip, from `from` on; `StripDecimator.none`: no valid sample, or it has not come.
    private var leadValues: [[StripDecimator.Value]] { packed.map { Self.unpacked($0, count: Int(until - from)) } }

    /// Of each lead in the strip in mV, `rate` values a second; NaN: no valid sample.
    package var millivolts: [[Float]] {
        leadValues.map {
            $0.map { $0 == StripDecimator.none ? .nan : Float($0) / StripDecimator.valuesPerMillivolt }
        }
    }

    /// Seconds from the strip's first value to the alarm's beginning.
    package var onsetSeconds: Double { Double(onset - from) / rate }

    var beats: [StationMessage.Beat] {
        zip(zip(beatPlaces, beatLetters), beatIntervals).map {
            StationMessage.Beat(place: $0.0.0, letter: String($0.0.1), interval: $0.1)
        }
    }

    /// Beats in seconds from the strip's first value, with the letter of each class.
    package var beatSeconds: [(seconds: Double, letter: Character)] {
        zip(beatPlaces, beatLetters).map { (Double($0 - from) / rate, $1) }
    }

    /// With what an earlier form of the same strip has where this one has nothing: the daemon was ended in between.
    func filled(from earlier: StoredStrip?) -> StoredStrip {
        guard let earlier, earlier.source == source, earlier.from == from, earlier.until == until,
            earlier.packed.count == packed.count
        else { return self }
        var result = self
        result.packed = zip(leadValues, earlier.leadValues).map { new, old in
            Self.packed(zip(new, old).map { $0 == StripDecimator.none ? $1 : $0 })
        }
        let known = Set(beatPlaces)
        let all = (beats + earlier.beats.filter { !known.contains($0.place) }).sorted { $0.place < $1.place }
        result.beatPlaces = all.map(\.place)
        result.beatLetters = all.map(\.letter).joined()
        result.beatIntervals = all.map(\.interval)
        if suspected.isEmpty { result.suspected = earlier.suspected }
        return result
    }

    func message(bed: String, alarm: String) -> StationMessage.Strip {
        StationMessage.Strip(
            bed: bed, alarm: alarm, rate: rate, leads: Array(leads.prefix(packed.count)), from: from, onset: onset,
            values: leadValues.map { .init(values: $0) }, beats: beats, suspected: suspected)
    }

    // MARK: Packing

    /// Differences of neighbours, zigzag, seven bits in a byte: an ECG needs little more than a byte for a value.
    private static func packed(_ values: [StripDecimator.Value]) -> Data {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 3 / 2)
        var last: Int32 = 0
        for value in values {
            let difference = Int32(value) - last
            last = Int32(value)
            var code = UInt32(bitPattern: difference << 1 ^ difference >> 31)
            while code >= 0x80 {
                bytes.append(UInt8(code & 0x7f) | 0x80)
                code >>= 7
            }
            bytes.append(UInt8(code))
        }
        return Data(bytes)
    }

    /// - Returns: `count` values; of bytes that hold fewer, or none, the rest is `none`.
    private static func unpacked(_ data: Data, count: Int) -> [StripDecimator.Value] {
        var values: [StripDecimator.Value] = []
        values.reserveCapacity(count)
        var (code, shift): (UInt32, UInt32) = (0, 0)
        var last: Int32 = 0
        for byte in data where values.count < count {
            code |= UInt32(byte & 0x7f) << shift
            guard byte < 0x80 else {
                shift += 7
                if shift > 21 { break }
                continue
            }
            last = last &+ (Int32(bitPattern: code >> 1) ^ -Int32(bitPattern: code & 1))
            guard let value = StripDecimator.Value(exactly: last) else { break }
            values.append(value)
            (code, shift) = (0, 0)
        }
        return values + Array(repeating: StripDecimator.none, count: count - values.count)
    }
}
