import ECGWire
import Foundation
import SwiftProtobuf
import Testing

@Suite struct TopicTests {
    @Test(arguments: Topic.Kind.allCases)
    func aTopicIsReadAsItWasWritten(kind: Topic.Kind) {
        let topic = Topic(kind, stream: "ward.3:bed-1")
        #expect(topic.name == (kind == .health ? "health" : "\(kind.rawValue).ward.3:bed-1"))
        #expect(Topic(topic.name) == topic)
        #expect(topic.kind == kind)
        #expect(topic.stream == (kind == .health ? nil : "ward.3:bed-1"))
    }

    @Test(arguments: [
        "", ".", "alert", "alert.", "alert..x", "health.x", "healthy", "unknown.bed-1", "alert.bed 1", "ALERT.a",
    ])
    func invalidTopicIsNil(name: String) {
        #expect(Topic(name) == nil)
    }

    @Test func aFilterForOneStreamDoesNotMatchALongerName() {
        let filter = TopicFilter.only(.alert(stream: "bed-1"))
        #expect(Topic.alert(stream: "bed-10").name.hasPrefix(filter.prefix))
        #expect(!filter.matches(.alert(stream: "bed-10")))
        #expect(filter.matches(.alert(stream: "bed-1")))
        #expect(TopicFilter.all(.alert).matches(.alert(stream: "bed-10")))
        #expect(!TopicFilter.all(.alert).matches(.beat(stream: "bed-10")))
        #expect(TopicFilter.everything.matches(.health) && TopicFilter.everything.prefix.isEmpty)
    }
}

@Suite struct PublishedBodyTests {
    static let event: WireEvent = {
        var event = WireEvent()
        event.schemaVersion = 1
        event.stream = "bed-1"
        event.session = 18_446_744_073_709_551_615
        event.sequence = 12
        event.id = "bed-1/18446744073709551615/alert/4711/asystole/1"
        event.sampleIndex = 4711
        event.decidedAtSampleIndex = 5000
        event.acquisitionTimeNs = 1_700_000_000_123_456_789
        event.alert.kind = .ventricularTachycardia
        event.alert.phase = .started
        event.alert.priority = .high
        event.alert.number = 1
        event.alert.heartRate = 168
        event.alert.text = "ventricular tachycardia, 7 beats at 168/min"
        return event
    }()

    private func decode(_ bytes: [UInt8], _ kind: Topic.Kind) throws -> PublishedBody {
        try bytes.withUnsafeBytes { try PublishedBody($0, kind: kind) }
    }

    @Test(arguments: BodyEncoding.allCases)
    func everyPayloadComesBackAsItWas(encoding: BodyEncoding) throws {
        var beat = Self.event
        beat.beat.beatClass = .ventricular
        beat.beat.probabilities.ventricular = 0.75
        beat.beat.rrIntervalSeconds = 0.8
        var suspicion = Self.event
        suspicion.suspicion.active = true
        suspicion.suspicion.score = 0.97
        var status = Self.event
        status.status.condition = .leadOff
        status.status.gap.missingSampleCount = 100
        var waveform = Self.event
        waveform.waveform.millivolts = [0.1, -0.2, .infinity]
        waveform.waveform.samplingRate = 360
        for event in [Self.event, beat, suspicion, status, waveform] {
            let bytes = try PublishedBody.event(event).encoded(as: encoding)
            #expect(bytes.withUnsafeBytes { BodyEncoding(of: $0) } == encoding)
            #expect(try decode(bytes, .alert) == .event(event))
        }
        var health = WireHealth()
        health.schemaVersion = 1
        health.sequence = 3
        health.rejectedByCause = ["no_samples": 3, "not_decodable": 1]
        #expect(try decode(PublishedBody.health(health).encoded(as: encoding), .health) == .health(health))
        #expect(PublishedBody.health(health).sequence == 3)
        #expect(PublishedBody.event(beat).sequence == 12)
    }

    @Test func jsonIsTheCanonicalFormThatTheSchemaPromises() throws {
        let text = String(decoding: try PublishedBody.event(Self.event).encoded(as: .json), as: UTF8.self)
        let expected =
            #"{"schemaVersion":1,"stream":"bed-1","session":"18446744073709551615","sequence":"12","#
            + #""id":"bed-1/18446744073709551615/alert/4711/asystole/1","sampleIndex":"4711","decidedAtSampleIndex":"5000","#
            + #""acquisitionTimeNs":"1700000000123456789","alert":{"kind":"ALERT_KIND_VENTRICULAR_TACHYCARDIA","#
            + #""phase":"ALERT_PHASE_STARTED","priority":"ALERT_PRIORITY_HIGH","number":"1","heartRate":168.0,"#
            + #""text":"ventricular tachycardia, 7 beats at 168/min"}}"#
        #expect(text == expected)
    }

    @Test func aSampleThatIsNotANumberGoesThroughJSON() throws {
        var event = Self.event
        event.waveform.millivolts = [.nan]
        let body = try decode(PublishedBody.event(event).encoded(as: .json), .waveform)
        guard case .event(let decoded) = body else { return #expect(Bool(false)) }
        #expect(decoded.waveform.millivolts.count == 1 && decoded.waveform.millivolts[0].isNaN)
    }

    @Test func unknownJSONFieldsAreIgnored() throws {
        let text =
            #"{"schemaVersion":1,"stream":"a","new":{"x":[1]},"alert":{"kind":"ALERT_KIND_OF_TOMORROW","text":"t"}}"#
        guard case .event(let event) = try decode(Array(text.utf8), .alert) else { return #expect(Bool(false)) }
        #expect(event.alert.text == "t")
        #expect(event.alert.kind == .unspecified)
    }

    @Test(arguments: [
        "{", "{]", #"{"stream":1}"#, "{\u{0}}", "\u{7F}\u{7F}\u{7F}", String(repeating: "{\"beat\":", count: 10_000),
    ])
    func invalidBodyIsAnError(text: String) {
        #expect(throws: (any Error).self) { try decode(Array(text.utf8), .beat) }
    }

    /// Every field and value of the schema has a comment, and the comments travel into the generated code.
    @Test func theGeneratedCodeBelongsToTheSchema() throws {
        let folder = packageRoot.appendingPathComponent("Sources/ECGWire")
        let schema = try String(contentsOf: folder.appendingPathComponent("ecg_monitor.proto"), encoding: .utf8)
        let generated = try String(contentsOf: folder.appendingPathComponent("ecg_monitor.pb.swift"), encoding: .utf8)
        var before = ""
        for line in schema.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.contains(" = "), line.hasSuffix(";"), !line.hasPrefix("option"), !line.hasPrefix("syntax") {
                #expect(before.hasPrefix("//") || before.hasSuffix(";"), "without a comment: \(line)")
            }
            before = line
        }
        let body = schema[(schema.range(of: "\noption")?.upperBound ?? schema.startIndex)...]
        for line in body.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) })
        where line.hasPrefix("//") {
            #expect(generated.contains("/" + line), "run make proto: \(line)")
        }
    }

    /// protoc, which reads nothing but the schema, writes the very same bytes.
    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc"),
            "needs /usr/bin/protoc (protobuf-compiler)"))
    func theSchemaAloneGivesTheSameBytes() throws {
        var status = Self.event
        status.status.condition = .invalidSamples
        status.status.conditionSinceSampleIndex = 9
        status.status.state = .learning
        status.status.heartRate = 61.5
        status.status.gap.firstMissingSampleIndex = 10
        status.status.gap.missingSampleCount = 11
        var beat = Self.event
        beat.beat.beatClass = .fusion
        beat.beat.notClassifiedBecause = .flatWindow
        beat.beat.probabilities.normal = 0.5
        beat.beat.probabilities.fusion = 0.5
        beat.beat.attackSuspicion = 0.25
        beat.beat.rrIntervalSeconds = 0.75
        beat.beat.amplitudeMillivolts = -1.5
        beat.beat.foundBySearchBack = true
        var suspicion = Self.event
        suspicion.suspicion = .with {
            $0.active = true
            $0.score = 0.5
            $0.beatsConsidered = 10
            $0.firstSampleIndex = 1
            $0.lastSampleIndex = 2
        }
        var alert = Self.event
        alert.alert.onsetSampleIndex = 5
        alert.alert.beatCount = 6
        alert.alert.durationSeconds = 7
        alert.alert.basis = .wallClock
        alert.alert.endedBecause = .signalInterrupted
        var waveform = Self.event
        waveform.waveform.samplingRate = 360
        waveform.waveform.lead = "II"
        waveform.waveform.millivolts = [0.5, -0.25]
        var block = SampleBlockValidationTests.good
        block.baseline = -3
        block.leadOff = true
        for message in [status, beat, suspicion, alert, waveform, block] as [any Message] {
            let name = type(of: message).protoMessageName
            let encoded = try run(
                "/usr/bin/protoc", "-I", packageRoot.appendingPathComponent("Sources/ECGWire").path, "--encode=\(name)",
                "ecg_monitor.proto", input: Data(message.textFormatString().utf8))
            let bytes: [UInt8] = try message.serializedBytes()
            #expect(encoded == Data(bytes))
        }
    }
}

/// Runs a program to its end.
/// - Returns: what it wrote.
func run(_ program: String, _ arguments: String..., input: Data = Data()) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let standardInput = Pipe()
    let standardOutput = Pipe()
    process.standardInput = standardInput
    process.standardOutput = standardOutput
    try process.run()
    try standardInput.fileHandleForWriting.write(contentsOf: input)
    try standardInput.fileHandleForWriting.close()
    let output = try standardOutput.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " "))")
    return output
}

/// The folder of Package.swift.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
