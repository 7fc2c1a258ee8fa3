import ECGATKGAN
import ECGEvaluation
import ECGReplay
import ECGSignal
import ECGWire
import Glibc
import ToolSupport

/// Eight beds for the central station: real ECG, an attack on it, and simulated rhythms that come and go. Each begins
/// again when it is over: the real ECG after five minutes, the simulated after half an hour. The monitor notices that.
struct DemoWard {
    struct Bed {
        var stream: String
        /// For the list that the demo prints.
        var words: String
        var material: ReplayMaterial
        /// Blocks that are sent at once when the ward opens: the bed was watched before.
        var blocksAhead = 0
        /// The electrode is off in these seconds of every minute.
        var leadOff = 0..<0
        /// A second lead: the first, smaller and inverted, as from another place on the chest.
        var hasSecondLead = false
    }

    private(set) var beds: [Bed] = []
    /// Blocks a second.
    static let blocksPerSecond = 4
    private static let simulatedSeconds = 1_800.0

    /// - Parameter record: real ECG of at least four minutes.
    init(record: ReplayMaterial, modelPath: String) throws(ToolError) {
        var attacked = record
        let range = try attacked.sampleRange(from: ClockTime(seconds: 240), to: ClockTime(seconds: 270))
        let attack = try StreamAttack(modelPath: modelPath).apply(
            to: &attacked, range: range, attack: WindowAttack(.pgd, epsilon: 0.01), seed: 208)
        var excerpt = record
        excerpt.counts = Array(
            record.counts[try record.sampleRange(from: .init(seconds: 105), to: .init(seconds: 135))])
        let attackedSeconds = ClockTime(seconds: Double(attack.range.count) / attacked.samplingRate)
        beds = [
            Bed(stream: "bed-1", words: "real ECG, \(record.name)", material: record),
            try simulated("bed-2", "sinus rhythm, two leads", "sinus@68", seed: 2, hasSecondLead: true),
            try simulated(
                "bed-3", "sinus rhythm, and ventricular tachycardia for 9 s", "sinus@76:36,vt@178:9,sinus@84:45",
                seed: 3),
            try simulated(
                "bed-4", "sinus rhythm, and asystole for 14 s", "sinus@62:34,asystole:14,sinus@58:42", seed: 4),
            try simulated("bed-5", "the electrode comes off every minute", "sinus@90", seed: 5, leadOff: 30..<50),
            // The suspicion needs to know the patient's usual beat.
            Bed(
                stream: "bed-6", words: "real ECG, attacked for \(attackedSeconds) from half a minute on",
                material: attacked, blocksAhead: 212 * Self.blocksPerSecond),
            try simulated("bed-7", "atrial fibrillation", "af@112", seed: 7),
            Bed(
                stream: "bed-8", words: "half a minute of real ECG, played again and again",
                material: excerpt, blocksAhead: 20 * Self.blocksPerSecond),
        ]
    }

    private func simulated(
        _ stream: String, _ words: String, _ script: String, seed: UInt64, leadOff: Range<Int> = 0..<0,
        hasSecondLead: Bool = false
    ) throws(ToolError) -> Bed {
        guard let parsed = RhythmScript(script) else {
            throw ToolError("\(script) is no script for the simulator", nextStep: "See `ecgmon replay --help`")
        }
        // So long that it does not soon begin again: no heart repeats its intervals, and the monitor knows.
        let finite = parsed.segments.map(\.seconds).filter(\.isFinite).reduce(0, +)
        let times = finite > 0 ? Int(Self.simulatedSeconds / finite) : 1
        let material = ReplayMaterial(
            simulating: .init(
                samplingRate: 250, seed: seed,
                script: Array(repeatElement(parsed.segments, count: times).joined()), noise: .resting),
            seconds: finite > 0 ? finite * Double(times) : Self.simulatedSeconds)
        return Bed(
            stream: stream, words: words, material: material, leadOff: leadOff, hasSecondLead: hasSecondLead)
    }

    /// What a bed sends in one quarter of a second.
    /// - Parameters:
    ///   - turn: 0 is the first in real time; a bed that was watched before has some below.
    ///   - startNanoseconds: when turn 0 began, UTC in ns since 1970.
    func block(ofBed number: Int, turn: Int, session: UInt64, startNanoseconds: Int64) -> WireSampleBlock {
        let bed = beds[number]
        let rate = bed.material.samplingRate
        let ahead = Double(bed.blocksAhead) / Double(Self.blocksPerSecond)
        func sample(_ turn: Int) -> Int { Int((Double(turn) * rate / Double(Self.blocksPerSecond)).rounded()) }
        let range = sample(turn + bed.blocksAhead)..<sample(turn + bed.blocksAhead + 1)
        let total = bed.material.counts.count
        let counts = range.map { bed.material.counts[$0 % total] }
        let time = startNanoseconds + Int64(((Double(range.lowerBound) / rate - ahead) * 1e9).rounded())
        var block = bed.material.block(
            stream: bed.stream, session: session, firstSampleIndex: Int64(range.lowerBound),
            acquisitionTimeNanoseconds: time, counts: counts)
        block.leadOff = bed.leadOff.contains(turn / Self.blocksPerSecond % 60)
        if bed.hasSecondLead { addSecondLead(to: &block) }
        return block
    }

    private func addSecondLead(to block: inout WireSampleBlock) {
        var first = WireSampleBlock.Lead()
        (first.name, first.gain, first.baseline, first.counts) = (block.lead, block.gain, block.baseline, block.counts)
        var second = first
        second.name = "V1"
        second.counts = block.counts.map { block.baseline - Int32((Double($0 - block.baseline) * 0.6).rounded()) }
        (block.lead, block.gain, block.baseline, block.counts) = ("", 0, 0, [])
        block.leads = [first, second]
    }
}
