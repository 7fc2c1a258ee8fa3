import ToolSupport

/// What the pages of reports have in common: one HTML file that needs nothing else and prints.
enum ReportHTML {
    /// - Parameter body: within `main`.
    static func page(title: String, body: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(title))</title>
        <style>\(style)</style></head><body><main>
        \(body)
        </main></body></html>

        """
    }

    /// Names and values.
    static func table(_ rows: [(String, String)]) -> String {
        "<table><tbody>"
            + rows.map { "<tr><th scope=\"row\">\(escaped($0.0))</th><td>\(escaped($0.1))</td></tr>" }
            .joined(separator: "\n") + "</tbody></table>"
    }

    /// Numbers in columns.
    static func grid(_ head: [String], _ rows: [[String]]) -> String {
        "<div class=\"wide\"><table class=\"grid\"><thead><tr>"
            + head.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined() + "</tr></thead><tbody>"
            + rows.map { "<tr>" + $0.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>" }.joined(separator: "\n")
            + "</tbody></table></div>"
    }

    static func rate(_ rate: Double?) -> String { rate.map { "\(fixed($0, 0)) /min" } ?? "not known" }

    static func number(_ rate: Double?) -> String { rate.map { fixed($0, 0) } ?? "" }

    static func share(_ count: Int, _ total: Int) -> String {
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
        .wide svg{max-width:none;height:auto}.whole svg{width:100%}
        article{border-left:5px solid #bbb;padding:.3rem 0 .3rem .8rem;margin:.8rem 0}
        article.high{border-color:#c8102e}article.medium{border-color:#f2c200}article.low{border-color:#18b4d4}
        article p{margin:.1rem 0 .4rem}article,.two div{break-inside:avoid}
        @page{size:A4;margin:12mm}
        @media print{.wide svg{max-width:100%}article{break-inside:avoid}body{background:#fff}main{max-width:none;margin:0;padding:0}}
        """
}
