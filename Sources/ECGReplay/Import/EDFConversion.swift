import EDF
import ToolSupport

/// An EDF or EDF+ file as a WFDB record: the voltages that have as many samples a second as the first ECG.
struct EDFConversion {
    let path: String
    let folder: String

    /// - Returns: what was left out, in words.
    func run() throws(ToolError) -> [String] {
        let reader: EDFReader
        do throws(EDFError) { reader = try EDFReader(path: path) } catch {
            throw ToolError("\(error)", nextStep: "Give an EDF or EDF+ file with an ECG")
        }
        let header = reader.header
        let voltages = header.signals.indices.filter {
            !header.signals[$0].isAnnotations && header.signals[$0].millivoltsPerUnit != nil
        }
        let first = voltages.first { header.signals[$0].label.uppercased().hasPrefix("E") } ?? voltages.first
        guard let first else {
            throw ToolError("\(path) has no signal in volts", nextStep: "Its signals are: \(list(header.signals))")
        }
        let perRecord = header.signals[first].samplesPerRecord
        let chosen = voltages.filter { header.signals[$0].samplesPerRecord == perRecord }
        var notes: [String] = []
        let left = header.signals.indices.filter { !chosen.contains($0) && !header.signals[$0].isAnnotations }
        if !left.isEmpty { notes.append("\(path): left out: \(list(left.map { header.signals[$0] }))") }
        let rate = Double(perRecord) / header.recordDuration
        guard rate >= 0.01, rate <= 1_000_000 else {
            throw ToolError("\(path) has \(rate) samples a second", nextStep: "Is it an ECG?")
        }
        var writer = RecordFilesWriter(folder: folder, signals: chosen.map { signal(header.signals[$0]) }, rate: rate)
        var expected = 0
        while let record = try next(reader) {
            let begin = Int((min(max(record.onset, -1e9), 1e9) * rate).rounded())
            // Less than half a second off is a clock that was rounded.
            if begin > expected + Int(rate / 2) {
                try writer.skip(begin - expected)
                expected = begin
            }
            try writer.append(frames(record, chosen, header.signals))
            expected += perRecord
        }
        try writer.finish(source: path)
        return notes + reader.warnings
    }

    private func next(_ reader: EDFReader) throws(ToolError) -> EDFRecord? {
        do throws(EDFError) { return try reader.next() } catch {
            throw ToolError("\(error)", nextStep: "Copy the file again")
        }
    }

    private func frames(_ record: EDFRecord, _ chosen: [Int], _ signals: [EDFSignal]) -> [Int16] {
        let length = signals[chosen[0]].samplesPerRecord
        return [Int16](unsafeUninitializedCapacity: length * chosen.count) { target, filled in
            for n in 0..<length {
                for index in chosen {
                    let count = record.samples[index][n]
                    // A count that the converter cannot give stands for no sample.
                    let isValid = signals[index].digitalMinimum...signals[index].digitalMaximum ~= Int(count)
                    target[filled] = isValid && count != .min ? count : RecordFilesWriter.invalid
                    filled += 1
                }
            }
        }
    }

    private func signal(_ signal: EDFSignal) -> RecordFilesWriter.Signal {
        let perMillivolt = signal.countsPerUnit / (signal.millivoltsPerUnit ?? 1)
        let zero = min(max(signal.zeroCount.rounded(), -2e9), 2e9)
        return RecordFilesWriter.Signal(
            name: signal.leadName, gain: perMillivolt, baseline: Int32(zero), unit: "mV")
    }

    private func list(_ signals: [EDFSignal]) -> String {
        signals.map { "\(printable($0.label)) (\(printable($0.unit)))" }.joined(separator: ", ")
    }
}
