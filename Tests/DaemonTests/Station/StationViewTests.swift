import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// What viewers of the central station are sent: beds as they are now, and their past.
@Suite(.serialized) struct StationViewTests {
    @Test func samplesBeatsAndAlarmsReachThePage() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let client = try StationDaemon.viewer(daemon)
        #expect(try #require(client.text { _ in true }).contains(#""beds":[]"#))
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        try StationDaemon.send(recording.blocks(stream: "bed-1", size: 250), to: daemon)
        let (beats, strips) = (Counter(0), Counter(0))
        #expect(
            client.text { text in
                beats.value += text.contains(#""beats":[["#) ? 1 : 0
                strips.value += text.contains(#""strip":[["#) ? 1 : 0
                return text.contains(#""kind":"ventricularTachycardia""#) || text.contains(#""kind":"asystole""#)
            } != nil)
        #expect(beats.value > 0 && strips.value > 0)
        // Who comes later gets it all at once, and the strip around an alarm on request.
        let later = try StationDaemon.viewer(daemon)
        let state = try #require(later.text { _ in true })
        #expect(state.contains(#""name":"bed-1""#) && state.contains(#""strip":[["#))
        later.send(#"{"type":"open","bed":"bed-1"}"#)
        let bed = try #require(later.text { $0.contains(#""type":"bed""#) })
        #expect(bed.contains(#""intervals":[["#) && bed.contains(#""trend":[["#))
        let id = try #require(bed.firstMatch(of: /"id":"([^"]+asystole[^"]+)"/)?.1)
        later.send(#"{"type":"strip","bed":"bed-1","alarm":"\#(id.replacing("\\/", with: "/"))"}"#)
        let strip = try #require(later.text { $0.contains(#""type":"strip""#) })
        #expect(strip.contains(#""beats":[["#) && strip.contains(#""values":[["#))
        #expect(daemon.terminate() == 0)
    }

    @Test func afterARestartThePageKnowsTheAlarmsThatAreOn() throws {
        let first = try DaemonProcess(hasJournal: true)
        // It ends in tachycardia.
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        let blocks = recording.blocks(stream: "bed-1", size: 250).prefix(75)
        try StationDaemon.send(Array(blocks), to: first)
        #expect(first.wait(for: "ecgmon_alerts_started_total{kind=\"ventricularTachycardia\"}") { $0 >= 1 })
        #expect(first.terminate() == 0)
        let second = try DaemonProcess(hasJournal: true, hasStation: true, after: first)
        let client = try StationDaemon.viewer(second)
        #expect(client.text { $0.contains(#""kind":"ventricularTachycardia""#) } != nil)
        #expect(second.terminate() == 0)
    }

    @Test func afterAKillThePastOfABedIsThereWithStripsAndTrends() throws {
        let first = try DaemonProcess(hasJournal: true, hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 90, seed: 5)
        let blocks = recording.blocks(stream: "bed-1", size: 250)
        // In two parts: what comes faster than in real time runs ahead of what is decided about it.
        try StationDaemon.send(Array(blocks.prefix(58)), to: first)
        #expect(first.wait(for: "ecgmon_alerts_started_total{kind=\"asystole\"}") { $0 == 1 })
        let context = try ZeroMQContext()
        let source = try AcquisitionClient(endpoint: first.ingest, context: context)
        for block in blocks.dropFirst(58) { #expect(try source.send(block, timeout: .seconds(30))) }
        // The whole strip: written once more when all of it had come.
        let reader = try JournalReader(path: first.journal)
        func asystole() throws -> StoredStrip? {
            try reader.strips(of: "bed-1").first { $0.key.contains("asystole") }.flatMap {
                StoredStrip(stored: $0.value)
            }
        }
        #expect(eventually { (try? asystole())?.millivolts[0].last?.isNaN == false })
        let strip = try #require(try asystole())
        #expect(strip.beatSeconds.count > 5 && (9.5...10.5).contains(strip.onsetSeconds))
        first.signal(SIGKILL)
        _ = first.exitCode()
        let second = try DaemonProcess(hasJournal: true, hasStation: true, after: first)
        let client = try StationDaemon.viewer(second)
        #expect(client.text { $0.contains(#""name":"bed-1""#) } != nil)
        // It is read from the journal a little after the bed is known.
        client.send(#"{"type":"open","bed":"bed-1"}"#)
        #expect(client.text { $0.contains("asystole") && $0.contains(#""history":[{"#) } != nil)
        client.send(#"{"type":"open","bed":"bed-1"}"#)
        let bed = try #require(client.text { $0.contains(#""type":"bed""#) && $0.contains("asystole") })
        #expect(bed.contains(#""trend":[["#) && bed.contains(#""intervalTrend":[["#))
        let id = try #require(bed.firstMatch(of: /"id":"([^"]+asystole[^"]+)"/)?.1)
        client.send(#"{"type":"strip","bed":"bed-1","alarm":"\#(id)"}"#)
        #expect(try #require(client.text { $0.contains(#""type":"strip""#) }).contains(#""beats":[["#))
        #expect(second.terminate() == 0)
    }
}

/// A number that a closure changes.
private final class Counter {
    var value: Int
    init(_ value: Int) { self.value = value }
}
