import FoundationEssentials
import ToolSupport
import WFDB

/// Annotation files that a command writes.
enum AnnotationOutput {
    static func makeFolder(_ path: String) throws(ToolError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ToolError("the folder \(path) cannot be made", nextStep: "Name another with -o")
        }
    }

    /// Writes the annotations in the order of time, whole or not at all.
    static func write(_ set: AnnotationSet, record: String, annotator: String, to folder: String) throws(ToolError) {
        var set = set
        set.sortByTime()
        do {
            try set.write(record, annotator: annotator, to: folder)
        } catch {
            throw ToolError(
                "annotations cannot be written: \(error)", nextStep: "Make room, or name another folder with -o")
        }
    }
}
