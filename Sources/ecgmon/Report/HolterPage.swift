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
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(Self.escaped(title)): Holter report</title>
        <style>\(Self.style)</style></head><body><main>
        <h1>Holter report: \(Self.escaped(title))</h1>
        <p class="quiet">Lead \(Self.escaped(lead.isEmpty ? "without a name" : lead)), \
        \(ClockTime(seconds: summary.duration)) of ECG. Made by ecg-monitor, model \(Self.escaped(model)). Not a \
        certified medical device: every finding needs a physician.</p>
        <section><h2>Summary</h2>\(table(figures))</section>
        <section><h2>Heart rate</h2>\(HolterDrawing.trend(summary))</section>
        <section class="two"><div><h2>RR intervals (Poincaré)</h2>\(HolterDrawing.poincare(summary))
        <p class="quiet">ms; each interval against the one before. Blue: between normal beats.</p></div>
        <div><h2>Ectopy by hour</h2>\(HolterDrawing.ectopy(summary))
        <p class="quiet">Beats an hour; orange: ventricular, blue: supraventricular.</p></div></section>
        <section><h2>Hour by hour</h2>\(hours)</section>
        <section><h2>Signal</h2>\(table(signal))</section>
        <section><h2>Events</h2>\(events)</section>
        </main></body></html>

        """
    }

    // MARK: Parts

    private var figures: [(String, String)] {
        let whole = summary.whole
        var rows = [
            ("Beats", "\(whole.beats)"),
            ("Heart rate, mean", Self.rate(whole.meanRate)),
            ("Slowest and fastest minute", "\(Self.rate(whole.leastRate)), \(Self.rate(whole.greatestRate))"),
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
                "\(whole.ventricular) (\(Self.share(whole.ventricular, whole.beats))), \(whole.couplets) couplets, "
                    + "\(whole.runs) runs of three or more"
            ),
            (
                "Supraventricular ectopic beats",
                "\(whole.supraventricular) (\(Self.share(whole.supraventricular, whole.beats)))"
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
                "\(ClockTime(seconds: hour.start))", "\(hour.beats)", Self.number(hour.meanRate),
                Self.number(hour.leastRate), Self.number(hour.greatestRate), "\(hour.ventricular)", "\(hour.couplets)",
                "\(hour.runs)", "\(hour.supraventricular)", "\(fixed(hour.fibrillation * 100, 0)) %",
                "\(fixed(hour.unusable * 100, 0)) %",
            ]
        }
        return "<div class=\"wide\"><table class=\"grid\"><thead><tr>"
            + head.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr></thead><tbody>"
            + rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined(separator: "\n")
            + "</tbody></table></div>"
    }

    private var events: String {
        guard !strips.isEmpty else { return "<p>None.</p>" }
        var text = strips.map { episode, svg in
            let end = episode.end.map { ", over at \(ClockTime(seconds: $0))" } ?? ", on at the end"
            return "<article class=\"\(episode.priority)\"><h3>\(ClockTime(seconds: episode.start)) "
                + "\(Self.escaped(episode.kind.name)) <span class=\"quiet\">\(episode.priority)</span></h3>"
                + "<p>\(Self.escaped(episode.text))\(end)</p><div class=\"wide\">\(svg)</div></article>"
        }.joined(separator: "\n")
        if withoutStrip > 0 { text += "<p class=\"quiet\">And \(withoutStrip) more of less weight.</p>" }
        return text
    }

    // MARK: Text

    private func table(_ rows: [(String, String)]) -> String {
        "<table><tbody>"
            + rows.map { "<tr><th scope=\"row\">\(Self.escaped($0.0))</th><td>\(Self.escaped($0.1))</td></tr>" }
            .joined(separator: "\n") + "</tbody></table>"
    }

    private static func rate(_ rate: Double?) -> String { rate.map { "\(fixed($0, 0)) /min" } ?? "not known" }

    private static func number(_ rate: Double?) -> String { rate.map { fixed($0, 0) } ?? "" }

    private static func share(_ count: Int, _ total: Int) -> String {
        total > 0 ? "\(fixed(Double(count) / Double(total) * 100, 1)) %" : "0 %"
    }

    static func escaped(_ text: String) -> String {
        printable(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    private static let style = """
        body{font:15px/1.45 system-ui,Helvetica,Arial,sans-serif;color:#1b1b1b;background:#f2f4f6;margin:0}
        main{max-width:205mm;margin:1rem auto;background:#fff;padding:1rem 1.4rem 2rem;border-radius:8px}
        h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.4rem 0 .4rem}h3{font-size:1rem;margin:0}
        .quiet{color:#5a6570;font-weight:400}table{border-collapse:collapse}
        th,td{text-align:left;padding:.22rem .8rem .22rem 0;vertical-align:top;border-bottom:1px solid #e3e7ea}
        th{font-weight:600}.grid th,.grid td{text-align:right;font-variant-numeric:tabular-nums}
        .two{display:flex;flex-wrap:wrap;gap:0 4mm}.two div:first-child{width:82mm}.two div:last-child{width:105mm}
        .wide{overflow-x:auto}svg{max-width:100%;height:auto}
        .wide svg{max-width:none;height:auto}
        article{border-left:5px solid #bbb;padding:.3rem 0 .3rem .8rem;margin:.8rem 0}
        article.high{border-color:#c8102e}article.medium{border-color:#f2c200}article.low{border-color:#18b4d4}
        article p{margin:.1rem 0 .4rem}article,.two div{break-inside:avoid}
        @page{size:A4;margin:12mm}
        @media print{article{break-inside:avoid}body{background:#fff}main{max-width:none;margin:0;padding:0}}
        """
}
