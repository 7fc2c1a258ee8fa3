import ECGMonitor
import Foundation
import TestSupport
import Testing

@testable import MonitorDaemon

/// What the station keeps of a bed's samples, and where a daemon without a configuration file puts its sockets.
struct StripTests {
    private func block(
        _ values: [Float], from first: Int64, rate: Double = 360, session: UInt64 = 1, leadOff: Bool = false,
        further: [[Float]] = []
    ) -> SampleBlock {
        SampleBlock(
            session: session, firstSampleIndex: first, samplingRate: rate, acquisitionTimeNanoseconds: 0, lead: "II",
            leadOff: leadOff, millivolts: values,
            furtherLeads: further.enumerated().map {
                LeadSamples(lead: "V\($0 + 1)", leadOff: false, millivolts: $1, range: nil)
            })
    }

    private func ring(_ first: SampleBlock) -> StripRing {
        StripRing(
            .init(
                session: first.session, samplingRate: first.samplingRate,
                leads: [first.lead] + first.furtherLeads.map(\.lead)), firstSample: first.firstSampleIndex)
    }

    @Test(arguments: [100.0, 125, 128, 250, 257, 360, 500, 1000, 2000]) func noPeakIsLost(rate: Double) {
        var values = [Float](repeating: 0, count: Int(rate) * 4)
        for second in 0..<4 {
            values[second * Int(rate) + 37] = 2
            values[second * Int(rate) + 61] = -1.5
        }
        let whole = block(values, from: 0, rate: rate)
        var ring = ring(whole)
        ring.append(whole, skipping: 0)
        #expect((100...240).contains(ring.rate))
        let strip = ring.values(ofLead: 0, ring.first..<ring.end)
        #expect(strip.count { $0 == 400 } == 4 && strip.count { $0 == -300 } == 4)
        // Each lies where it was, to within a group of samples.
        for (index, value) in strip.enumerated() where value == 400 {
            let sample = (Double(index) + 0.5) * Double(ring.step)
            #expect(abs(sample.truncatingRemainder(dividingBy: Double(Int(rate))) - 37) <= Double(2 * ring.step))
        }
    }

    @Test func theStripIsTheSameHoweverSamplesCome() {
        var generator = SeededGenerator(seed: 4)
        let values = (0..<5000).map { _ in Float(generator.next() % 1000) / 500 - 1 }
        var whole = ring(block(values, from: 7))
        whole.append(block(values, from: 7), skipping: 0)
        var parts = ring(block(values, from: 7))
        var start = 0
        while start < values.count {
            let end = min(values.count, start + 1 + Int(generator.next() % 90))
            // Some has come before.
            let overlap = min(start, Int(generator.next() % 5))
            parts.append(
                block(Array(values[(start - overlap)..<end]), from: Int64(7 + start - overlap)), skipping: overlap)
            start = end
        }
        #expect(parts.end == whole.end && parts.first == whole.first)
        #expect(parts.values(ofLead: 0, whole.first..<whole.end) == whole.values(ofLead: 0, whole.first..<whole.end))
    }

    @Test func whatNeverCameIsAHoleAndALongGapANewBeginning() {
        let second = [Float](repeating: 1, count: 360)
        var ring = ring(block(second, from: 0))
        ring.append(block(second, from: 0), skipping: 0)
        ring.append(block(second, from: 720), skipping: 0)
        let strip = ring.values(ofLead: 0, 0..<ring.end)
        #expect(strip.prefix(120).allSatisfy { $0 == 200 } && strip.suffix(120).allSatisfy { $0 == 200 })
        #expect(strip[121..<239].allSatisfy { $0 == StripDecimator.none })
        ring.append(block(second, from: 1 << 53), skipping: 0)
        #expect(ring.first == (1 << 53) / 6 * 2 && ring.end - ring.first >= 118)
    }

    @Test func samplesThatAreNoneAndLeadsThatAreOffAreHoles() {
        let values: [Float] = (0..<720).map { $0 < 360 ? .nan : $0 < 500 ? .infinity : 1e30 }
        let first = block(values, from: 0, further: [[Float](repeating: 0.5, count: 720)])
        var ring = ring(first)
        ring.append(first, skipping: 0)
        let strip = ring.values(ofLead: 0, 0..<ring.end)
        #expect(strip.prefix(160).allSatisfy { $0 == StripDecimator.none } && strip.last == 32_000)
        #expect(ring.values(ofLead: 1, 0..<ring.end).allSatisfy { $0 == 100 })
        var off = block([Float](repeating: 1, count: 360), from: 720, further: [[Float](repeating: 0.5, count: 360)])
        off.leadOff = true
        ring.append(off, skipping: 0)
        #expect(ring.values(ofLead: 0, 241..<ring.end).allSatisfy { $0 == StripDecimator.none })
        #expect(ring.values(ofLead: 1, 241..<ring.end).allSatisfy { $0 == 100 })
    }

    @Test func aBedStaysSmallWhateverComes() {
        var bed = StationBed(name: "bed-1")
        for session in 0..<200 {
            let values = (0..<12).map { _ in [Float](repeating: 1, count: 360) }
            bed.take(
                block(
                    values[0], from: Int64(session) << 40, session: UInt64(session),
                    further: Array(values.dropFirst())),
                skipping: 0)
            for number in 0..<400 {
                bed.take(
                    MonitorEvent(
                        session: UInt64(session), sampleIndex: Int64(session) << 40 + Int64(number),
                        decidedAtSampleIndex: Int64(session) << 40 + Int64(number), acquisitionTimeNanoseconds: 0,
                        kind: .alert(
                            Alert(
                                kind: .pause, phase: .started, priority: .medium, number: UInt32(number),
                                onsetSampleIndex: Int64(session) << 40, durationSeconds: 0, heartRate: nil,
                                beatCount: 0,
                                text: "pause"))), now: 0)
            }
        }
        #expect(bed.opened().history.count == StationAlarms.keptAlarms)
        #expect(bed.whole(stripSeconds: 6).status?.alarms.count == StationAlarms.keptAlarms)
    }

    // MARK: Without a configuration file

    @Test func socketsGoWhereTheUserCanWrite() throws {
        let folder = try TemporaryFolder("run")
        var configuration = DaemonConfiguration()
        let note = try #require(
            DefaultSockets.place(&configuration, systemFolder: "\(folder.path)/absent", runtimeFolder: folder.path))
        #expect(note.contains("\(folder.path)/ecgmon"))
        #expect(configuration.events.endpoints == ["tcp://127.0.0.1:5572", "ipc://\(folder.path)/ecgmon/events"])
        #expect(
            configuration.ingest.acknowledgedEndpoints.last == "ipc://\(folder.path)/ecgmon/ingest-acknowledged")
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/ecgmon")
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func withoutSuchAFolderThereAreNone() {
        for folder in [nil, "/nowhere/at/all", "relative", "/" + String(repeating: "x", count: 200)] as [String?] {
            var configuration = DaemonConfiguration()
            let note = DefaultSockets.place(&configuration, systemFolder: "/nowhere", runtimeFolder: folder)
            #expect(note?.contains("no Unix sockets") == true)
            #expect(configuration.commands.endpoints == ["tcp://127.0.0.1:5574"])
        }
        var configuration = DaemonConfiguration()
        #expect(DefaultSockets.place(&configuration, systemFolder: "/tmp", runtimeFolder: nil) == nil)
        #expect(configuration == DaemonConfiguration())
    }
}
