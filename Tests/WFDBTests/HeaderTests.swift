import TestSupport
import Testing
import WFDB

struct HeaderTests {
    static func parse(_ text: String) throws -> RecordHeader {
        try RecordHeader(parsing: Array(text.utf8), file: "x.hea")
    }

    @Test(arguments: ["\n", "\r\n"])
    func aHeaderReadsWithEitherLineEnd(lineEnd: String) throws {
        let lines = [
            "# made by hand", "100 2 360/180(5.5) 650000 12:30:00 01/02/1999",
            "100.dat 212 200(1000)/uV 11 1024 995 -22131 0 MLII and more", "100.dat 212", "", "# 69 M 1085", "#",
        ]
        let header = try Self.parse(lines.joined(separator: lineEnd))
        #expect(header.name == "100")
        #expect(header.samplingRate == 360)
        #expect(header.counterFrequency == 180)
        #expect(header.baseCounter == 5.5)
        #expect(header.frameCount == 650_000)
        #expect(header.baseTime == "12:30:00")
        #expect(header.baseDate == "01/02/1999")
        #expect(header.comments == ["made by hand", "69 M 1085", ""])
        let first = header.signals[0]
        #expect(first.gain == 200 && first.baseline == 1000 && first.units == "uV" && first.millivoltsPerUnit == 1e-3)
        #expect(first.adcResolution == 11 && first.adcZero == 1024 && first.initialValue == 995)
        #expect(first.checksum == -22131 && first.blockSize == 0 && first.description == "MLII and more")
        let second = header.signals[1]
        #expect(second.statedGain == nil && second.gain == 200 && second.baseline == 0 && second.description == nil)
        #expect(try Self.parse(header.text) == header)
    }

    @Test func theShortestHeadersTakeTheDefaults() throws {
        #expect(try Self.parse("a 0").samplingRate == 250)
        let header = try Self.parse("a 1 128\na.dat 16x2:3+512 0 12")
        let signal = header.signals[0]
        #expect(signal.samplesPerFrame == 2 && signal.skew == 3 && signal.byteOffset == 512)
        #expect(!signal.isCalibrated && signal.gain == 200)
        #expect(header.frameCount == nil)
        #expect(try Self.parse(header.text) == header)
    }

    @Test func theBaselineIsTheConvertersZeroWhereNoneIsStated() throws {
        #expect(try Self.parse("a 1\na.dat 212 200 11 1024").signals[0].baseline == 1024)
        #expect(try Self.parse("a 1\na.dat 212 200(0) 11 1024").signals[0].baseline == 0)
    }

    @Test func anUnsignedChecksumIsTheSameSixteenBits() throws {
        #expect(try Self.parse("a 1\na.dat 212 200 11 0 0 65535 0").signals[0].checksum == -1)
    }

    /// The byte is that of the word at fault.
    @Test(
        arguments: [
            ("", .malformedHeader, 0), ("# only a comment\n", .malformedHeader, 0),
            ("100", .malformedHeader, 3), ("100 two", .malformedHeader, 4), ("100 -1", .malformedHeader, 4),
            ("100 99999999999999999999", .malformedHeader, 4), ("../100 1", .malformedHeader, 0),
            ("100 0 0", .malformedHeader, 6), ("100 0 -360", .malformedHeader, 6), ("100 0 nan", .malformedHeader, 6),
            ("100 0 inf", .malformedHeader, 6), ("100 0 360 -5", .malformedHeader, 10),
            ("100 0 360 9223372036854775808", .malformedHeader, 10),
            ("100 1 360 5\n", .truncated, 12), ("100 2147483647 360 5\na.dat 16", .truncated, 29),
            ("1 1 360\n/etc/passwd 16", .invalidName, 8), ("1 1 360\n../a.dat 16", .invalidName, 8),
            ("1 1 360\n- 16", .invalidName, 8),
            ("1 1 360\na.dat", .malformedHeader, 13), ("1 1 360\na.dat 9", .unsupportedFormat, 14),
            ("1 1 360\na.dat 508", .unsupportedFormat, 14), ("1 1 360\na.dat 16x0", .malformedHeader, 14),
            ("1 1 360\na.dat 16x99999999999999999999", .malformedHeader, 14),
            ("1 1 360\na.dat 16:99999999999", .malformedHeader, 14),
            ("1 1 360\na.dat 16y", .malformedHeader, 14), ("1 1 360\na.dat 16 nan", .malformedHeader, 17),
            ("1 1 360\na.dat 16 200(", .malformedHeader, 17), ("1 1 360\na.dat 16 200(x)", .malformedHeader, 17),
            ("1 1 360\na.dat 16 200(99999999999)", .malformedHeader, 17),
            ("1 1 360\na.dat 16 200 65", .malformedHeader, 21),
            ("1 1 360\na.dat 16 200 12 x", .malformedHeader, 24),
            ("1 1 360\na.dat 16 200 12 0 99999999999", .malformedHeader, 26),
            ("1 1 360\na.dat 16 200(inf)", .malformedHeader, 17), ("1/0 1 360", .malformedHeader, 0),
            ("1/x 1 360", .malformedHeader, 0), ("1/2 1 360\na 5\n", .truncated, 14),
            ("1/1 1 360\na", .malformedHeader, 11), ("1/1 1 360\n../a 5", .invalidName, 10),
        ] as [(String, WFDBError.Code, Int)])
    func aMalformedHeaderNamesTheByte(text: String, code: WFDBError.Code, offset: Int) {
        let error = #expect(throws: WFDBError.self) { try Self.parse(text) }
        #expect(error?.code == code)
        #expect(error?.byteOffset == offset)
        #expect(error?.description.hasPrefix("x.hea: byte \(offset): ") == true)
    }

    @Test(arguments: [
        "1 2 360\na.dat 16\na.dat 212", "1 3 360\na.dat 16\nb.dat 16\na.dat 16", "1 2 360\na.dat 16+5\na.dat 16+6",
    ])
    func signalsOfOneFileMustAgree(text: String) {
        let error = #expect(throws: WFDBError.self) { try Self.parse(text) }
        #expect(error?.code == .malformedHeader)
    }

    @Test func anyBytesAreReadOrRefusedButNeverTrap() {
        var generator = SeededGenerator(seed: 1)
        let seeds = [
            "100 2 360/180(5.5) 650000 12:30:00 01/02/1999\n100.dat 212x2:3+5 200(1000)/uV 11 1024 995 -22131 0 MLII\r\n100.dat 212\n# c",
            "9 1 9\n~ 16x9223372036854775807:2147483647+9223372036854775807 1e308(2147483647) 64 -2147483648 0 0 9223372036854775807",
        ].map { Array($0.utf8) }
        for round in 0..<20_000 {
            var bytes = seeds[round % 2]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &generator)], at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                }
                if bytes.isEmpty { bytes = [10] }
            }
            if let header = try? RecordHeader(parsing: bytes, file: "x.hea") { _ = header.text }
        }
    }
}
