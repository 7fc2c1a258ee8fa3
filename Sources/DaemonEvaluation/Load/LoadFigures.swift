/// What a load showed; its properties are the keys of the JSON.
package struct LoadFigures: Encodable, Sendable {
    /// Latencies in ms.
    package struct Latency: Encodable, Sendable {
        package var count: Int
        package var p50: Double?
        package var p99: Double?
        package var p99_9: Double?
        package var largest: Double?

        init(_ nanoseconds: [Int64]) {
            let figures = LatencyFigures(nanoseconds)
            count = figures.count
            (p50, p99, p99_9, largest) = (
                figures.quantile(0.5), figures.quantile(0.99), figures.quantile(0.999), figures.quantile(1)
            )
        }
    }

    package var beds: Int
    /// Measured, after the warm-up.
    package var seconds: Double
    /// Over the whole run, the warm-up included.
    package var blocks_sent = 0
    package var samples_sent = 0
    /// Beats that came to the subscriber in the measured time.
    package var beats = 0
    /// From when the block with a beat's last needed sample was complete until its event was at a subscriber.
    package var beat_latency = Latency([])
    package var alert_latency = Latency([])
    /// The bare round trip through ZeroMQ in the same time.
    package var round_trip = Latency([])
    /// How late the load itself passed blocks to its socket, in ms.
    package var load_lateness_p99: Double?
    package var load_lateness_largest: Double?
    /// Time after the last block until the daemon had taken all samples, in ms; nil: not within ten seconds, or
    /// unknown.
    package var drained_after: Double?
    /// Blocks that the daemon refused, samples that it missed, and events that did not come to the subscriber. nil:
    /// unknown, since the daemon's page is not known.
    package var blocks_refused: Int?
    package var samples_missing: Int?
    package var events_missed = 0
    /// Processor time a second, in cores; nil: unknown.
    package var daemon_cores: Double?
    package var load_cores = 0.0
    /// The daemon's by the names of its threads.
    package var daemon_thread_cores: [String: Double] = [:]
    /// Resident memory at the end, in bytes.
    package var daemon_resident: Int?
    package var load_resident: Int?
    /// Growth of the daemon's anonymous memory by a stream, in bytes.
    package var daemon_bytes_per_stream: Int?
    package var journal_bytes: Int?
    /// Why it did not keep up; empty: it did.
    package var faults: [String] = []

    package var keptUp: Bool { faults.isEmpty }

    init(beds: Int, seconds: Double) {
        self.beds = beds
        self.seconds = seconds
    }
}
