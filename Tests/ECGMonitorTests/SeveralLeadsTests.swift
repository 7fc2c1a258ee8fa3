import ECGATKGAN
import ECGClassification
import Testing

@testable import ECGMonitor
@testable import ECGSignal

@Suite struct SeveralLeadsTests {
    /// Feeds the leads II, V5, V1 ... of one stream in blocks of 90 samples.
    ///
    /// - Parameter off: which leads are off at a sample.
    static func feed(
        _ stream: inout MonitoredStream, _ leads: [[Float]], blockLength: Int = 90,
        off: (Int) -> Set<Int> = { _ in [] }
    ) throws {
        var position = 0
        while position < leads[0].count {
            let end = min(leads[0].count, position + blockLength)
            try stream.send(block(stream, leads.map { Array($0[position..<end]) }, off: off(position)))
            position = end
        }
    }

    static func block(_ stream: MonitoredStream, _ leads: [[Float]], off: Set<Int> = []) -> SampleBlock {
        var block = stream.block(leads[0], at: stream.nextIndex, leadOff: off.contains(0))
        block.furtherLeads = leads.indices.dropFirst().map {
            LeadSamples(lead: ["II", "V5", "V1"][$0], leadOff: off.contains($0), millivolts: leads[$0])
        }
        return block
    }

    static func watching(
        _ leads: [[Float]], labels: [ECGSimulator.Label] = [], blockLength: Int = 90,
        off: (Int) -> Set<Int> = { _ in [] }
    ) throws -> MonitoredStream {
        var stream = MonitoredStream()
        stream.labels = labels
        try feed(&stream, leads, blockLength: blockLength, off: off)
        stream.finish()
        return stream
    }

    /// The same heart in another lead: smaller, reversed, and 8 ms later.
    static func otherLead(_ samples: [Float]) -> [Float] { [0, 0, 0] + samples.dropLast(3).map { -0.6 * $0 } }

    static let script: [SimulatedSegment] = [
        .init(sinus72, seconds: 40), .init(.ventricular(rate: 180), seconds: 15), .init(sinus72, seconds: 30),
        .init(.asystole, seconds: 12), .init(.sinus(rate: 40), seconds: 40),
        .init(.ventricularFibrillation, seconds: 20), .init(sinus72, seconds: 30),
    ]

    @Test func twoEqualLeadsGiveTheAlarmsOfOne() throws {
        let (samples, labels) = simulated(Self.script, noise: .resting)
        var one = MonitoredStream()
        one.labels = labels
        try one.feed(samples)
        one.finish()
        let two = try Self.watching([samples, samples], labels: labels)
        #expect(one.started.count > 4)
        #expect(one.started == two.started)
        #expect(one.beats.map(\.event.sampleIndex) == two.beats.map(\.event.sampleIndex))
        #expect(one.beats.map(\.beat.beatClass) == two.beats.map(\.beat.beatClass))
        let onsets = (one.alerts(), two.alerts())
        #expect(onsets.0.map(\.event.sampleIndex) == onsets.1.map(\.event.sampleIndex))
    }

    @Test func beatsThatAllLeadsShowAreToldWithin150Milliseconds() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)], noise: .resting)
        var one = MonitoredStream()
        one.labels = labels
        try one.feed(samples)
        let two = try Self.watching([samples, Self.otherLead(samples)], labels: labels)
        func delays(_ stream: MonitoredStream) -> [Int64] {
            stream.beats.dropFirst(5).dropLast(2).map { $0.event.decidedAtSampleIndex - $0.event.sampleIndex }
        }
        let (alone, together) = (try #require(delays(one).max()), try #require(delays(two).max()))
        #expect(Double(together - alone) / 360 < 0.15)
    }

    @Test func theBlocksDoNotMatter() throws {
        let (samples, labels) = simulated(Self.script, noise: .resting)
        let leads = [samples, Self.otherLead(samples)]
        func off(_ position: Int) -> Set<Int> { (21_600..<28_800).contains(position) ? [0] : [] }
        let small = try Self.watching(leads, labels: labels, blockLength: 36, off: off)
        let large = try Self.watching(leads, labels: labels, blockLength: 1_800, off: off)
        #expect(small.events == large.events)
    }

    @Test func aLeadThatComesOffIsNamedAndLeftOut() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 90)], noise: .resting)
        for lead in 0...1 {
            let stream = try Self.watching([samples, Self.otherLead(samples)], labels: labels) {
                (10_800..<18_000).contains($0) ? [lead] : []
            }
            #expect(stream.started == [.leadNotUsable])
            #expect(stream.alerts(.leadNotUsable)[0].alert.text == "lead not usable: \(["II", "V5"][lead]) off")
            #expect(stream.count(.leadNotUsable, .ended) == 1)
            #expect(stream.beats.count == labels.count || stream.beats.count == labels.count - 1)
            let used = Set(stream.beats.filter { (12_000..<18_000).contains($0.event.sampleIndex) }.map(\.beat.lead))
            #expect(used == [lead == 0 ? "V5" : "II"])
            #expect(stream.beats.last?.beat.lead == "II")
        }
    }

    @Test func whenAllLeadsAreOffTheStreamIs() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 60)], noise: .resting)
        let stream = try Self.watching([samples, Self.otherLead(samples)], labels: labels) {
            (10_800..<14_400).contains($0) ? [0, 1] : []
        }
        #expect(stream.count(.leadOff, .started) == 1 && stream.count(.leadNotUsable, .started) == 0)
        #expect(stream.statuses.contains { $0.status.condition == .leadOff })
    }

    @Test func noiseInOneLeadDoesNotHideAsystole() throws {
        let (samples, labels) = simulated(
            [.init(sinus72, seconds: 60), .init(.asystole, seconds: 15), .init(sinus72, seconds: 20)], noise: .resting)
        let noise = simulated(
            [.init(.asystole, seconds: 96)], seed: 5, noise: .init(white: 0.2, electrodeMotion: 0.6)).samples
        var noisy = Self.otherLead(samples)
        for index in 14_400..<min(noisy.count, noise.count) { noisy[index] += noise[index] }
        for leads in [[samples, noisy], [noisy, samples]] {
            let stream = try Self.watching(leads, labels: labels)
            #expect(stream.count(.asystole, .started) == 1)
            #expect(stream.started.contains(.leadNotUsable) && !stream.started.contains(.noisySignal))
            #expect(!stream.started.contains(.ventricularTachycardia))
        }
    }

    @Test func beatsInOneLeadAreNoAsystole() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 90)], noise: .resting)
        var still = Self.otherLead(samples)
        let rest = simulated([.init(.asystole, seconds: 91)], seed: 3, noise: .resting).samples
        for index in 14_400..<min(still.count, rest.count) { still[index] = rest[index] }
        for leads in [[samples, still], [still, samples]] {
            let stream = try Self.watching(leads, labels: labels)
            #expect(stream.count(.asystole, .started) == 0 && stream.count(.pause, .started) == 0)
            // Until the silent lead has lost its say, some beats of the other are doubted.
            #expect(stream.beats.count >= labels.count - 8)
        }
    }

    @Test func asystoleInAllLeadsIsTold() throws {
        let (samples, labels) = simulated(
            [.init(sinus72, seconds: 40), .init(.asystole, seconds: 12), .init(sinus72, seconds: 20)], noise: .resting)
        let stream = try Self.watching(
            [samples, Self.otherLead(samples), samples.map { 0.4 * $0 }], labels: labels)
        #expect(stream.count(.asystole, .started) == 1)
    }

    @Test func theOrderOfTheLeadsChangesNoAlarm() throws {
        let (samples, labels) = simulated(Self.script, noise: .resting)
        let forward = try Self.watching([samples, Self.otherLead(samples)], labels: labels)
        let backward = try Self.watching([Self.otherLead(samples), samples], labels: labels)
        func kinds(_ stream: MonitoredStream) -> [AlertKind] {
            stream.started.filter { $0.priority == .high || $0.priority == .medium }
        }
        #expect(kinds(forward) == kinds(backward))
    }

    @Test func aSnapshotContinuesWithAllLeads() throws {
        let (samples, labels) = simulated(Self.script, noise: .resting)
        let leads = [samples, Self.otherLead(samples), samples.map { 0.5 * $0 }]
        func off(_ position: Int) -> Set<Int> { (18_000..<25_200).contains(position) ? [0] : [] }
        let whole = try Self.watching(leads, labels: labels, off: off)
        var stream = MonitoredStream()
        stream.labels = labels
        var position = 0
        while position < samples.count {
            let end = min(samples.count, position + 90)
            _ = try stream.monitor.append(
                Self.block(stream, leads.map { Array($0[position..<end]) }, off: off(position)))
            stream.nextIndex = stream.monitor.nextSampleIndex
            // Also between the stages, with beats held and windows pending.
            if position % 3_330 == 0 { stream.monitor = try PatientMonitor(snapshot: stream.monitor.snapshot()) }
            stream.resolve()
            position = end
        }
        stream.finish()
        #expect(stream.events == whole.events)
    }

    @Test func otherLeadsWithinASessionAreAnotherSignal() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 90)], noise: .resting)
        var stream = MonitoredStream()
        stream.labels = labels
        let other = Self.otherLead(samples)
        func part(_ lead: [Float], _ range: Range<Int>) -> [Float] { Array(lead[range]) }
        try stream.feed(part(samples, 0..<7_200))
        try Self.feed(&stream, [part(samples, 7_200..<14_400), part(other, 7_200..<14_400)])
        try Self.feed(
            &stream, [samples, other, samples].map { part($0, 14_400..<21_600) })
        try stream.feed(part(samples, 21_600..<28_800))
        stream.finish()
        #expect(stream.receipts.count { $0.signalChanged } == 3)
        #expect(!stream.started.contains(.asystole) && !stream.started.contains(.pause))
        #expect(stream.beats.count >= labels.filter { $0.rPeakIndex < 28_800 }.count - 8)
        #expect(stream.statuses.last?.status.leads.isEmpty == true)
        #expect(stream.statuses.contains { $0.status.leads.map(\.name) == ["II", "V5", "V1"] })
    }

    @Test func blocksWithUnusableLeadsAreRejected() throws {
        var stream = MonitoredStream()
        func rejection(_ change: (inout SampleBlock) -> Void) -> BlockRejection? {
            var block = Self.block(stream, [[0, 1, 2], [0, 1, 2]])
            change(&block)
            do throws(BlockRejection) {
                _ = try stream.monitor.append(block)
                return nil
            } catch {
                return error
            }
        }
        #expect(rejection { $0.furtherLeads[0].millivolts = [0] } == .leadLengthsDiffer)
        #expect(rejection { $0.furtherLeads[0].lead = "II" } == .leadNamesNotDistinct)
        #expect(rejection { $0.furtherLeads[0].lead = "" } == .leadNamesNotDistinct)
        #expect(rejection { $0.lead = "" } == .leadNamesNotDistinct)
        #expect(rejection { $0.furtherLeads[0].lead = String(repeating: "x", count: 33) } == .leadNameTooLong)
        #expect(
            rejection { block in
                block.furtherLeads = (0..<12).map { LeadSamples(lead: "\($0)", millivolts: [0, 1, 2]) }
            } == .tooManyLeads)
        #expect(rejection { _ in } == nil)
    }

    @Test func buffersHoldAllLeadsOfALateBlock() throws {
        let (samples, labels) = simulated([.init(sinus72, seconds: 30)], noise: .resting)
        let leads = [samples, Self.otherLead(samples)]
        let inOrder = try Self.watching(leads, labels: labels)
        var stream = MonitoredStream()
        stream.labels = labels
        var blocks: [SampleBlock] = []
        for start in stride(from: 0, to: samples.count - samples.count % 90, by: 90) {
            stream.nextIndex = Int64(start)
            blocks.append(Self.block(stream, leads.map { Array($0[start..<start + 90]) }))
        }
        for pair in stride(from: 1, to: blocks.count - 1, by: 2) { blocks.swapAt(pair, pair + 1) }
        for block in blocks { try stream.send(block) }
        let rest = samples.count / 90 * 90
        if rest < samples.count { try Self.feed(&stream, leads.map { Array($0[rest...]) }) }
        stream.finish()
        #expect(stream.events == inOrder.events)
    }
}
