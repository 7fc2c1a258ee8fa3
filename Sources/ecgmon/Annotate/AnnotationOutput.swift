import ECGReplay
import FoundationEssentials
import ToolSupport
import WFDB

/// Annotation files that a command writes.
enum AnnotationOutput {
    static func makeFolder(_ path: String) throws(ToolError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ToolError("the folder \(path) cannot be created", nextStep: "Name another with -o")
        }
    }

    /// Makes the folders below `folder` that lead to a record.
    /// - Parameter record: the record's name, with folders where it is in some.
    static func place(_ record: String, in folder: String) throws(ToolError) -> RecordPath {
        let place = RecordPath(record, in: folder)
        if record.contains("/") { try makeFolder(place.directory) }
        return place
    }

    /// Writes the annotations in the order of time, whole or not at all.
    /// - Parameter record: the record's name; the folders in it are made below `folder`.
    static func write(_ set: AnnotationSet, record: String, annotator: String, to folder: String) throws(ToolError) {
        var set = set
        set.sortByTime()
        let place = try place(record, in: folder)
        do {
            try set.write(place.name, annotator: annotator, to: place.directory)
        } catch {
            throw ToolError(
                "annotations cannot be written: \(WriteProblem.words(error))", nextStep: "Free some space, or name another folder with -o")
        }
    }
}
