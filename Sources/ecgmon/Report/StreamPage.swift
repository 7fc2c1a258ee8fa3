import ECGEvaluation
import ECGMonitor
import MonitorDaemon
import ToolSupport

/// The report of a stream out of a journal: what the journal knows, and what it does not.
struct StreamPage {
    let summary: StreamSummary
    /// Most alarms that are shown with their strip.
    let strips: Int

    private var past: StreamPast { summary.past }

    var html: String { ReportHTML.page(title: "\(past.stream): report out of the journal", body: body) }

    private var body: String {
        let ectopy = summary.ectopy
        let beats = past.beats.map {
            HolterSummary.Beat(seconds: summary.seconds($0.time), letter: $0.letter, interval: $0.interval)
        }
        return """
            <h1>Report of \(ReportHTML.escaped(past.stream))</h1>
            <p class="quiet">Out of the daemon's journal, \(Self.time(past.range.lowerBound)) to \
            \(Self.time(past.range.upperBound)) UTC. Made by ecg-monitor. Not a certified medical device: every finding \
            needs a physician.</p>
            <section><h2>Summary</h2>\(ReportHTML.table(figures))</section>
            <section><h2>Heart rate</h2>\(trend(\.rate, .heartRate))
            <p class="quiet">Each minute's mean, least and greatest of the rates that the monitor displayed.</p></section>
            <section><h2>RR intervals</h2>\(trend(\.interval, .interval))
            <p class="quiet">ms; each minute's mean, shortest and longest.</p></section>
            <section class="two"><div><h2>Ectopy by hour</h2>
            \(ectopy.hours.isEmpty ? "<p>Not known.</p>" : HolterDrawing.ectopy(ectopy.hours, clock: ectopy.clock))
            <p class="quiet">Beats an hour; orange: ventricular, blue: supraventricular.</p></div>
            <div><h2>RR intervals (Poincaré)</h2>
            \(beats.count < 2 ? "<p>Not known.</p>" : HolterDrawing.poincare(beats))
            <p class="quiet">\(ReportHTML.escaped(beatsKept))</p></div></section>
            <section><h2>Hour by hour</h2>\(hours)</section>
            <section><h2>Signal</h2>\(ReportHTML.table(signal))</section>
            <section><h2>Alarms</h2>\(alarms)</section>
            <section><h2>What the journal does not know</h2><ul>\
            \(gaps.map { "<li>\(ReportHTML.escaped($0))</li>" }.joined(separator: "\n"))</ul></section>
            """
    }

    // MARK: Parts

    private var figures: [(String, String)] {
        let (beats, total) = (summary.beats, summary.beatCount)
        let rates = past.minutes.compactMap { $0.rate.mean }
        let mean = rates.isEmpty ? nil : rates.reduce(0, +) / Double(rates.count)
        var rows = [
            ("Monitored", Self.minutes(summary.monitoredMinutes)), ("Beats", "\(total)"),
            ("Heart rate, mean", ReportHTML.rate(mean)),
            ("Slowest and fastest minute", "\(ReportHTML.rate(rates.min())), \(ReportHTML.rate(rates.max()))"),
            ("Ventricular ectopic beats", "\(beats[2]) (\(ReportHTML.share(beats[2], total)))"),
            ("Supraventricular ectopic beats", "\(beats[1]) (\(ReportHTML.share(beats[1], total)))"),
            ("Fusion beats", "\(beats[3])"), ("Beats without a class", "\(beats[4])"),
            (
                "Suggestive of atrial fibrillation",
                summary.fibrillationShare.map { "\(fixed($0 * 100, 1)) % of the monitored time" } ?? "not known"
            ),
        ]
        if let variability = HolterSummary.Variability(
            past.beats.map { .init(seconds: summary.seconds($0.time), letter: $0.letter, interval: $0.interval) })
        {
            rows.append(
                (
                    "Variability of NN intervals",
                    "SDNN \(fixed(variability.sdnn, 0)) ms, RMSSD \(fixed(variability.rmssd, 0)) ms, pNN50 "
                        + "\(fixed(variability.pnn50 * 100, 1)) %, of the last \(variability.intervals) intervals"
                ))
        }
        let kinds = Dictionary(grouping: past.alarms) { $0.kind?.name ?? "of an unknown kind" }
        let counts = kinds.sorted { ($0.value[0].priority.rawValue, $1.key) > ($1.value[0].priority.rawValue, $0.key) }
            .map { "\($0.value.count) \($0.key)" }
        rows.append(("Alarms", counts.isEmpty ? "none" : counts.joined(separator: "; ")))
        return rows
    }

    private func trend(
        _ path: KeyPath<TrendMinute, TrendMinute.Spread>, _ quantity: HolterDrawing.Quantity
    ) -> String {
        let minutes = summary.minutes(path)
        guard !minutes.isEmpty else { return "<p>Not known.</p>" }
        return HolterDrawing.trend(minutes, of: quantity, duration: summary.charted, clock: summary.clock)
    }

    private var beatsKept: String {
        guard let first = past.beats.first, let last = past.beats.last else { return "No beats are kept one by one." }
        return "ms; each interval against the one before, of the beats that are kept one by one: "
            + "\(Self.time(first.time)) to \(Self.time(last.time)). Blue: between normal beats."
    }

    private var hours: String {
        guard !summary.hours.isEmpty else { return "<p>Not known.</p>" }
        let head = [
            "From (UTC)", "Minutes", "Beats", "Mean", "Slowest", "Fastest", "V", "S", "F", "No class", "AF, minutes",
        ]
        return ReportHTML.grid(
            head,
            summary.hours.map { hour in
                [
                    String(Self.time(hour.start).dropLast(3)), "\(hour.minutes)", "\(hour.beats.reduce(0, +))",
                    ReportHTML.number(hour.meanRate), ReportHTML.number(hour.leastRate),
                    ReportHTML.number(hour.greatestRate), "\(hour.beats[2])", "\(hour.beats[1])", "\(hour.beats[3])",
                    "\(hour.beats[4])", fixed(hour.fibrillationSeconds / 60, 1),
                ]
            })
    }

    private var signal: [(String, String)] {
        let total = past.conditions.reduce(0) { $0 + $1.seconds }
        var rows = past.conditions.map { condition, seconds in
            (condition, "\(Self.minutes(Int((seconds / 60).rounded()))), \(fixed(seconds / max(total, 1) * 100, 1)) %")
        }
        if rows.isEmpty { rows.append(("condition", "not known")) }
        let suspicions = past.suspicions.map { suspicion in
            "\(suspicion.isReplay ? "replay" : "attack on the classifier"), \(Self.time(suspicion.start)) to "
                + (suspicion.end.map(Self.time) ?? "the end")
        }
        rows.append(
            ("suspected to be tampered with", suspicions.isEmpty ? "never" : suspicions.joined(separator: "; ")))
        return rows
    }

    private var alarms: String {
        guard !past.alarms.isEmpty else { return "<p>None.</p>" }
        let gravest = past.alarms.indices.sorted {
            let (a, b) = (past.alarms[$0], past.alarms[$1])
            return (a.priority.rawValue, a.strip == nil ? 0 : 1, a.start)
                > (b.priority.rawValue, b.strip == nil ? 0 : 1, b.start)
        }.prefix(strips).sorted()
        var text = gravest.map { article(past.alarms[$0]) }.joined(separator: "\n")
        let others = past.alarms.count - gravest.count
        if others > 0 { text += "<p class=\"quiet\">And \(others) more of less weight.</p>" }
        return text
    }

    private func article(_ alarm: StreamPast.Alarm) -> String {
        let end = alarm.end.map { ", \(alarm.endedBecause) at \(Self.time($0))" } ?? ", on at the end"
        let strip = alarm.strip.map { Self.drawing($0) }
        return
            "<article class=\"\(alarm.priority)\"><h3>\(alarm.beganBefore ? "before " : "")\(Self.time(alarm.start)) "
            + "\(ReportHTML.escaped(alarm.kind?.name ?? "of an unknown kind")) "
            + "<span class=\"quiet\">\(alarm.priority)</span></h3>"
            + "<p>\(ReportHTML.escaped(alarm.text))\(ReportHTML.escaped(end))</p>"
            + "\(strip ?? "<p class=\"quiet\">No strip is kept.</p>")</article>"
    }

    /// Seven seconds of each lead at 25 mm/s, which fit on a page, with the beats above the first; then all that is kept
    /// of the first lead.
    static func drawing(_ strip: StoredStrip) -> String {
        let beats = strip.beatSeconds.map { HolterSummary.Beat(seconds: $0.seconds, letter: $0.letter, interval: nil) }
        let leads = strip.millivolts
        let first = max(0, Int(((strip.onsetSeconds - 2) * strip.rate).rounded()))
        let details = zip(strip.leads, leads).enumerated().compactMap { number, lead -> String? in
            let detail = Array(lead.1.dropFirst(first).prefix(Int(7 * strip.rate)))
            guard !detail.isEmpty else { return nil }
            return "<p class=\"quiet\">\(name(lead.0))</p>"
                + HolterDrawing.strip(
                    detail, samplingRate: strip.rate, start: Double(first) / strip.rate,
                    beats: number == 0 ? beats : [], mark: strip.onsetSeconds)
        }.joined()
        let whole = HolterDrawing.strip(
            leads[0], samplingRate: strip.rate, start: 0, beats: [], mark: strip.onsetSeconds)
        return "<div class=\"wide\">\(details)</div><p class=\"quiet\">\(name(strip.leads[0])), "
            + "\(fixed(Double(leads[0].count) / strip.rate, 0)) s</p><div class=\"whole\">\(whole)</div>"
    }

    private static func name(_ lead: String) -> String { ReportHTML.escaped(lead.isEmpty ? "ECG" : lead) }

    /// What a reader must not take from this report.
    private var gaps: [String] {
        var list: [String] = []
        let withStrip = past.alarms.count { $0.strip != nil }
        list.append(
            "The ECG itself, but for 20 s around \(withStrip) of \(past.alarms.count) alarms. Strips are kept of the beds "
                + "that the central station shows, the last 100 of each, thinned for display: every peak is there, the "
                + "finest detail is not.")
        if past.hasTrends {
            if summary.minutes > summary.monitoredMinutes {
                list.append(
                    "\(Self.minutes(summary.minutes - summary.monitoredMinutes)) of the "
                        + "\(Self.minutes(summary.minutes)) that this report is about: nothing was "
                        + "received or found, or it was before the journal kept trends, or it has been deleted since "
                        + "(journal.keep_days, journal.maximum_bytes).")
            }
        } else {
            list.append(
                "Trends, beats and hours: no daemon of this version has written this journal. Rates and beats are not "
                    + "known for that reason, and not because there were none.")
        }
        list.append(
            "Single beats older than journal.keep_beats_hours: couplets, runs and variability are known from alarms and "
                + "from the beats above only. An ectopic beat counts once, whatever it was part of.")
        list.append(
            "Atrial fibrillation that the monitor did not report: the share is that of its alarms, which begin up to half "
                + "a minute late and end as late.")
        list.append("Whose ECG it was: the journal knows the name of the stream, and nobody's name.")
        return list
    }

    // MARK: Text

    /// `2026-03-31 14:00:00`
    private static func time(_ nanoseconds: Int64) -> String {
        String(HistoryTime.text(nanoseconds).prefix { $0 != "." })
    }

    private static func minutes(_ count: Int) -> String {
        count < 60 ? "\(count) min" : "\(count / 60) h \(count % 60) min"
    }
}
