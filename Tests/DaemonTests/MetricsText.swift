import Testing

/// What a page of metrics says, in Prometheus' text format.
struct MetricsText {
    var samples: [(family: String, labels: [String: String], value: Double)] = []

    init(_ page: String) {
        for line in page.split(separator: "\n") where !line.hasPrefix("#") {
            guard let match = line.wholeMatch(of: /([a-z_]+)(?:\{(.*)\})? (\S+)/), let value = Double(match.3) else {
                continue
            }
            var labels: [String: String] = [:]
            for pair in (match.2 ?? "").matches(of: /([a-z0-9_]+)="((?:[^"\\]|\\.)*)"/) {
                labels[String(pair.1)] = String(pair.2)
            }
            samples.append((String(match.1), labels, value))
        }
    }

    /// nil: there is no such line.
    func value(_ family: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.family == family && $0.labels == labels }?.value
    }

    /// Families by stream, with that of the total.
    static let streamFamilies = [
        "rejects", "gaps", "samples_missing", "samples_duplicate", "samples_invalid", "samples_set_aside",
        "events_dropped", "journal_dropped",
        "ingest_replies_dropped", "command_replies_dropped", "subscriber_queue_full",
    ]

    /// The sum over the streams is the total, for each cause.
    func expectThatStreamsSumUp() {
        for name in Self.streamFamilies {
            var sums: [[String: String]: Double] = [:]
            for sample in samples where sample.family == "ecgmon_stream_\(name)_total" {
                var labels = sample.labels
                #expect(labels.removeValue(forKey: "stream") != nil)
                sums[labels, default: 0] += sample.value
            }
            // What is too old is no loss.
            let totals = samples.filter { $0.family == "ecgmon_\(name)_total" && $0.labels["cause"] != "old" }
            #expect(!totals.isEmpty, "\(name)")
            for total in totals {
                #expect(total.value == sums.removeValue(forKey: total.labels) ?? 0, "\(name) \(total.labels)")
            }
            #expect(sums.isEmpty, "\(name)")
        }
    }
}
