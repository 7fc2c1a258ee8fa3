import ECGSignal
import Foundation
import WFDB

/// Where real ECG lies: in the package, and in the folder of databases that ECGMON_DATABASES names.
enum RealRecord {
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    static let databases =
        ProcessInfo.processInfo.environment["ECGMON_DATABASES"] ?? packageRoot + "../shared/data"

    static let mitdb = databases + "/mitdb"
    static let hasMITDB = FileManager.default.fileExists(atPath: mitdb + "/205.hea")
    static let model = packageRoot + "Config/models/default.safetensors"
    static let hasModel = FileManager.default.fileExists(atPath: model)

    /// Channel 0 in mV, and the beats that cardiologists marked.
    static func mitdb(_ name: String) throws -> (
        samples: [Float], labels: [ECGSimulator.Label], annotations: [Annotation]
    ) {
        let record = try Record.read(name, in: mitdb)
        let annotations = try AnnotationSet.read(name, annotator: "atr", in: mitdb).annotations
        let labels = annotations.filter(\.code.isBeat).map {
            ECGSimulator.Label(rPeakIndex: $0.sampleIndex, letter: $0.code.symbol)
        }
        return (try record.millivolts(ofSignal: 0), labels, annotations)
    }

    /// Five minutes of record 208 that come with the package.
    static func fixture() throws -> [Float] {
        try Record.read("208s", in: packageRoot + "Fixtures").millivolts(ofSignal: 0)
    }
}
