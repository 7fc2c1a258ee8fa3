import ECGWire
import SwiftProtobuf
import Testing

@Suite struct SampleBlockValidationTests {
    static let good: WireSampleBlock = {
        var blocks = SampleBlockSequence(
            stream: "ward-3.bed:12_b", session: 7, samplingRate: 250, lead: "II",
            startTimeNanoseconds: 1_700_000_000_000_000_000)
        return blocks.block(counts: [0, 1, -1, 2047, -2048], gain: 200, baseline: 0)
    }()

    private func rejection(
        _ limits: SampleBlockLimits = SampleBlockLimits(), _ change: (inout WireSampleBlock) -> Void
    ) -> SampleBlockRejection? {
        var block = Self.good
        change(&block)
        do throws(SampleBlockRejection) {
            try block.validate(limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func aGoodBlockIsTakenAtAllItsLimits() {
        #expect(rejection { _ in } == nil)
        for rate in [100, 100.5, 360, 2000] { #expect(rejection { $0.samplingRate = rate } == nil) }
        #expect(rejection { $0.counts = Array(repeating: 1, count: 120_000) } == nil)
        #expect(rejection { $0.firstSampleIndex = (1 << 53) - 5 } == nil)
        #expect(rejection { $0.acquisitionTimeNs = 0 } == nil)
        #expect(rejection { $0.session = .max } == nil)
        #expect(rejection { $0.lead = "" } == nil)
        #expect(rejection { $0.gain = -200 } == nil)
        #expect(
            rejection {
                $0.counts = []
                $0.millivolts = [1]
                $0.gain = 0
            } == nil)
    }

    /// A block of two leads, one in counts and one in millivolts.
    private func leads(_ change: (inout WireSampleBlock) -> Void = { _ in }) -> SampleBlockRejection? {
        var blocks = SampleBlockSequence(stream: "bed-1", session: 7, samplingRate: 250, lead: "II")
        var block = blocks.block(leads: [
            .init(name: "II", counts: [0, 1, -1], gain: 200, range: -2048...2047),
            .init(name: "V5", millivolts: [0, 1, 2]),
        ])
        #expect(blocks.nextSampleIndex == 3 && block.sampleCount == 3)
        change(&block)
        do throws(SampleBlockRejection) {
            try block.validate()
            return nil
        } catch {
            return error
        }
    }

    private static func twelveLeads(_ count: Int) -> [WireSampleBlock.Lead] {
        (1...12).map { .init(name: "\($0)", millivolts: Array(repeating: 0, count: count)) }
    }

    @Test func severalLeadsAreTaken() {
        #expect(leads() == nil)
        #expect(leads { $0.leads.removeLast() } == nil)
        #expect(leads { $0.leads[1].leadOff = true } == nil)
        #expect(leads { $0.leads = (1...12).map { .init(name: "\($0)", millivolts: [0, .nan]) } } == nil)
        #expect(leads { $0.leads = Self.twelveLeads(10_000) } == nil)
    }

    @Test func unusableLeadsAreRejectedWithTheirCause() {
        #expect(leads { $0.lead = "II" } == .bothLeadAndLeads)
        #expect(leads { $0.counts = [1, 2, 3] } == .bothLeadAndLeads)
        #expect(leads { $0.leadOff = true } == .bothLeadAndLeads)
        #expect(leads { $0.leads[1].name = "II" } == .leadNamesNotDistinct)
        #expect(leads { $0.leads[1].name = "" } == .leadNamesNotDistinct)
        #expect(leads { $0.leads[1].name = "V\n" } == .badLeadName)
        #expect(leads { $0.leads[1].millivolts = [0] } == .leadLengthsDiffer)
        #expect(leads { $0.leads[1].millivolts = [] } == .leadLengthsDiffer)
        #expect(leads { $0.leads[0].gain = 0 } == .unusableGain(0))
        #expect(leads { $0.leads[1].counts = [1] } == .bothCountsAndMillivolts)
        #expect(
            leads { $0.leads[0].converterRange.maximumCount = -3000 }
                == .unusableConverterRange(minimum: -2048, maximum: -3000))
        #expect(leads { $0.leads = (1...13).map { .init(name: "\($0)", millivolts: [0]) } } == .tooManyLeads(13))
        #expect(
            leads { $0.leads = [.init(name: "II", millivolts: []), .init(name: "V5", millivolts: [])] } == .noSamples)
        #expect(leads { $0.leads = Self.twelveLeads(10_001) } == .tooManySamples(120_012))
    }

    @Test func nonfiniteMillivoltsAreLeftToTheMonitor() {
        #expect(
            rejection {
                $0.counts = []
                $0.millivolts = [.nan, .infinity, -.infinity, 1]
            } == nil)
    }

    @Test func wrongSchemaVersionIsRejectedFirst() {
        #expect(
            rejection {
                $0.schemaVersion = 0
                $0.stream = ""
            } == .unknownSchemaVersion(0))
        #expect(rejection { $0.schemaVersion = 2 } == .unknownSchemaVersion(2))
    }

    @Test(arguments: [
        "", " ", "bed 1", "bed/1", "bed\n1", "bed\u{0}", "bétt", ".hidden", ":x", "-option",
        String(repeating: "x", count: 65), "../../etc",
    ])
    func aNameThatIsNotSafeIsRejected(name: String) {
        #expect(rejection { $0.stream = name } == .badStreamName)
        #expect(!StreamName.isValid(name))
    }

    @Test(arguments: ["a", "0", "_", "bed-1", "MRN:123.45", String(repeating: "x", count: 64)])
    func aSafeNameIsTaken(name: String) {
        #expect(rejection { $0.stream = name } == nil)
    }

    @Test(arguments: [0, 99.999, 2000.1, -360, 1e300, .infinity, -.infinity])
    func anImpossibleRateIsRejected(rate: Double) {
        #expect(rejection { $0.samplingRate = rate } == .samplingRateOutOfRange(rate))
    }

    @Test func aRateThatIsNotANumberIsRejected() {
        #expect(rejection { $0.samplingRate = .nan }?.cause == .samplingRateOutOfRange)
    }

    @Test func blockMustHoldOneKindOfSamplesAndNotTooMany() {
        #expect(rejection { $0.counts = [] } == .noSamples)
        #expect(
            rejection {
                $0.counts = []
                $0.leadOff = true
            } == .noSamples)
        #expect(rejection { $0.millivolts = [1] } == .bothCountsAndMillivolts)
        #expect(rejection { $0.counts = Array(repeating: 1, count: 120_001) } == .tooManySamples(120_001))
        #expect(
            rejection {
                $0.counts = []
                $0.millivolts = Array(repeating: 1, count: 120_001)
            } == .tooManySamples(120_001))
        var limits = SampleBlockLimits()
        limits.maximumSampleCount = 4
        #expect(rejection(limits) { _ in } == .tooManySamples(5))
    }

    @Test func countsNeedAGain() {
        #expect(rejection { $0.gain = 0 } == .unusableGain(0))
        #expect(rejection { $0.gain = .infinity } == .unusableGain(.infinity))
        #expect(rejection { $0.gain = .nan }?.cause == .unusableGain)
    }

    @Test(arguments: [-1, .min, (1 << 53) - 4, .max])
    func anIndexThatWouldOverflowIsRejected(index: Int64) {
        #expect(rejection { $0.firstSampleIndex = index } == .sampleIndexOutOfRange(index))
    }

    @Test(arguments: [-1, .min, 8_000_000_000_000_000_001, .max])
    func anImpossibleTimeIsRejected(time: Int64) {
        #expect(rejection { $0.acquisitionTimeNs = time } == .acquisitionTimeOutOfRange(time))
    }

    @Test func aLeadsNameIsShortAndPrintable() {
        #expect(rejection { $0.lead = String(repeating: "x", count: 33) } == .badLeadName)
        #expect(rejection { $0.lead = "II\u{1B}[31m" } == .badLeadName)
        #expect(rejection { $0.lead = "aVR, modified" } == nil)
    }

    @Test func everyCauseHasItsCounterName() {
        let all: [SampleBlockRejection] = [
            .notDecodable, .unknownSchemaVersion(2), .badStreamName, .samplingRateOutOfRange(0), .noSamples,
            .bothCountsAndMillivolts, .unusableGain(0), .tooManySamples(1), .sampleIndexOutOfRange(-1),
            .acquisitionTimeOutOfRange(-1), .badLeadName,
            .unusableConverterRange(minimum: 1, maximum: 0), .bothLeadAndLeads, .tooManyLeads(13), .leadLengthsDiffer,
            .leadNamesNotDistinct,
        ]
        #expect(Set(all.map(\.cause)) == Set(SampleBlockRejection.Cause.allCases))
        for cause in SampleBlockRejection.Cause.allCases {
            #expect(cause.rawValue.allSatisfy { $0.isLowercase || $0 == "_" })
        }
        #expect(all.allSatisfy { !$0.description.isEmpty && !$0.description.contains("\n") })
    }

    // MARK: bytes

    private func decode(_ bytes: [UInt8]) -> Result<WireSampleBlock, SampleBlockRejection> {
        bytes.withUnsafeBytes { frame in
            do throws(SampleBlockRejection) {
                return .success(try WireSampleBlock(frame: frame))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test func encodedBlockDecodesToItself() throws {
        #expect(try decode(Self.good.serializedBytes()).get() == Self.good)
    }

    @Test func blockTruncatedAnywhereIsNeverAccepted() throws {
        let whole: [UInt8] = try Self.good.serializedBytes()
        for length in 0..<whole.count {
            switch decode(Array(whole[..<length])) {
            case .failure(let rejection): #expect(rejection == .notDecodable)
            case .success(let block):
                // Cut between two fields it is protobuf still: what is missing then is either optional or missed.
                #expect(block != Self.good)
            }
        }
        // Within the samples, the last field.
        #expect(decode(Array(whole.dropLast())) == .failure(.notDecodable))
    }

    @Test func randomBytesAreRefusedWithoutATrap() {
        var generator = SplitMix(state: 42)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            guard case .success(let block) = decode(bytes) else { continue }
            #expect(throws: SampleBlockRejection.self) { try block.validate() }
        }
    }

    /// A valid block with a few bytes changed is either refused, or says something that is within all limits.
    @Test func damagedBlocksNeverTrap() throws {
        let whole: [UInt8] = try Self.good.serializedBytes()
        var generator = SplitMix(state: 43)
        var taken = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard case .success(let block) = decode(bytes), (try? block.validate()) != nil else { continue }
            taken += 1
            #expect(block.samplesInMillivolts.count == block.sampleCount)
            #expect(SampleBlockLimits().samplingRates.contains(block.samplingRate))
            #expect(StreamName.isValid(block.stream))
        }
        #expect(taken > 0)
    }

    @Test func unknownFieldsAreIgnored() throws {
        let later: [UInt8] = [0xA2, 0x06, 3, 1, 2, 3]  // field 100, three bytes
        #expect(try decode(Self.good.serializedBytes() + later).get() == Self.good)
    }

    // MARK: conversion

    @Test func countsBecomeMillivoltsByGainAndBaseline() {
        var block = Self.good
        block.counts = [1024, 1224, 824, 1025]
        block.baseline = 1024
        #expect(block.samplesInMillivolts == [0, 1, -1, 0.005])
        block.gain = -200
        #expect(block.samplesInMillivolts == [0, -1, 1, -0.005])
    }

    @Test func extremeCountsDoNotOverflow() {
        var block = Self.good
        block.counts = [.min, .max]
        block.baseline = .max
        block.gain = 1
        #expect(block.samplesInMillivolts == [-4_294_967_296, 0])
        block.gain = 1e-300
        #expect(block.samplesInMillivolts == [-.infinity, 0])
    }

    @Test func theCountThatMarksAnInvalidSampleBecomesNaN() throws {
        var blocks = SampleBlockSequence(stream: "a", session: 1, samplingRate: 360)
        let counts: [Int32] = [0, -32_768, 100, .max]
        let marked = blocks.block(counts: counts, gain: 100, range: -32_767...32_767, invalidCount: -32_768)
        try marked.validate()
        let samples = marked.samplesInMillivolts
        #expect(samples[0] == 0 && samples[1].isNaN && samples[2] == 1 && samples[3] == 21_474_836)
        // 0 is a count like others, unless it is the marker.
        let zero = blocks.block(counts: counts, gain: 100, range: -32_768...32_767, invalidCount: 0)
        #expect(zero.samplesInMillivolts[0].isNaN && zero.samplesInMillivolts[1] == -327.68)
        let none = blocks.block(counts: counts, gain: 100, range: -32_768...32_767)
        #expect(none.samplesInMillivolts.allSatisfy { $0.isFinite })
    }

    @Test func converterRangeIsPassedOnInMillivolts() throws {
        var blocks = SampleBlockSequence(stream: "a", session: 1, samplingRate: 360)
        func range(_ gain: Double, _ baseline: Int32 = 0) -> ClosedRange<Float>? {
            blocks.block(counts: [1], gain: gain, baseline: baseline, range: -2048...2047).rangeInMillivolts
        }
        #expect(range(100) == -20.48...20.47)
        #expect(range(100, 1024) == -30.72...10.23)
        #expect(range(-100) == -20.47...20.48, "the other way round")
        #expect(range(1e-300) == nil, "not finite")
        #expect(range(.infinity) == nil, "no range at all")
        #expect(blocks.block(counts: [1], gain: 100).rangeInMillivolts == nil)
        #expect(blocks.block(millivolts: [1]).rangeInMillivolts == nil)
    }

    @Test(arguments: [(5, 5), (1, -1), (Int32.max, Int32.min)])
    func invalidConverterRangeIsRejected(minimum: Int32, maximum: Int32) {
        func change(_ block: inout WireSampleBlock) {
            block.converterRange.minimumCount = minimum
            block.converterRange.maximumCount = maximum
        }
        #expect(rejection { change(&$0) } == .unusableConverterRange(minimum: minimum, maximum: maximum))
        #expect(rejection { change(&$0) }?.cause.rawValue == "unusable_converter_range")
        #expect(
            rejection {
                change(&$0)
                ($0.counts, $0.millivolts) = ([], [1])
            } == nil, "it is not looked at with millivolts")
    }

    @Test func millivoltsArePassedOnAsTheyAre() {
        var blocks = SampleBlockSequence(stream: "a", session: 1, samplingRate: 360)
        let block = blocks.block(millivolts: [1.5, .nan])
        #expect(block.samplesInMillivolts[0] == 1.5)
        #expect(block.samplesInMillivolts[1].isNaN)
    }

    @Test func blocksFollowOneAnother() {
        var blocks = SampleBlockSequence(
            stream: "a", session: 1, samplingRate: 250, lead: "V1", startTimeNanoseconds: 1_000_000_000_000)
        let first = blocks.block(millivolts: [Float](repeating: 0, count: 25))
        let second = blocks.block(counts: [1, 2, 3], gain: 100, leadOff: true)
        #expect((first.firstSampleIndex, second.firstSampleIndex, blocks.nextSampleIndex) == (0, 25, 28))
        #expect((first.acquisitionTimeNs, second.acquisitionTimeNs) == (1_000_000_000_000, 1_000_100_000_000))
        #expect((first.leadOff, second.leadOff) == (false, true))
        #expect(throws: Never.self) { try first.validate() }
        #expect(throws: Never.self) { try second.validate() }
        var impossible = SampleBlockSequence(stream: "a", session: 1, samplingRate: 0, startTimeNanoseconds: 1)
        _ = impossible.block(millivolts: [1])
        #expect(impossible.block(millivolts: [1]).samplingRate == 0)
    }
}

/// A generator with a seed, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
