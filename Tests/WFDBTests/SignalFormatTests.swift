import Foundation
import TestSupport
import Testing
import WFDB

struct SignalFormatTests {
    /// All that hold samples.
    static let formats = SignalFormat.allCases.filter { $0 != .format0 }

    /// Random samples with both ends of the range among them; the lowest value stands for "no valid sample".
    static func samples(_ format: SignalFormat, count: Int, using generator: inout SeededGenerator) -> [Int32] {
        if format == .format8 { return differing(count: count, using: &generator) }
        return (0..<count).map { index in
            switch index % 7 {
            case 0: format.range.upperBound
            case 1: format.range.lowerBound
            case 2: -1
            default: Int32.random(in: format.range, using: &generator)
            }
        }
    }

    /// Samples that differ by no more than format 8 holds.
    static func differing(count: Int, using generator: inout SeededGenerator) -> [Int32] {
        var value: Int32 = 1000
        return (0..<count).map { index in
            defer { value += index % 5 == 0 ? 127 : index % 5 == 1 ? -128 : .random(in: -9...9, using: &generator) }
            return value
        }
    }

    @Test(arguments: formats)
    func everyFormatComesBackAsWritten(format: SignalFormat) throws {
        let folder = try TemporaryFolder("wfdb-tests")
        var generator = SeededGenerator(seed: UInt64(format.rawValue))
        // Lengths around the block sizes, and past the reader's chunk.
        for signalCount in 1...4 {
            for frames in [1, 2, 3, 4, 5, 6, 7, 13, 30_001] {
                let samples = (0..<signalCount).map { _ in Self.samples(format, count: frames, using: &generator) }
                let header = RecordHeader(
                    name: "r", samplingRate: 128.5,
                    signals: (0..<signalCount).map {
                        SignalSpecification(
                            fileName: "r.dat", format: format, gain: 100.5, units: "mV", description: "lead \($0)")
                    })
                let record = try Record(header: header, samples: samples)
                try record.write(to: folder.path)
                let read = try Record.read("r", in: folder.path)
                #expect(read.samples == samples)
                #expect(read.header == record.header)
                #expect(try folder.bytes("r.dat").count == format.byteCount(forSamples: frames * signalCount))
            }
        }
    }

    @Test(arguments: formats)
    func anyBitsDecodeAsTheSpecificationSays(format: SignalFormat) throws {
        let folder = try TemporaryFolder("wfdb-tests")
        var generator = SeededGenerator(seed: 99)
        let bytes = (0..<1200).map { _ in UInt8.random(in: 0...255, using: &generator) }
        try folder.write("r.dat", bytes)
        try folder.write("r.hea", "r 1 360\nr.dat \(format.rawValue)\n")
        let read = try Record.read("r", in: folder.path)
        #expect(read.samples[0] == Self.plainDecode(format, bytes))
    }

    /// The formats bit by bit as signal(5) words them, slow and plain.
    static func plainDecode(_ format: SignalFormat, _ bytes: [UInt8]) -> [Int32] {
        func bit(_ index: Int) -> Int64 { Int64(bytes[index / 8] >> UInt8(index % 8)) & 1 }
        /// Bits from the lowest to the highest.
        func signed(_ bits: [Int]) -> Int32 {
            var value: Int64 = 0
            for (power, index) in bits.enumerated() { value += bit(index) << Int64(power) }
            if value >= 1 << Int64(bits.count - 1) { value -= 1 << Int64(bits.count) }
            return Int32(value)
        }
        switch format {
        case .format0: return []
        case .format8:
            var sum: Int32 = 0
            return bytes.map { byte in
                sum += Int32(Int8(bitPattern: byte))
                return sum
            }
        case .format80: return bytes.map { Int32($0) - 128 }
        case .format160:
            return (0..<(bytes.count / 2)).map { Int32(bytes[2 * $0]) + 256 * Int32(bytes[2 * $0 + 1]) - 32_768 }
        case .format16, .format24, .format32:
            let width = format.bitsPerSample
            return (0..<(bytes.count * 8 / width)).map { signed(Array($0 * width..<($0 + 1) * width)) }
        case .format61:
            return (0..<(bytes.count / 2)).map {
                signed(Array($0 * 16 + 8..<$0 * 16 + 16) + Array($0 * 16..<$0 * 16 + 8))
            }
        case .format212:
            return (0..<(bytes.count / 3)).flatMap { block in
                let b = block * 24
                return [
                    signed(Array(b..<b + 12)),
                    signed(Array(b + 16..<b + 24) + Array(b + 12..<b + 16)),
                ]
            }
        case .format310:
            return (0..<(bytes.count / 4)).flatMap { block in
                let b = block * 32
                return [
                    signed(Array(b + 1..<b + 11)), signed(Array(b + 17..<b + 27)),
                    signed(Array(b + 11..<b + 16) + Array(b + 27..<b + 32)),
                ]
            }
        case .format311:
            return (0..<(bytes.count / 4)).flatMap { block in
                let b = block * 32
                return [signed(Array(b..<b + 10)), signed(Array(b + 10..<b + 20)), signed(Array(b + 20..<b + 30))]
            }
        }
    }

    @Test(arguments: formats)
    func severalFilesRatesSkewsAndOffsetsComeBackAsWritten(format: SignalFormat) throws {
        let folder = try TemporaryFolder("wfdb-tests")
        var generator = SeededGenerator(seed: 5)
        let frames = 20_011
        let header = RecordHeader(
            name: "multi", samplingRate: 250,
            signals: [
                SignalSpecification(
                    fileName: "a.dat", format: format, samplesPerFrame: 4, byteOffset: 512, description: "fast"),
                SignalSpecification(fileName: "a.dat", format: format, skew: 3, byteOffset: 512, description: "late"),
                SignalSpecification(
                    fileName: "b.dat", format: .format16, samplesPerFrame: 2, description: "other file"),
            ])
        let samples = [
            Self.samples(format, count: frames * 4, using: &generator),
            Self.samples(format, count: frames, using: &generator),
            Self.samples(.format16, count: frames * 2, using: &generator),
        ]
        let record = try Record(header: header, samples: samples)
        try record.write(to: folder.path)
        let read = try Record.read("multi", in: folder.path)
        #expect(read.samples == samples)
        #expect(read.samplingRate(ofSignal: 0) == 1000)
        #expect(try folder.names == ["a.dat", "b.dat", "multi.hea"])
    }

    @Test func differencesBeginAtTheHeadersInitialValue() throws {
        let folder = try TemporaryFolder()
        try folder.write("d.hea", "d 2 360 3\nd.dat 8 200 12 0 100 0 0 I\nd.dat 8x2 200 12 7\n")
        try folder.write("d.dat", [0, 1, 2, 5, 0xFF, 0, 0x80, 0xFE, 0x7F])
        let record = try Record.read("d", in: folder.path)
        #expect(record.samples == [[100, 105, -23], [8, 10, 9, 9, 7, 134]])
        let steep = try Record(
            header: RecordHeader(name: "r", signals: [SignalSpecification(fileName: "r.dat", format: .format8)]),
            samples: [[0, 128]])
        let error = #expect(throws: WFDBError.self) { try steep.write(to: folder.path) }
        #expect(error?.code == .outOfRange)
    }

    @Test(arguments: [508, 516, 524])
    func compressedSignalsAreRefusedWithAdvice(format: Int) throws {
        let folder = try TemporaryFolder()
        try folder.write("f.hea", "f 1 360 4\nf.dat \(format) 200 12 0\n")
        let error = #expect(throws: WFDBError.self) { try Record.read("f", in: folder.path) }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.detail.contains("FLAC") == true && error?.detail.contains("xform") == true)
    }

    @Test func samplesPastTheEndOfASkewedFileAreInvalid() throws {
        let folder = try TemporaryFolder("wfdb-tests")
        try folder.write("s.hea", "s 2 360 4\ns.dat 16\ns.dat 16:2\n")
        try folder.write("s.dat", [1, 0, 10, 0, 2, 0, 20, 0, 3, 0, 30, 0, 4, 0, 40, 0])
        let record = try Record.read("s", in: folder.path)
        #expect(record.samples == [[1, 2, 3, 4], [30, 40, -32768, -32768]])
        #expect(try record.millivolts(ofSignal: 1)[2].isNaN)
    }

    @Test func sampleOutOfTheFormatsRangeIsRefusedAndNothingIsWritten() throws {
        let folder = try TemporaryFolder("wfdb-tests")
        let header = RecordHeader(name: "r", signals: [SignalSpecification(fileName: "r.dat", format: .format212)])
        let record = try Record(header: header, samples: [[0, 2047, 2048]])
        let error = #expect(throws: WFDBError.self) { try record.write(to: folder.path) }
        #expect(error?.code == .outOfRange)
        #expect(error?.description.contains("sample 2: 2048 does not fit format 212") == true)
        #expect(try folder.names.isEmpty)
    }

    @Test func unwritableFolderIsAnErrorThatNamesTheFile() throws {
        let header = RecordHeader(name: "r", signals: [SignalSpecification(fileName: "r.dat", format: .format16)])
        let error = #expect(throws: WFDBError.self) {
            try Record(header: header, samples: [[1]]).write(to: "/nonexistent/folder")
        }
        #expect(error?.code == .cannotWrite)
        #expect(error?.file == "/nonexistent/folder/r.dat")
    }

    @Test func aRecordWhosePartsDoNotFitIsRefused() {
        let one = SignalSpecification(fileName: "r.dat", format: .format16)
        for (signals, samples) in [([one], []), ([one, one], [[1], [1, 2]]), ([one], [[1], [2]])]
            as [([SignalSpecification], [[Int32]])]
        {
            let error = #expect(throws: WFDBError.self) {
                try Record(header: RecordHeader(name: "r", signals: signals), samples: samples)
            }
            #expect(error?.code == .inconsistentRecord)
        }
    }
}
