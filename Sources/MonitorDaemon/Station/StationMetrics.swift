/// What is counted about the station.
final class StationMetrics: Sendable {
    let connections = Gauge()
    let connectionsRefused = Counter()
    let viewers = Gauge()
    /// Without the right token.
    let viewersRefused = Counter()
    /// Times that a viewer did not take what was new; it got everything again later.
    let viewersBehind = Counter()
    /// Sent away, since they took nothing for long.
    let viewersTooSlow = Counter()
}

extension MetricsPage {
    /// - Parameter feed: nil: there is no station.
    mutating func station(_ metrics: StationMetrics, _ feed: StationFeed?) {
        guard let feed else { return }
        gauge(
            "ecgmon_station_connections", "Connections to the central station that are open now.", metrics.connections)
        counter(
            "ecgmon_station_connections_refused_total", "Connections closed since there were as many as may be.",
            metrics.connectionsRefused)
        gauge("ecgmon_station_viewers", "Viewers of the central station now.", metrics.viewers)
        counter("ecgmon_station_viewers_refused_total", "Viewers without the right token.", metrics.viewersRefused)
        counter(
            "ecgmon_station_viewers_behind_total",
            "Times that a viewer did not take what was new; it got everything again later.", metrics.viewersBehind)
        counter(
            "ecgmon_station_viewers_too_slow_total", "Viewers sent away since they took nothing for 10 s.",
            metrics.viewersTooSlow)
        gauge("ecgmon_station_beds_not_shown", "Streams that find no place on the station.", feed.notShown)
        counters(
            "ecgmon_station_dropped_total", "What found no room on its way to the station, by kind.", by: "kind",
            feed.dropped)
    }
}
