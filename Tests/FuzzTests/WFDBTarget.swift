import WFDB

/// The first byte chooses: annotations, or a record, whose header is the first piece and whose signal file `r.dat` is
/// the second.
enum WFDBTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        if choice & 1 == 0 {
            guard let annotations = try? AnnotationSet(parsing: rest, file: "r.atr") else { return }
            _ = try? annotations.encoded()
        } else {
            record(rest.pieces)
        }
    }

    private static func record(_ pieces: [[UInt8]]) {
        guard let text = pieces.first, let header = try? RecordHeader(parsing: text, file: "r.hea") else { return }
        // Memory may grow with the signal file, never with what the header claims.
        guard header.signals.count <= 64 else { return }
        _ = Scratch.write("r.hea", text)
        _ = Scratch.write("r.dat", pieces.dropFirst().first ?? [])
        guard let record = try? Record.read("r", in: Scratch.folder, verifying: false) else { return }
        _ = try? record.verify()
        for signal in record.header.signals.indices { _ = try? record.millivolts(ofSignal: signal) }
        try? record.withTrueBaseline().write(to: Scratch.folder)
    }
}
