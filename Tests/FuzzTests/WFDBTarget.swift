import WFDB

/// The first byte chooses: annotations, or a record, whose header is the first piece and whose signal file `r.dat` is
/// the second; a third and a fourth are the header and the signal file of a segment `s`.
enum WFDBTarget {
    static func take(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        if choice & 1 == 0 {
            if let cut = try? AnnotationSet(parsing: rest, file: "r.atr", strict: false) { _ = try? cut.encoded() }
            guard let annotations = try? AnnotationSet(parsing: rest, file: "r.atr") else { return }
            _ = try? annotations.encoded()
        } else {
            record(rest.pieces)
        }
    }

    private static func record(_ pieces: [[UInt8]]) {
        guard let text = pieces.first, let header = try? RecordHeader(parsing: text, file: "r.hea") else { return }
        _ = header.text
        _ = header.firstECG
        // Memory may grow with the signal file, never with what the header claims.
        guard header.signals.count <= 64, header.segments.count <= 64 else { return }
        _ = Scratch.write("r.hea", text)
        for (number, name) in ["r.dat", "s.hea", "s.dat"].enumerated() {
            _ = Scratch.write(name, pieces.count > number + 1 ? pieces[number + 1] : [])
        }
        guard let source = try? RecordSource("r", in: Scratch.folder), source.header.signals.count <= 64 else { return }
        for signal in source.header.signals.indices.prefix(8) { read(source, signal) }
        // Gaps that only the header states are filled in memory; their length is the user's business.
        if !source.isOrdinary {
            let perFrame = source.header.signals.reduce(0.0) { $0 + Double($1.samplesPerFrame) }
            guard Double(source.header.frameCount ?? 0) * perFrame < 1e6 else { return }
        }
        guard let record = try? Record.read("r", in: Scratch.folder) else { return }
        _ = try? record.verify()
        for signal in record.header.signals.indices { _ = try? record.millivolts(ofSignal: signal) }
        try? record.withTrueBaseline().write(to: Scratch.folder)
    }

    private static func read(_ source: RecordSource, _ signal: Int) {
        guard let reader = try? SignalReader(source, signal: signal) else { return }
        while let piece = try? reader.next() { _ = reader.signal.millivolts(piece.counts) }
    }
}
