/// When a stream's state is due to be written again: once in a period of its signal.
///
/// The first period is cut short by a share that the stream's name decides. Without that, the streams of a ward that
/// begin together would be written together ever after, and events would wait for so much writing.
struct SnapshotSchedule {
    /// Samples since the last snapshot.
    private(set) var samples = 0
    private var share: Double
    private var isDue = false

    init(stream: String) { share = StreamHash.share(of: stream) }

    /// - Parameter period: in samples.
    /// - Returns: whether a snapshot is due.
    mutating func note(_ count: Int, period: Double) -> Bool {
        samples += count
        isDue = Double(samples) >= period * share
        return isDue
    }

    /// A snapshot was made, due or for another reason: the beginning or the end of the stream, or its silence.
    mutating func restart() {
        if isDue { share = 1 }
        isDue = false
        samples = 0
    }
}
