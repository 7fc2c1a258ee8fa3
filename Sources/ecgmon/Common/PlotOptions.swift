import ArgumentParser
import Glibc
import ToolSupport

/// What all evaluations that print tables have in common: the tables as a drawing, too.
struct PlotOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Also draw the tables into this file, as SVG.", valueName: "file"))
    var plot: String?

    func validate() throws {
        guard plot?.lowercased().hasSuffix(".svg") ?? true else {
            throw ValidationError("--plot takes the name of a file that ends in .svg")
        }
        // Before the work, which may take hours.
        guard let plot else { return }
        let folder = plot.lastIndex(of: "/").map { String(plot[...$0]) } ?? "."
        guard access(folder, W_OK) == 0 else {
            throw ValidationError("--plot: \(printable(folder)) is no folder that can be written")
        }
    }
}
