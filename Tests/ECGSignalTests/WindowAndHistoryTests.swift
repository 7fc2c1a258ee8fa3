import ECGSignal
import Testing

struct WindowAndHistoryTests {
    @Test func aWindowIsScaledToExactlyZeroAndOne() {
        var window = (0..<BeatWindow.length).map { Float($0 % 37) * 0.01 - 3 }
        #expect(BeatWindow.scaleToUnitInterval(&window))
        #expect(window.min() == 0 && window.max() == 1)
        // The order of the values stays.
        #expect(window[36] == 1 && window[0] == 0 && window[1] > 0 && window[1] < window[2])
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func aWindowThatCannotBeScaledIsLeftAlone(bad: Float) {
        var constant = [Float](repeating: 1.25, count: BeatWindow.length)
        #expect(!BeatWindow.scaleToUnitInterval(&constant))
        #expect(constant.allSatisfy { $0 == 1.25 })
        var spoiled = (0..<BeatWindow.length).map { Float($0) }
        spoiled[100] = bad
        #expect(!BeatWindow.scaleToUnitInterval(&spoiled))
        #expect(spoiled[0] == 0 && spoiled[99] == 99)
        var empty: [Float] = []
        #expect(!BeatWindow.scaleToUnitInterval(&empty))
        var vast: [Float] = [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
        #expect(!BeatWindow.scaleToUnitInterval(&vast))
    }

    @Test func historyReturnsSamplesByAbsoluteIndex() {
        var history = SampleHistory(capacity: 500, startIndex: 1_000)
        #expect(history.capacity == 512)
        for n in 1_000..<3_000 { history.append(Float(n)) }
        #expect(history.endIndex == 3_000 && history.startIndex == 3_000 - 512)
        #expect(history[2_999] == 2_999 && history[2_488] == 2_488)
        #expect(history[2_487] == nil && history[3_000] == nil && history[-1] == nil)
    }

    @Test func aWindowAtTheEdgeOfAGapIsRefused() {
        var history = SampleHistory(capacity: 4_096)
        for n in 0..<1_000 { history.append(Float(n)) }
        var window = [Float](repeating: -1, count: BeatWindow.length)
        func copy(_ r: Int64) -> Bool {
            window.withUnsafeMutableBufferPointer { history.copy(windowCentredOn: r, into: $0) }
        }
        #expect(!copy(139))
        #expect(window.allSatisfy { $0 == -1 })
        #expect(copy(140))
        #expect(window == (0..<280).map { Float($0) })
        #expect(copy(860))
        #expect(window.last == 999)
        #expect(!copy(861))
        history.reset(startIndex: 5_000)
        #expect(!copy(500))
        for n in 5_000..<5_280 { history.append(Float(n)) }
        #expect(!copy(5_139))
        #expect(copy(5_140))
        #expect(window.first == 5_000)
    }
}
