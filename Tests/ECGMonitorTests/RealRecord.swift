import ECGSignal
import Foundation
import TestSupport
import WFDB

/// Where real ECG lies: in the package, and in the folder of databases that ECGMON_DATABASES names.
enum RealRecord {
    static let mitdb = Databases.folder("mitdb")
    static let hasMITDB = FileManager.default.fileExists(atPath: mitdb + "/205.hea")
    static let model = Checkout.model
    static let hasModel = Checkout.hasModel

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
        try Record.read("208s", in: Checkout.root + "Fixtures").millivolts(ofSignal: 0)
    }
}
