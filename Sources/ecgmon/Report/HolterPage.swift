import ECGEvaluation
import ECGMonitor
import ECGSignal
import ToolSupport

/// A Holter report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere.
struct HolterPage {
    var title: String
    var lead: String
    var model: String
    var summary: HolterSummary
    /// The strip of each episode that is shown.
    var strips: [(episode: HolterSummary.Episode, svg: String)]
    /// Episodes beyond those.
    var withoutStrip: Int

    var html: String {
        ReportHTML.page(title: "\(title): Holter report", body: body)
    }

    private var body: String {
        """
        <h1>Holter report: \(ReportHTML.escaped(title))</h1>
        <p class="quiet">Lead \(ReportHTML.escaped(lead.isEmpty ? "without a name" : lead)), \
        \(ClockTime(seconds: summary.duration)) of ECG. Made by ecg-monitor, model \(ReportHTML.escaped(model)). Not a \
        certified medical device: every finding needs a physician.</p>
        <section><h2>Summary</h2>\(ReportHTML.table(figures))</section>
        <section><h2>Heart rate</h2>\(HolterDrawing.trend(summary))</section>
        <section class="two"><div><h2>RR intervals (Poincaré)</h2>\(HolterDrawing.poincare(summary.beats))
        <p class="quiet">ms; each interval against the one before. Blue: between normal beats.</p></div>
        <div><h2>Ectopy by hour</h2>\(HolterDrawing.ectopy(summary.hours))
        <p class="quiet">Beats an hour; orange: ventricular, blue: supraventricular.</p></div></section>
        <section><h2>Hour by hour</h2>\(hours)</section>
        <section><h2>Signal</h2>\(ReportHTML.table(signal))</section>
        <section><h2>Events</h2>\(events)</section>
        """
    }

    // MARK: Parts

    private var figures: [(String, String)] {
        let whole = summary.whole
        var rows = [
            ("Beats", "\(whole.beats)"),
            ("Heart rate, mean", ReportHTML.rate(whole.meanRate)),
            (
                "Slowest and fastest minute",
                "\(ReportHTML.rate(whole.leastRate)), \(ReportHTML.rate(whole.greatestRate))"
            ),
        ]
        if let longest = summary.longest {
            rows.append(
                ("Longest RR interval", "\(fixed(longest.interval, 2)) s at \(ClockTime(seconds: longest.start))"))
        }
        if let variability = summary.variability {
            rows.append(
                (
                    "Variability of NN intervals",
                    "SDNN \(fixed(variability.sdnn, 0)) ms, RMSSD \(fixed(variability.rmssd, 0)) ms, pNN50 "
                        + "\(fixed(variability.pnn50 * 100, 1)) % (\(variability.intervals) intervals)"
                ))
        }
        rows += [
            (
                "Ventricular ectopic beats",
                "\(whole.ventricular) (\(ReportHTML.share(whole.ventricular, whole.beats))), \(whole.couplets) couplets, "
                    + "\(whole.runs) runs of three or more"
            ),
            (
                "Supraventricular ectopic beats",
                "\(whole.supraventricular) (\(ReportHTML.share(whole.supraventricular, whole.beats)))"
            ),
            ("Suggestive of atrial fibrillation", "\(fixed(whole.fibrillation * 100, 1)) % of the time"),
        ]
        let kinds = Dictionary(grouping: summary.episodes, by: \.kind)
        let alarms = kinds.sorted {
            ($0.value[0].priority.rawValue, $0.key.rawValue) > ($1.value[0].priority.rawValue, $1.key.rawValue)
        }
        .map { "\($0.value.count) \($0.key.name)" }
        rows.append(("Alarms", alarms.isEmpty ? "none" : alarms.joined(separator: "; ")))
        return rows
    }

    private var signal: [(String, String)] {
        let names: [(SignalCondition, String)] = [
            (.good, "good"), (.noisy, "noisy"), (.leadOff, "lead off"), (.flatLine, "flat line"),
            (.saturation, "saturated"), (.invalidSamples, "invalid samples"),
        ]
        var rows = names.compactMap { condition, name -> (String, String)? in
            guard let seconds = summary.conditions[condition], seconds > 0 else { return nil }
            return (name, "\(ClockTime(seconds: seconds)), \(fixed(seconds / max(summary.duration, 1) * 100, 1)) %")
        }
        let suspected = summary.episodes.filter { $0.kind == .attackSuspected }
        rows.append(
            (
                "suspected to be tampered with",
                suspected.isEmpty
                    ? "never"
                    : suspected.map { episode in
                        "\(ClockTime(seconds: episode.start)) to "
                            + "\(ClockTime(seconds: episode.end ?? summary.duration))"
                    }.joined(separator: "; ")
            ))
        return rows
    }

    private var hours: String {
        let head = ["From", "Beats", "Mean", "Slowest", "Fastest", "V", "Couplets", "Runs", "S", "AF", "Not usable"]
        let rows = summary.hours.map { hour in
            [
                "\(ClockTime(seconds: hour.start))", "\(hour.beats)", ReportHTML.number(hour.meanRate),
                ReportHTML.number(hour.leastRate), ReportHTML.number(hour.greatestRate), "\(hour.ventricular)",
                "\(hour.couplets)",
                "\(hour.runs)", "\(hour.supraventricular)", "\(fixed(hour.fibrillation * 100, 0)) %",
                "\(fixed(hour.unusable * 100, 0)) %",
            ]
        }
        return ReportHTML.grid(head, rows)
    }

    private var events: String {
        guard !strips.isEmpty else { return "<p>None.</p>" }
        var text = strips.map { episode, svg in
            let end = episode.end.map { ", over at \(ClockTime(seconds: $0))" } ?? ", on at the end"
            return "<article class=\"\(episode.priority)\"><h3>\(ClockTime(seconds: episode.start)) "
                + "\(ReportHTML.escaped(episode.kind.name)) <span class=\"quiet\">\(episode.priority)</span></h3>"
                + "<p>\(ReportHTML.escaped(episode.text))\(end)</p><div class=\"wide\">\(svg)</div></article>"
        }.joined(separator: "\n")
        if withoutStrip > 0 { text += "<p class=\"quiet\">And \(withoutStrip) more of less weight.</p>" }
        return text
    }
}
