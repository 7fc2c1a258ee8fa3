internal import StateCoding

/// Why bytes are not taken for a monitor's state. Nothing has been made then.
public enum SnapshotError: Error, Sendable, Equatable {
    /// They do not begin as a snapshot does.
    case notASnapshot
    /// Of another version of the format.
    case unknownVersion(UInt32)
    /// There are fewer bytes, or more, than were written.
    case wrongLength
    /// The checksum says that some have changed.
    case damaged
    /// Written by a program whose monitor has other fields.
    case otherLayout
    /// A value of the type with this name cannot be.
    case outOfRange(String)
}

/// The state of a stream as bytes, to go on after a restart as if nothing had been.
///
///     offset  size
///     0       4     "ECGS"
///     4       4     version of the format
///     8       4     bytes of the state
///     12      4     CRC-32 of all that follows
///     16      8     fingerprint of the fields (`StateCoding`)
///     24            the state
///
/// All little-endian. The state is all of the monitor but the segments that are held for order: `nextSampleIndex` lies
/// before these, and they will be sent again.
extension PatientMonitor {
    private static let magic: UInt32 = 0x5347_4345
    private static let version: UInt32 = 3
    private static let headerSize = 24

    /// The state as bytes, 12 to 25 kB. It may be taken at any time; windows that wait for their class are part of it
    /// (1.1 kB each), and the beats that are observed (`observeBeats`) are not.
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

    /// The monitor that the snapshot was taken of: the same samples and commands bring the same events from here on.
    ///
    /// - Parameters:
    ///   - bytes: may be anything.
    ///   - configuration: limits that pass `MonitorConfiguration.validate`. Where they are not those of the snapshot
    ///     they come into force as `configure` puts them, before what waits to be resolved.
    ///   - events: what other limits change is appended.
    /// - Throws: why the bytes are not taken. Events are as they were.
    public init(
        snapshot bytes: [UInt8], configuration: MonitorConfiguration, events: inout [MonitorEvent]
    ) throws(SnapshotError) {
        try self.init(snapshot: bytes)
        if configuration != self.configuration { putIntoForce(configuration, events: &events) }
    }

    /// The same, with the limits that were in force.
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
