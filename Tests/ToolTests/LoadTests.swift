import DaemonHarness
import ECGWire
import Foundation
import FoundationXML
import SwiftProtobuf
import Testing

@testable import DaemonEvaluation
@testable import ECGEvaluation
@testable import ECGReplay
@testable import ecgmon

@Suite struct LoadTests {
    private func material(samples: Int, rate: Double = 360) -> ReplayMaterial {
        ReplayMaterial(
            name: "ramp", samplingRate: rate, lead: "II", gain: 200, baseline: 0, countRange: -32_768...32_767,
            counts: (0..<Int32(samples)).map { $0 })
    }

    @Test func messagesAreValidBlocksThatFollowEachOther() throws {
        let sources = [
            try LoadSource(material(samples: 361), blockSeconds: 0.1),
            try LoadSource(material(samples: 1_000, rate: 250), blockSeconds: 0.1),
        ]
        #expect(sources.map(\.blockCount) == [10, 40])
        let plan = LoadPlan(sources: sources, streams: 5, session: 7)
        #expect(plan.groups.map(\.count) == [3, 2])
        var message: [UInt8] = []
        for group in plan.groups {
            for place in 0..<group.count {
                var last: Int32?
                for number in 0..<25 {
                    plan.write(block: number, of: place, in: group, time: 1_000_000, to: &message)
                    let block = try message.withUnsafeBytes { try WireSampleBlock(frame: $0) }
                    try block.validate()
                    #expect(block.stream == "load-\(group.stream(place))" && block.session == 7)
                    #expect(block.firstSampleIndex == Int64(number * group.source.blockSamples))
                    #expect(block.acquisitionTimeNs == 1_000_000 && block.lead == "II")
                    // The record goes on where it was, or begins again.
                    if let last, block.counts[0] != 0 { #expect(block.counts[0] == last + 1) }
                    last = block.counts.last
                }
            }
        }
    }

    @Test func blocksAreSpreadEvenlyOverTheirLength() throws {
        let plan = LoadPlan(
            sources: [try LoadSource(material(samples: 720), blockSeconds: 0.1)], streams: 4, session: 1)
        let due = (0..<8).map { plan.groups[0].due($0) }
        #expect(due == [0, 25, 50, 75, 100, 125, 150, 175].map { $0 * 1_000_000 })
        // The second block of the third stream; the first comes before the clock starts.
        #expect(plan.due(stream: 2, sample: 36) == 50_000_000)
        #expect(plan.due(stream: 2, sample: 107) == 150_000_000)
        #expect(plan.due(stream: 2, sample: 35) == nil)
        #expect(plan.due(stream: 4, sample: 100) == nil)
    }

    @Test func aRecordShorterThanABlockIsAnError() {
        #expect(throws: (any Error).self) { try LoadSource(material(samples: 10), blockSeconds: 0.1) }
    }

    @Test(arguments: BodyEncoding.allCases)
    func eventsAreReadFromEitherEncoding(_ encoding: BodyEncoding) throws {
        var event = WireEvent()
        event.schemaVersion = 1
        event.stream = "load-42"
        event.session = 1_700_000_000_000_000_000
        event.sequence = 301
        event.id = "load-42/1/beat/90000"
        event.sampleIndex = 90_000
        event.decidedAtSampleIndex = 90_150
        event.beat = WireBeat()
        let body = try PublishedBody.event(event).encoded(as: encoding)
        let read = Array("beat.load-42".utf8).withUnsafeBytes { topic in
            body.withUnsafeBytes { LoadEvent(topic: topic, body: $0) }
        }
        #expect(read?.stream == 42 && read?.sequence == 301 && read?.decidedAt == 90_150)
        #expect(read?.kind == UInt8(ascii: "b"))
    }

    @Test(arguments: ["beat.ward-42", "beat.load-", "beat", "", "beat.load-x"])
    func whatIsNotTheLoadsIsLeftOut(_ topic: String) {
        let read = Array(topic.utf8).withUnsafeBytes { topic in
            Array("{\"sequence\":\"1\",\"decidedAtSampleIndex\":\"2\"}".utf8).withUnsafeBytes {
                LoadEvent(topic: topic, body: $0)
            }
        }
        #expect(read == nil)
    }

    @Test(arguments: [[], [0x20], [0x20, 0x80], [0x12, 0x7F, 1], [0x25, 1, 1, 1, 1], Array("{\"seq".utf8)] as [[UInt8]])
    func brokenBodiesAreLeftOut(_ body: [UInt8]) {
        let read = Array("beat.load-1".utf8).withUnsafeBytes { topic in
            body.withUnsafeBytes { LoadEvent(topic: topic, body: $0) }
        }
        #expect(read == nil)
    }

    @Test(arguments: [1, 3, 90, 2_500, 19_999])
    func theSearchFindsTheHighestNumber(_ limit: Int) {
        var search = LoadSearch(start: 100, maximum: 30_000)
        var runs = 0
        while let number = search.number, runs < 50 {
            search.note(keptUp: number <= limit, cores: (Double(number) / Double(limit), 1))
            runs += 1
        }
        #expect(runs < 20)
        #expect(search.served <= limit && Double(search.served) >= 0.94 * Double(limit) - 1)
    }

    @Test func theSearchStopsAtItsMaximumAndAtZero() {
        var search = LoadSearch(start: 100, maximum: 500)
        while search.number != nil { search.note(keptUp: true, cores: nil) }
        #expect(search.served == 500)
        search = LoadSearch(start: 100, maximum: 500)
        while search.number != nil { search.note(keptUp: false, cores: nil) }
        #expect(search.served == 0 && search.failed == 1)
    }

    /// With a real daemon; how long things take is no matter here.
    @Test(.enabled(if: ToolProcess.hasModel, "there is no Config/models/default.safetensors"), arguments: [true, false])
    func aDaemonGetsEveryBlockAndTheSubscriberEveryBeat(journal: Bool) throws {
        let outcome = try ToolProcess.run(
            [
                "load", "--streams", "3", "--seconds", "4", "--warm-up", "2", "--limit", "60000", "--json",
                "Fixtures/208s",
            ] + (journal ? [] : ["--no-journal"]))
        let figures = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome.errors)")
        #expect(figures["beds"] as? Int == 3)
        // 6 s at ten blocks a second.
        let blocks = try #require(figures["blocks_sent"] as? Int)
        #expect((170...190).contains(blocks))
        #expect(figures["samples_sent"] as? Int == 36 * blocks)
        #expect(figures["blocks_refused"] as? Int == 0)
        #expect(figures["samples_missing"] as? Int == 0)
        #expect(figures["events_missed"] as? Int == 0)
        // 101 beats a minute.
        let beats = try #require(figures["beats"] as? Int)
        #expect((12...30).contains(beats))
        #expect((figures["round_trip"] as? [String: Any])?["count"] as? Int ?? 0 > 0)
        #expect((figures["journal_bytes"] as? Int ?? 0 > 0) == journal)
    }

    @Test func endpointsOfAnotherDaemonBelongTogether() throws {
        let outcome = try ToolProcess.run(["load", "--ingest", "tcp://127.0.0.1:1"])
        #expect(outcome.exitCode == 64)
        #expect(outcome.errors.contains("--ingest and --events belong together"))
    }

    @Test func severalNumbersOfBedsGiveCurves() throws {
        var runs = (1...3).map { LoadFigures(beds: $0 * 100, seconds: 10) }
        for index in runs.indices { runs[index].daemon_cores = 0.1 * Double(index + 1) }
        let svg = LineChart.svg(LoadText.charts(runs))
        #expect(XMLParser(data: Data(svg.utf8)).parse())
        // Three charts; only the daemon's processor time has points.
        #expect(svg.matches(of: /<g transform/).count == 3)
        #expect(svg.matches(of: /height="1.2" fill="#0072B2"/).count == 3)
        #expect(LoadText.table(runs).split(separator: "\n").count == 4)
    }

    @Test(arguments: [["--find", "--streams", "1,2"], ["--plot", "x.svg"], ["--streams", "1,,2"], ["--streams", "0"]])
    func numbersThatMakeNoSenseAreRefused(_ arguments: [String]) throws {
        #expect(try ToolProcess.run(["load"] + arguments).exitCode == 64)
    }
}
