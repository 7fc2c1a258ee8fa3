internal import StateCoding

/// Why bytes are not accepted as a monitor's state. No monitor is created in that case.
public enum SnapshotError: Error, Sendable, Equatable {
    /// The bytes do not begin with the snapshot signature.
    case notASnapshot
    /// The format version is unknown.
    case unknownVersion(UInt32)
    /// There are fewer or more bytes than were written.
    case wrongLength
    /// The checksum does not match: some bytes have changed.
    case damaged
    /// Written by a program whose monitor has different fields.
    case otherLayout
    /// A value of the named type is impossible.
    case outOfRange(String)
}

/// The state of a stream as bytes, to continue after a restart as if nothing had happened.
///
///     offset  size
///     0       4     "ECGS"
///     4       4     version of the format
///     8       4     bytes of the state
///     12      4     CRC-32 of all that follows
///     16      8     fingerprint of the fields (`StateCoding`)
///     24            the state
///
/// All little-endian. The state includes everything in the monitor except the sample blocks in the reorder buffer:
/// `nextSampleIndex` precedes these, and they will be sent again.
extension PatientMonitor {
    private static let magic: UInt32 = 0x5347_4345
    private static let version: UInt32 = 9
    private static let headerSize = 24

    /// The state as bytes, 17 to 30 kB. A snapshot can be taken at any time; it includes windows waiting to be
    /// classified (1.1 kB each), but not the observed beats (`observeBeats`).
    public func snapshot() -> [UInt8] {
        guard let (state, fingerprint) = try? StateCoding.encode(self) else {
            preconditionFailure("the monitor codes what its format has a place for")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerSize + state.count)
        func put(_ word: some FixedWidthInteger) {
            withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(Self.magic)
        put(Self.version)
        put(UInt32(clamping: state.count))
        put(UInt32(0))
        put(fingerprint)
        bytes.append(contentsOf: state)
        let checksum = bytes.withUnsafeBytes { CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[16...])) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
        return bytes
    }

    /// Restores the monitor from a snapshot: from here on, the same samples and commands produce the same events.
    ///
    /// - Parameters:
    ///   - bytes: any bytes; they are checked.
    ///   - configuration: limits that pass `MonitorConfiguration.validate`. If they differ from those of the snapshot
    ///     they are applied as by `configure`, before what is waiting to be resolved.
    ///   - events: events caused by the change of limits are appended.
    /// - Throws: why the bytes are not accepted. Events are unchanged in that case.
    public init(
        snapshot bytes: [UInt8], configuration: MonitorConfiguration, events: inout [MonitorEvent]
    ) throws(SnapshotError) {
        try self.init(snapshot: bytes)
        if configuration != self.configuration { putIntoForce(configuration, events: &events) }
    }

    /// The same, with the limits in force when the snapshot was taken.
    public init(snapshot bytes: [UInt8]) throws(SnapshotError) {
        let read = bytes.withUnsafeBytes { bytes in
            Result { () throws(SnapshotError) in try Self.monitor(bytes) }
        }
        self = try read.get()
        restoreLimits()
    }

    private static func monitor(_ bytes: UnsafeRawBufferPointer) throws(SnapshotError) -> PatientMonitor {
        func word<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Word.Type) -> Word {
            Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        guard bytes.count >= 4, word(0, UInt32.self) == magic else { throw .notASnapshot }
        guard bytes.count >= headerSize else { throw .wrongLength }
        guard word(4, UInt32.self) == version else { throw .unknownVersion(word(4, UInt32.self)) }
        guard Int(word(8, UInt32.self)) == bytes.count - headerSize else { throw .wrongLength }
        let checked = UnsafeRawBufferPointer(rebasing: bytes[16...])
        guard word(12, UInt32.self) == CRC32.checksum(checked) else { throw .damaged }
        do throws(StateCodingError) {
            return try StateCoding.decode(
                PatientMonitor.self, from: UnsafeRawBufferPointer(rebasing: bytes[headerSize...]),
                fingerprint: word(16, UInt64.self))
        } catch {
            switch error {
            case .outOfRange(let type): throw .outOfRange(type)
            case .otherLayout, .notSupported: throw .otherLayout
            }
        }
    }
}
