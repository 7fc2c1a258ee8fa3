import ECGMonitor
import Foundation
import TestSupport
import Testing

@testable import MonitorDaemon

/// The strip around an alarm as it is stored.
struct StoredStripTests {
    private static let source = StripRing.Source(session: .max, samplingRate: 360, leads: ["II", "V1", "V2", "V5"])

    private func strip(
        _ values: [[StripDecimator.Value]], from: Int64 = 1000, beats: [StationMessage.Beat] = [],
        suspected: [[Int64?]] = []
    ) -> StoredStrip {
        StoredStrip(
            Self.source, rate: 120, range: from..<(from + Int64(values[0].count)), onset: from + 3, values: values,
            beats: beats, suspected: suspected)
    }

    @Test func everyValueComesBack() throws {
        var generator = SeededGenerator(seed: 8)
        let wild = (0..<4000).map { _ in StripDecimator.Value(truncatingIfNeeded: generator.next()) }
        let extremes: [StripDecimator.Value] = [.max, .min, 0, -1, .min, .max, 1, StripDecimator.none]
        for values in [wild, extremes, Array(repeating: StripDecimator.none, count: 7)] {
            let beats = [StationMessage.Beat(place: 1004, letter: "V", interval: 431)]
            let stored = strip([values, values.reversed()], beats: beats, suspected: [[1002, nil], [7, 9]])
            let back = try #require(StoredStrip(stored: stored.stored))
            #expect(back == stored)
            let message = back.message(bed: "bed-1", alarm: "a")
            #expect(message.values.map(\.values) == [values, values.reversed()])
            #expect(message.beats == beats && message.leads == ["II", "V1"] && message.suspected.count == 2)
        }
    }

    @Test func anECGTakesLittleMoreThanAByteForAValue() {
        let values = (0..<2400).map { StripDecimator.Value(40 * sin(Double($0) / 9)) }
        #expect(strip([values]).stored.count < 2400 * 2)
    }

    @Test func whatWasMissingIsFilledFromTheEarlierForm() throws {
        let none = StripDecimator.none
        let early = strip(
            [[1, 2, 3, none, none, none]], beats: [.init(place: 1001, letter: "N", interval: 800)],
            suspected: [[1001, nil]])
        let late = strip([[none, none, 9, 4, 5, none]], beats: [.init(place: 1004, letter: "V", interval: 400)])
        let whole = late.filled(from: early).message(bed: "", alarm: "")
        #expect(whole.values[0].values == [1, 2, 9, 4, 5, none])
        #expect(whole.beats.map(\.letter) == ["N", "V"] && whole.suspected == [[1001, nil]])
        let other = strip([[1, 2, 3, 4, 5, 6]], from: 2000)
        #expect(late.filled(from: other) == late && late.filled(from: nil) == late)
    }

    @Test func whatIsNoStripIsNone() throws {
        let good = String(decoding: strip([[1, 2, 3, 4]]).stored, as: UTF8.self)
        #expect(StoredStrip(stored: Array(good.utf8)) != nil)
        for (part, other) in [
            (#""from":1000"#, #""from":-1"#), (#""until":1004"#, #""until":999"#), (#""until":1004"#, #""until":1e18"#),
            (#""rate":120"#, #""rate":0"#), (#""beatLetters":"""#, #""beatLetters":"NNN""#),
            (#""packed":["#, #""packed":["!","#), (#""suspected":[]"#, #""suspected":[[1]]"#), ("{", "["),
        ] {
            #expect(good.contains(part), "\(part)")
            #expect(StoredStrip(stored: Array(good.replacing(part, with: other).utf8)) == nil, "\(other)")
        }
        // Bytes that break off are no values.
        let short = try #require(good.firstMatch(of: /"packed":\["([^"]+)"/)).1
        let cut = try #require(StoredStrip(stored: Array(good.replacing(short, with: "Ag==").utf8)))
        #expect(
            cut.message(bed: "", alarm: "").values[0].values == [1] + Array(repeating: StripDecimator.none, count: 3))
    }
}
