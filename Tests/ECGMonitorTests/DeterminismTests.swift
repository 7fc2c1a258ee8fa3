import ECGATKGAN
import ECGSignal
import Testing

@testable import ECGMonitor

@Suite struct DeterminismTests {
    /// Everything that the monitor knows of: rhythms, an electrode off, invalid samples, a gap.
    private static let script: [SimulatedSegment] = [
        .init(sinus72, seconds: 20),
        .init(.ventricularGroups(rate: 72, every: 6, count: 2, groupRate: 120), seconds: 30),
        .init(.ventricular(rate: 170), seconds: 8), .init(.asystole, seconds: 7),
        .init(.bigeminy(rate: 80), seconds: 25),
        .init(.atrialFibrillation(rate: 110), seconds: 30), .init(.sinus(rate: 45), seconds: 30),
    ]

    /// The events of the script, cut into segments of the sizes given.
    private func events(
        rate: Double, resolvingEvery: Int = 1, others: Int = 0, size: @escaping () -> Int
    ) throws -> [MonitorEvent] {
        var (samples, labels) = simulated(Self.script, rate: rate, noise: .init(white: 0.01, baselineWander: 0.1))
        for index in Int(64 * rate)..<Int(64.2 * rate) { samples[index] = .nan }
        let gap = Int(100.3 * rate)..<Int(103 * rate)
        var stream = MonitoredStream(rate: rate)
        stream.labels = labels
        stream.attackScore = { Double($0) / rate > 90 && Double($0) / rate < 110 ? 0.97 : 0.03 }
        labels.removeAll()
        var neighbours = (0..<others).map { _ in MonitoredStream(rate: rate) }
        var position = 0
        var sent = 0
        while position < samples.count {
            // The electrode is off for three seconds; a segment is off as a whole, so none may reach over its edges.
            let edges = [Int(80 * rate), Int(83 * rate), gap.lowerBound, samples.count]
            let end = min(position + max(1, size()), edges.first { $0 > position } ?? samples.count)
            let off = position >= edges[0] && position < edges[1]
            _ = try stream.monitor.append(stream.block(samples[position..<end], at: Int64(position), leadOff: off))
            for index in neighbours.indices {
                try neighbours[index].send(neighbours[index].block(samples[position..<end], at: Int64(position)))
            }
            sent += 1
            if sent % resolvingEvery == 0 { stream.resolve() }
            position = end == gap.lowerBound ? gap.upperBound : end
        }
        stream.finish()
        return stream.events
    }

    @Test(arguments: [250.0, 360, 500])
    func eventsDoNotDependOnBlockSize(rate: Double) throws {
        let reference = try events(rate: rate) { 5_000 }
        #expect(reference.count > 200)
        var random = SeededGenerator(seed: 4)
        for size in [1, 7, 90, 360, 4_999] {
            #expect(try events(rate: rate) { size } == reference, "segments of \(size)")
        }
        #expect(try events(rate: rate) { Int(random.next() % 5_000) + 1 } == reference)
        #expect(try events(rate: rate) { Int(random.next() % 40) + 1 } == reference)
    }

    @Test func noTwoEventsAreAboutTheSame() throws {
        // What an event's id can be made of.
        let places = try events(rate: 360) { 90 }.map { event in
            let place = "\(event.session)/\(event.sampleIndex)/\(event.decidedAtSampleIndex)"
            return switch event.kind {
            case .beat: "beat/\(event.session)/\(event.sampleIndex)"
            case .alert(let alert): "alert/\(place)/\(alert.kind)/\(alert.number)/\(alert.phase)"
            case .suspicion(let suspicion): "suspicion/\(place)/\(suspicion.active)"
            case .status(let status):
                "status/\(place)/" + (status.gap != nil ? "gap" : "\(status.state)/\(status.condition)")
            }
        }
        #expect(Set(places).count == places.count)
    }

    @Test func theEventsDoNotDependOnWhenTheBeatsAreClassified() throws {
        let reference = try events(rate: 360) { 180 }
        #expect(try events(rate: 360, resolvingEvery: 3) { 180 } == reference)
        #expect(try events(rate: 360, resolvingEvery: 1_000_000) { 180 } == reference)
    }

    @Test func theEventsDoNotDependOnOtherStreams() throws {
        #expect(try events(rate: 360, others: 5) { 720 } == events(rate: 360) { 720 })
    }

    @Test func theWallClockChangesNothingButItsOwnAlert() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)])
        var undisturbed = MonitoredStream()
        undisturbed.labels = labels
        try undisturbed.feed(samples)

        var stream = MonitoredStream()
        stream.labels = labels
        stream.monitor.reportSignalLost(forSeconds: 5, events: &stream.events)
        #expect(stream.events.isEmpty)
        try stream.feed(Array(samples[..<5_400]))
        stream.monitor.reportSignalLost(forSeconds: 5, events: &stream.events)
        stream.monitor.reportSignalLost(forSeconds: 9, events: &stream.events)
        // What came before does not end the silence.
        try stream.send(stream.block(samples[5_000..<5_400], at: 5_000))
        #expect(stream.alerts(.signalLost).count == 1)
        try stream.feed(Array(samples[5_400...]))

        let lost = stream.alerts(.signalLost)
        #expect(lost.map(\.alert.phase) == [.started, .ended])
        #expect(
            lost.allSatisfy { $0.alert.basis == .wallClock && $0.event.sampleIndex == 5_399 && $0.alert.number == 1 })
        let others = stream.events.filter { event in
            if case .alert(let alert) = event.kind { return alert.basis == .samples }
            return true
        }
        #expect(others == undisturbed.events)
    }
}
