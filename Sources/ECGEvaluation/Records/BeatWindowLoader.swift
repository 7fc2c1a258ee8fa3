public import ECGATKGAN
import ToolSupport
import WFDB

/// Beat windows from annotated WFDB records, cut as in protocol P of the paper.
public enum BeatWindowLoader {
    /// Windows from channel 0 of every record of a folder at 360 Hz, centred on the annotated R peak and labelled N, S,
    /// V or F. Other beats are excluded, as are beats whose window is not entirely inside the record.
    ///
    /// Each window is scaled so that its middle 280 samples span [0,1]; the margins use the same scale.
    ///
    /// - Parameters:
    ///   - database: the folder of the records.
    ///   - records: nil: all.
    ///   - margin: samples kept on both sides beyond the 280.
    public static func load(_ database: RecordDatabase, records: [String]? = nil, margin: Int) throws -> BeatDataset {
        var dataset = BeatDataset(margin: margin)
        let half = Discriminator.windowLength / 2
        for name in try records ?? database.records() {
            let record = try database.record(name, channel: 0)
            guard record.samplingRate == 360 else {
                throw ToolError(
                    "\(database.directory)/\(name) is sampled at \(record.samplingRate) Hz, training windows are cut at 360 Hz",
                    nextStep: "Give the folder of mitdb")
            }
            let signal = try record.millivolts(ofSignal: 0)
            for annotation in try database.annotations(name, for: record) {
                guard let beatClass = BeatClass(annotationSymbol: annotation.code.symbol) else { continue }
                guard let r = Int(exactly: annotation.sampleIndex), r < signal.count else { continue }
                let start = r - half - margin
                let end = r + half + margin
                guard start >= 0, end <= signal.count else { continue }
                let middle = signal[(r - half)..<(r + half)]
                guard let low = middle.min(), let high = middle.max(), high > low else { continue }
                dataset.append(signal[start..<end].map { ($0 - low) / (high - low) }, label: beatClass)
            }
        }
        return dataset
    }
}
