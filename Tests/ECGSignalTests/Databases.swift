import TestSupport
import WFDB

extension Databases {
    /// Channel 0 of a record with its reference beats. Stretches between `[` and `]` are flutter.
    static func read(_ name: String, from database: String) throws -> (
        millivolts: [Float], rate: Double, beats: [Int64], flutter: [ClosedRange<Int64>]
    ) {
        let record = try Record.read(name, in: folder(database))
        let annotations = try AnnotationSet.read(name, annotator: "atr", in: folder(database)).annotations
        var flutter: [ClosedRange<Int64>] = []
        var onset: Int64?
        for annotation in annotations {
            if annotation.code.symbol == "[" { onset = annotation.sampleIndex }
            if annotation.code.symbol == "]", let start = onset {
                flutter.append(start...annotation.sampleIndex)
                onset = nil
            }
        }
        return (
            try record.millivolts(ofSignal: 0), record.samplingRate,
            annotations.filter(\.code.isBeat).map(\.sampleIndex), flutter
        )
    }
}

/// Beats found and missed, by the rule of AAMI EC57: a detection belongs to the nearest beat within 150 ms.
struct BeatScore {
    var beats = 0
    var missed = 0
    var extra = 0
    var absoluteErrorSum: Int64 = 0

    var sensitivity: Double { 100 * Double(beats - missed) / Double(beats) }
    var predictivity: Double { 100 * Double(beats - missed) / Double(beats - missed + extra) }
    var errorRate: Double { 100 * Double(missed + extra) / Double(beats) }
    var meanAbsoluteErrorMilliseconds: Double { Double(absoluteErrorSum) / Double(beats - missed) / 0.36 }

    /// Both in the order of time, at 360 Hz.
    mutating func add(reference: [Int64], found: [Int64], tolerance: Int64 = 54) {
        var (i, j) = (0, 0)
        beats += reference.count
        while i < reference.count || j < found.count {
            guard i < reference.count else {
                extra += found.count - j
                return
            }
            guard j < found.count else {
                missed += reference.count - i
                return
            }
            let distance = abs(found[j] - reference[i])
            if found[j] < reference[i] - tolerance {
                extra += 1
                j += 1
            } else if found[j] > reference[i] + tolerance {
                missed += 1
                i += 1
            } else if j + 1 < found.count, abs(found[j + 1] - reference[i]) < distance,
                i + 1 == reference.count || abs(reference[i + 1] - found[j + 1]) >= abs(found[j + 1] - reference[i])
            {
                extra += 1
                j += 1
            } else if i + 1 < reference.count, abs(reference[i + 1] - found[j]) < distance {
                missed += 1
                i += 1
            } else {
                absoluteErrorSum += distance
                i += 1
                j += 1
            }
        }
    }
}
