/// The storage format of a signal file (WFDB Applications Guide, signal(5)).
///
/// The raw value is the number in a header's signal line. Several signals in one file are interleaved frame
/// by frame; the packed formats (212, 310, 311) pack the interleaved stream, so a block may hold samples of different
/// signals.
public enum SignalFormat: Int, Sendable, Hashable, CaseIterable {
    /// No samples: the signal is only named, as in the layout header of a multi-segment record.
    case format0 = 0
    /// 8-bit first differences, starting from the header's initial value.
    case format8 = 8
    /// 16-bit two's complement, least significant byte first.
    case format16 = 16
    /// 24-bit two's complement, least significant byte first.
    case format24 = 24
    /// 32-bit two's complement, least significant byte first.
    case format32 = 32
    /// 16-bit two's complement, most significant byte first.
    case format61 = 61
    /// 8-bit offset binary (subtract 128).
    case format80 = 80
    /// 16-bit offset binary (subtract 32,768), least significant byte first.
    case format160 = 160
    /// Two 12-bit two's complement samples in 3 bytes.
    case format212 = 212
    /// Three 10-bit two's complement samples in 4 bytes, bits 1...10 of each pair and the two pairs' top 5 bits.
    case format310 = 310
    /// Three 10-bit two's complement samples in 4 bytes, one after another from the lowest bit.
    case format311 = 311

    /// Bits per sample; for format 8, bits per difference.
    public var bitsPerSample: Int {
        switch self {
        case .format0: 0
        case .format8, .format80: 8
        case .format310, .format311: 10
        case .format212: 12
        case .format16, .format61, .format160: 16
        case .format24: 24
        case .format32: 32
        }
    }

    /// The range of counts that the format can hold. Differences (format 8) may add up to anything.
    public var range: ClosedRange<Int32> {
        if self == .format0 || self == .format8 { return Int32.min...Int32.max }
        let half = Int64(1) << (bitsPerSample - 1)
        return Int32(-half)...Int32(half - 1)
    }

    /// The lowest value, which WFDB reserves for "no valid sample"; format 8 has no such value in a file.
    public var invalidSample: Int32 { range.lowerBound }

    /// Bytes that `count` samples occupy when written; nil if that exceeds an `Int` or `count` is negative.
    public func byteCount(forSamples count: Int) -> Int? {
        guard count >= 0 else { return nil }
        switch self {
        case .format0: return 0
        case .format8, .format80: return count
        case .format16, .format61, .format160: return product(count, 2)
        case .format24: return product(count, 3)
        case .format32: return product(count, 4)
        case .format212:
            guard let whole = product(count / 2, 3), count.isMultiple(of: 2) || whole <= .max - 2 else { return nil }
            return whole + (count.isMultiple(of: 2) ? 0 : 2)
        case .format310, .format311:
            guard let whole = product(count / 3, 4), whole <= .max - 4 else { return nil }
            // Pairs of bytes are written whole, as the C library reads them.
            return whole + (count % 3) * 2
        }
    }

    /// Number of complete samples in `byteCount` bytes.
    public func sampleCount(inBytes byteCount: Int) -> Int {
        guard byteCount > 0 else { return 0 }
        switch self {
        case .format0: return 0
        case .format8, .format80: return byteCount
        case .format16, .format61, .format160: return byteCount / 2
        case .format24: return byteCount / 3
        case .format32: return byteCount / 4
        case .format212:
            let (samples, overflow) = (byteCount / 3).multipliedReportingOverflow(by: 2)
            return overflow ? .max : samples + (byteCount % 3 == 2 ? 1 : 0)
        case .format310: return byteCount / 4 * 3 + (byteCount % 4) / 2
        // Two samples of format 311 need 20 bits: three bytes are enough to read them.
        case .format311: return byteCount / 4 * 3 + max(0, byteCount % 4 - 1)
        }
    }

    /// Formats with FLAC compression, which this library does not decode.
    static let flacFormats = [508, 516, 524]

    private func product(_ a: Int, _ b: Int) -> Int? {
        let (value, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? nil : value
    }
}
