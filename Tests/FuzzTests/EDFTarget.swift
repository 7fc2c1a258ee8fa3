import ECGReplay
import EDF
import ToolSupport

/// Recordings of others: an EDF file, or one of comma-separated values; the first byte chooses.
enum EDFTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let isEDF = choice & 1 == 0
        let path = Scratch.write(isEDF ? "r.edf" : "r.csv", bytes.dropFirst())
        if isEDF, let reader = try? EDFReader(path: path) {
            while let record = try? reader.next() { _ = record.annotations.count }
        }
        // Memory and disk grow with the file, never with what it claims.
        _ = try? ImportedRecord(path, csv: .init(samplingRate: choice & 2 == 0 ? 250 : nil))
    }
}
