import ECGATKGAN
import FoundationEssentials
import WFDB

/// Beat windows out of annotated WFDB records, as protocol P of the paper cuts them.
enum BeatWindowLoader {
    /// Windows of channel 0 of every record of a folder at 360 Hz, centred on the annotated R, labelled N, S, V or F; other beats
    /// are left out, and so are beats whose window is not all inside the record.
    ///
    /// Each window is scaled so that its middle 280 samples span [0,1]; the margins follow the same scale.
    ///
    /// - Parameter margin: samples kept on both sides beyond the 280.
    static func load(folder: String, margin: Int) throws -> BeatDataset {
        let names = try recordNames(in: folder)
        var dataset = BeatDataset(margin: margin)
        let half = Discriminator.windowLength / 2
        for name in names {
            let record = try Record.read(name, in: folder)
            guard record.samplingRate == 360 else {
                throw ToolError(
                    "\(folder)/\(name): is sampled at \(record.samplingRate) Hz, training windows are cut at 360 Hz",
                    nextStep: "Give the folder of mitdb")
            }
            let signal = try record.millivolts(ofSignal: 0)
            let annotations = try AnnotationSet.read(name, annotator: "atr", in: folder)
            for annotation in annotations.annotations {
                guard let beatClass = BeatClass(annotationSymbol: annotation.code.symbol) else { continue }
                let r = Int(annotation.sampleIndex)
                let start = r - half - margin, end = r + half + margin
                guard start >= 0, end <= signal.count else { continue }
                let middle = signal[(r - half)..<(r + half)]
                guard let low = middle.min(), let high = middle.max(), high > low else { continue }
                dataset.append(signal[start..<end].map { ($0 - low) / (high - low) }, label: beatClass)
            }
        }
        return dataset
    }

    /// Every record of the folder: those its RECORDS file lists.
    static func recordNames(in folder: String) throws -> [String] {
        guard let bytes = FileManager.default.contents(atPath: folder + "/RECORDS") else {
            throw ToolError(
                "\(folder): there is no RECORDS file, so it is not the folder of a WFDB database",
                nextStep: "Give the folder with --database, or fetch it with `ecgmon data fetch`")
        }
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).map { String($0) }
    }
}
