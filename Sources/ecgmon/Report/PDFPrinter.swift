import DaemonHarness
import FoundationEssentials
import ToolSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Prints an HTML page to a PDF file with the browser that is installed: a page looks the same on paper as on the
/// screen only if the same program draws it.
struct PDFPrinter {
    /// Where Debian and Google put theirs.
    private static let browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    private static let seconds = 120.0

    /// The one that is installed; nil: none.
    static var browser: String? { browsers.first { access($0, X_OK) == 0 } }

    private let browser: String

    /// - Throws: `ToolError` if there is no browser.
    init() throws(ToolError) {
        guard let found = Self.browser else {
            throw ToolError(
                "a PDF needs Chromium, which is not installed",
                nextStep: "Install it (apt install chromium), or write HTML and print it from your browser")
        }
        browser = found
    }

    /// - Parameters:
    ///   - html: a page that needs no other file.
    ///   - output: path of the PDF file.
    /// - Throws: `ToolError` if the browser fails, or the file cannot be written.
    func print(_ html: String, to output: String) throws {
        let folder = try TemporaryDirectory()
        let page = "\(folder.path)/page.html"
        let printed = "\(folder.path)/page.pdf"
        try Data(html.utf8).write(to: URL(filePath: page))
        // Chromium's own sandbox refuses to run as root, as in a container; the page is ours and loads nothing.
        let unboxed = geteuid() == 0 ? ["--no-sandbox"] : []
        let process = try ChildProcess(
            executable: browser,
            arguments: [
                "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--user-data-dir=\(folder.path)/profile", "--no-pdf-header-footer", "--print-to-pdf=\(printed)",
            ] + unboxed + ["file://\(page)"], logPath: "\(folder.path)/log")
        let ending = process.wait(seconds: Self.seconds)
        if ending == nil { _ = process.stop(within: 2) }
        guard let data = try? Data(contentsOf: URL(filePath: printed)), !data.isEmpty else {
            throw ToolError(
                "\(browser) printed nothing (\(ending.map { "\($0)" } ?? "no answer within \(Int(Self.seconds)) s"))",
                nextStep: "Write HTML and print it from your browser")
        }
        try data.write(to: URL(filePath: output), options: .atomic)
    }
}
