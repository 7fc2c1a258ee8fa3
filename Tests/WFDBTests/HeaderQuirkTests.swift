import Testing
import WFDB

/// Headers as other programs write them.
struct HeaderQuirkTests {
    static let plain = [
        "r 2 250 3", "r.dat 16 1000(0)/mV 16 0 1 6 0 II", "r.dat 16 1000(0)/mV 16 0 10 60 0 V1",
    ]
    static let variants: [(String, [UInt8])] = [
        ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array((plain.joined(separator: "\n") + "\n").utf8)),
        ("CR alone", Array(plain.joined(separator: "\r").utf8)),
        ("tabs", Array(plain.joined(separator: "\n").replacing(" ", with: "\t").utf8)),
        ("comments and blank lines first", Array(("# one\n\n  # two\n" + plain.joined(separator: "\n\n")).utf8)),
        ("blanks around the lines", Array(("\n\n  " + plain.joined(separator: "   \n  ") + " \n\n").utf8)),
        ("Ctrl-Z and zeros at the end", Array(plain.joined(separator: "\r\n").utf8) + [13, 10, 0x1A, 0, 0]),
        ("more lines than stated", Array((plain + ["x.dat 212", "not a signal line"]).joined(separator: "\n").utf8)),
        ("decimals", Array(plain.joined(separator: "\n").replacing("1000(0)", with: "1000.0(0.0)").utf8)),
        ("decimals everywhere", Array(plain.joined(separator: "\n").replacing(" 16 0 ", with: " 16.0 0.0 ").utf8)),
        (
            "a comment behind the record line",
            Array(plain.joined(separator: "\n").replacing("50 3", with: "50 3 # x").utf8)
        ),
        ("a blank before the units", Array(plain.joined(separator: "\n").replacing("/mV", with: " /mV").utf8)),
        ("the whole sum as checksum", Array(plain.joined(separator: "\n").replacing(" 6 ", with: " 65542 ").utf8)),
        ("an empty counter frequency", Array(plain.joined(separator: "\n").replacing("250 3", with: "250/ 3").utf8)),
    ]

    @Test(arguments: variants)
    func unusuallyFormattedHeaderReadsLikeAPlainOne(name: String, bytes: [UInt8]) throws {
        let plain = try RecordHeader(parsing: Array(Self.plain.joined(separator: "\n").utf8), file: "x.hea")
        var header = try RecordHeader(parsing: bytes, file: "x.hea")
        header.comments = []
        #expect(header == plain, "\(name)")
    }

    @Test func commentAfterASignalLineIsHarmless() throws {
        let text = "r 2 250 3\nr.dat 16 1000/mV # all that is known\nr.dat 16 1000(0)/mV 16 0 10 60 0 V1 # noisy\n"
        let header = try RecordHeader(parsing: Array(text.utf8), file: "x.hea")
        #expect(header.signals[0].units == "mV" && header.signals[0].adcResolution == nil)
        #expect(header.signals[1].description == "V1 # noisy" && header.signals[1].kind == .ecg)
    }

    @Test func aByteOrderMarkOfUTF16IsNamed() {
        for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
            let error = #expect(throws: WFDBError.self) {
                try RecordHeader(parsing: mark + [0x72, 0, 0x20, 0], file: "x.hea")
            }
            #expect(error?.detail.contains("byte order mark") == true)
        }
    }

    @Test(
        arguments: [
            ([0xB5, 0x56], 1e-3), (Array("\u{B5}V".utf8), 1e-3), (Array("\u{3BC}V".utf8), 1e-3),
            (Array("UV".utf8), 1e-3),
            (Array("millivolts".utf8), 1), (Array("Volts".utf8), 1e3), (Array("mmHg".utf8), nil), ([0xB0, 0x43], nil),
        ] as [([UInt8], Double?)])
    func unitsAreReadInUTF8AndInLatin1(unit: [UInt8], millivolts: Double?) throws {
        let bytes =
            Array("r 1 250 3\nr.dat 16 1000(0)/".utf8) + unit + Array(" 16 0 1 6 0 Abl. ".utf8) + [
                0xFC, 10, 0x23, 0xE9,
            ]
        let header = try RecordHeader(parsing: bytes, file: "x.hea")
        #expect(header.signals[0].millivoltsPerUnit == millivolts)
        #expect(header.signals[0].description == "Abl. ü")
        #expect(header.comments == ["é"])
    }

    @Test func textOfAnAnnotationMayBeLatin1() {
        let note = Annotation(sampleIndex: 1, code: .note, auxiliaryBytes: [0x46, 0xFC, 0x72, 0])
        #expect(note.text == "Für")
    }

    @Test(
        arguments: [
            ("ABP mmHg, II mV", ["ABP", "II"], ["mmHg", "mV"], 1), ("RESP, ECG", ["RESP", "ECG"], ["mV", "mV"], 1),
            ("PLETH, Resp, III", ["PLETH", "Resp.", "III"], ["NU", "mV", "mV"], 2),
            ("EEG C3-A2, EOG, ecg lead II", ["EEG C3-A2", "EOG", "ecg lead II"], ["uV", "uV", "uV"], 2),
            ("MLII, V5", ["MLII", "V5"], [nil, nil], 0), ("V5, MLII", ["V5", "MLII"], [nil, nil], 0),
            ("noise1, noise2", ["noise1", "noise2"], [nil, nil], 0), ("nothing said", [nil, nil], [nil, nil], 0),
            ("CM5, D3", ["CM5", "D3"], [nil, nil], 0), ("mod.V1", ["mod.V1"], [nil], 0),
            ("BP, unnamed", ["BP", nil], ["mmHg", "mV"], 1), ("lower case", ["i", "v1"], ["mV", "mV"], 0),
            ("none", ["RESP", "CVP"], ["mV", "mmHg"], nil),
        ] as [(String, [String?], [String?], Int?)])
    func theFirstECGIsFoundByNameAndUnits(name: String, leads: [String?], units: [String?], expected: Int?) {
        let signals = zip(leads, units).map {
            SignalSpecification(fileName: "r.dat", format: .format16, units: $1, description: $0)
        }
        #expect(RecordHeader(name: "r", signals: signals).firstECG == expected, "\(name)")
    }

    @Test func aSignalIsCalledByNameOrNumber() {
        let signals = ["RESP", "II", "ii ", "0"].map {
            SignalSpecification(fileName: "r.dat", format: .format16, description: $0)
        }
        let header = RecordHeader(name: "r", signals: signals)
        #expect(header.signal(called: "II") == 1 && header.signal(called: "ii") == 2)
        #expect(header.signal(called: "resp") == 0 && header.signal(called: "1") == 1)
        // A name comes before a number.
        #expect(header.signal(called: "0") == 3)
        #expect(
            header.signal(called: "V1") == nil && header.signal(called: "9") == nil && header.signal(called: "") == nil)
    }
}
