import TestSupport
import Testing
import WFDB

struct AnnotationTests {
    static func parse(_ bytes: [UInt8]) throws -> AnnotationSet { try AnnotationSet(parsing: bytes, file: "x.atr") }

    static func word(_ code: Int, _ low: Int) -> [UInt8] { [UInt8(low & 255), UInt8(code << 2 | low >> 8)] }

    @Test func theWordsOfTheFormatAreReadAsSpecified() throws {
        var bytes = Self.word(1, 77)
        bytes += Self.word(59, 0) + [0x01, 0x00, 0x05, 0x00]  // SKIP 65541
        bytes += Self.word(5, 3) + Self.word(61, 0x3FE) + Self.word(62, 1) + Self.word(60, 7)
        bytes += Self.word(63, 5) + Array("(AFIB".utf8) + [0]
        bytes += Self.word(9, 1023)
        bytes += [0, 0, 0xFF, 0xFF]
        let set = try Self.parse(bytes)
        #expect(
            set.annotations == [
                Annotation(sampleIndex: 77, code: .normal),
                Annotation(
                    sampleIndex: 77 + 65541 + 3, code: .prematureVentricular, subtype: -2, channel: 1, number: 7,
                    auxiliaryBytes: Array("(AFIB".utf8)),
                // Channel and number hold on, the subtype does not.
                Annotation(sampleIndex: 65621 + 1023, code: .supraventricular, channel: 1, number: 7),
            ])
        #expect(set.annotations[1].text == "(AFIB")
        #expect(set.annotations.map(\.code.symbol) == ["N", "V", "S"])
        #expect(try Self.parse(try set.encoded()) == set)
    }

    @Test func annotationsComeBackAsWrittenWhateverTheyHold() throws {
        var generator = SeededGenerator(seed: 3)
        for round in 0..<200 {
            var set = AnnotationSet(samplingRate: round.isMultiple(of: 2) ? 360 : nil)
            for _ in 0..<round {
                set.annotations.append(
                    Annotation(
                        // Any order: steps back are written as negative SKIPs, far ones as several.
                        sampleIndex: Int64.random(
                            in: 0...[100, 10_000, 1 << 33].randomElement(using: &generator)!, using: &generator),
                        code: AnnotationCode(rawValue: .random(in: 1...49, using: &generator)),
                        subtype: .random(in: -128...127, using: &generator),
                        channel: .random(in: 0...255, using: &generator),
                        number: .random(in: -128...127, using: &generator),
                        auxiliaryBytes: (0..<[0, 0, 1, 2, 255].randomElement(using: &generator)!).map { _ in
                            .random(in: 0...255, using: &generator)
                        }))
            }
            #expect(try Self.parse(try set.encoded()) == set)
        }
    }

    @Test func annotationsOutOfOrderAreReadAndCanBeSorted() throws {
        let bytes =
            Self.word(1, 500) + Self.word(59, 0) + [0xFF, 0xFF, 0x38, 0xFF] + Self.word(5, 0) + Self.word(1, 10) + [
                0, 0,
            ]
        var set = try Self.parse(bytes)
        #expect(set.annotations.map(\.sampleIndex) == [500, 300, 310])
        #expect(!set.isInTimeOrder)
        #expect(try set.encoded() == bytes)
        set.sortByTime()
        #expect(set.isInTimeOrder)
        #expect(set.annotations.map(\.sampleIndex) == [300, 310, 500])
    }

    @Test func sortingIsStableForAnnotationsAtOneSample() {
        var set = AnnotationSet([
            Annotation(sampleIndex: 9, code: .note, text: "first"), Annotation(sampleIndex: 9, code: .normal),
            Annotation(sampleIndex: 9, code: .note, text: "third"),
            Annotation(sampleIndex: 8, code: .rhythm, text: "(N"),
        ])
        set.sortByTime()
        #expect(set.annotations.map(\.text) == ["(N", "first", "", "third"])
    }

    @Test func aFileCutAnywhereIsRefusedWithItsLength() throws {
        let set = AnnotationSet(
            [
                Annotation(sampleIndex: 5, code: .normal), Annotation(sampleIndex: 70_000, code: .note, text: "a note"),
                Annotation(sampleIndex: 70_100, code: .fusion, subtype: 3, channel: 1, number: 2),
            ], samplingRate: 128)
        let bytes = try set.encoded()
        for length in 0..<bytes.count {
            let error = #expect(throws: WFDBError.self) { try Self.parse(Array(bytes.prefix(length))) }
            #expect(error?.code == .truncated)
            #expect(error?.byteOffset == length)
            #expect(error?.file == "x.atr")
        }
        #expect(try Self.parse(bytes) == set)
    }

    @Test(arguments: [
        (word(61, 1) + [0, 0], 0), (word(1, 5) + word(59, 0) + [0, 0, 9, 0] + word(63, 0) + [0, 0], 8),
        (word(50, 1) + [0, 0], 0), (word(1, 1) + word(58, 1) + [0, 0], 2), (word(1, 1) + word(63, 256) + [0, 0], 2),
        (word(59, 0) + [0xFF, 0xFF, 0, 0] + word(1, 0) + [0, 0], 6),
    ])
    func malformedWordsNameTheirByte(bytes: [UInt8], offset: Int) {
        let error = #expect(throws: WFDBError.self) { try Self.parse(bytes) }
        #expect(error?.code == .malformedAnnotations)
        #expect(error?.byteOffset == offset)
    }

    @Test func valuesThatTheFormatCannotHoldAreNotWritten() throws {
        for bad in [
            Annotation(sampleIndex: -1, code: .normal), Annotation(sampleIndex: 1, code: AnnotationCode(rawValue: 0)),
            Annotation(sampleIndex: 1, code: AnnotationCode(rawValue: 50)),
            Annotation(sampleIndex: 1, code: .note, auxiliaryBytes: [UInt8](repeating: 65, count: 256)),
        ] {
            let error = #expect(throws: WFDBError.self) { try AnnotationSet([bad]).encoded() }
            #expect(error?.code == .outOfRange)
        }
        // Text is cut between characters instead.
        let long = Annotation(sampleIndex: 1, code: .note, text: String(repeating: "ä", count: 200))
        #expect(long.auxiliaryBytes.count == 254)
        #expect(long.text == String(repeating: "ä", count: 127))
    }

    @Test func anyBytesAreReadOrRefusedButNeverTrap() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Many SKIPs of the largest steps.
            if Bool.random(using: &generator) {
                bytes = (0..<10).flatMap { _ in Self.word(59, 0) + [0xFF, 0x7F, 0xFF, 0xFF] } + bytes + [0, 0]
            }
            if let set = try? Self.parse(bytes) { _ = try set.encoded() }
        }
    }

    @Test func filesAreNamedByRecordAndAnnotator() throws {
        let folder = try TemporaryFolder("wfdb-tests")
        let set = AnnotationSet([Annotation(sampleIndex: 5, code: .normal)], samplingRate: 360)
        try set.write("100", annotator: "ecgmon", to: folder.path)
        #expect(try folder.names == ["100.ecgmon"])
        #expect(try AnnotationSet.read("100", annotator: "ecgmon", in: folder.path) == set)
        #expect(throws: WFDBError.self) { try set.write("../100", annotator: "ecgmon", to: folder.path) }
        #expect(throws: WFDBError.self) { try AnnotationSet.read("100", annotator: "a/b", in: folder.path) }
    }

    @Test func symbolsAndCodesAgree() {
        for raw in 1...UInt8(49) {
            let code = AnnotationCode(rawValue: raw)
            if code.symbol != " " { #expect(AnnotationCode(symbol: code.symbol) == code) }
        }
        #expect(AnnotationCode(symbol: "+") == .rhythm && AnnotationCode(symbol: "\"") == .note)
        #expect(AnnotationCode(symbol: " ") == nil && AnnotationCode(symbol: "ß") == nil)
        #expect("NLRaVFJASEj/QeBn?fr".allSatisfy { AnnotationCode(symbol: $0)?.isBeat == true })
        #expect("~|sT*D\"=p^t+u![]@x()".allSatisfy { AnnotationCode(symbol: $0)?.isBeat == false })
    }
}
