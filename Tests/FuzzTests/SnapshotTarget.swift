import ECGATKGAN
import ECGMonitor
import ECGSignal
import StateCoding

/// The input changes a real snapshot: three bytes each, where (little-endian) and what. The checksum is made right, so
/// that what has changed gets as far as it can: it is refused, or the monitor that comes of it takes samples and gives
/// events as any other.
enum SnapshotTarget {
    static func take(_ bytes: [UInt8]) {
        var snapshot = base
        for change in stride(from: 0, to: bytes.count - 2, by: 3) {
            let place = 16 + (Int(bytes[change]) | Int(bytes[change + 1]) << 8) % (snapshot.count - 16)
            snapshot[place] ^= bytes[change + 2]
        }
        let checksum = snapshot.withUnsafeBytes { CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[16...])) }
        for place in 0..<4 { snapshot[12 + place] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(place))) }
        guard var monitor = try? PatientMonitor(snapshot: snapshot) else { return }
        // Nothing but the changes lies between the two.
        precondition(
            (try? PatientMonitor(snapshot: monitor.snapshot())) != nil, "what was taken is written and taken again")
        WireTarget.resolve(&monitor, { _ in })
        for segment in after {
            var next = segment
            next.session = monitor.session ?? 1
            next.firstSampleIndex = segment.firstSampleIndex - after[0].firstSampleIndex + monitor.nextSampleIndex
            _ = try? monitor.append(next)
            WireTarget.resolve(&monitor, { _ in })
        }
    }

    private static let base: [UInt8] = {
        var monitor = PatientMonitor()
        for segment in signal.prefix(16) {
            _ = try? monitor.append(segment)
            WireTarget.resolve(&monitor, { _ in })
        }
        return monitor.snapshot()
    }()

    private static let after = Array(signal[16...])

    /// Twenty seconds at 128 samples a second.
    private static let signal: [SampleBlock] = {
        let samples = (0..<(20 * 128)).map { index in
            // A pulse every 0.8 s, and every fifth of them early and wide: the rules get something to hold.
            let beat = index % 512
            let distance = [0, 102, 205, 307, 380].map { abs(beat - $0 - 20) }.min() ?? 0
            let isWide = abs(beat - 400) < 20
            return Float(distance < 8 ? 1.2 - Float(distance) * (isWide ? 0.05 : 0.3) : 0) + Float(index % 7) * 0.004
        }
        return (0..<20).map { second in
            SampleBlock(
                session: 1, firstSampleIndex: Int64(second) * 128, samplingRate: 128, acquisitionTimeNanoseconds: 0,
                lead: "II", millivolts: Array(samples[(second * 128)..<((second + 1) * 128)]))
        }
    }()
}
