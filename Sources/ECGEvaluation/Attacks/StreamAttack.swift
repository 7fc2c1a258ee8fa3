public import ECGATKGAN
public import ECGClassification
import ECGMonitor
public import ECGReplay
public import ToolSupport

/// A white-box attacker of the stream, who knows the weights and locates the beats with the pipeline itself.
public struct StreamAttack {
    private let network: Discriminator
    private let classifier: BeatClassifier
    /// Number of windows attacked in one pass of the network.
    private static let batch = 64

    /// - Throws: `ToolError` if the weights cannot be used.
    public init(modelPath: String) throws(ToolError) {
        do throws(ModelError) {
            let (network, checksum, card) = try ModelFile.readDiscriminator(from: modelPath)
            self.network = network
            classifier = BeatClassifier(network, name: card?.name ?? modelPath, sha256: checksum)
        } catch {
            throw ToolError(
                "the model cannot be used: \(error)",
                nextStep: "Name another with --model, or train one with `ecgmon train`")
        }
    }

    /// The beats that the pipeline finds and classifies in the whole material.
    public func locateBeats(in material: ReplayMaterial) throws(ToolError) -> [AttackedEpisode.LocatedBeat] {
        let events = try MonitorRun.events(
            of: material, classifier: classifier, workspace: classifier.makeWorkspace(),
            refusal: ("the pipeline refuses \(material.name)", "Attack a record that the monitor takes"))
        return events.compactMap { event in
            guard case .beat(let beat) = event.kind, let beatClass = beat.beatClass else { return nil }
            return AttackedEpisode.LocatedBeat(rPeak: Int(event.sampleIndex), beatClass: beatClass)
        }
    }

    /// Attacks the beats of an episode and writes them back.
    /// - Parameters:
    ///   - material: changed in place.
    ///   - range: the samples to attack.
    ///   - beats: those of the whole material, in ascending order; nil: those that the pipeline finds.
    ///   - attack: the attack, with its epsilon.
    ///   - seed: the seed for the random starts.
    public func apply(
        to material: inout ReplayMaterial, range: Range<Int>, beats: [AttackedEpisode.LocatedBeat]? = nil,
        attack: WindowAttack, seed: UInt64
    ) throws(ToolError) -> AttackedEpisode.Report {
        let beats = if let beats { beats } else { try locateBeats(in: material) }
        var attack = attack
        attack.leavesUnscaled = true
        return try AttackedEpisode.apply(to: &material, range: range, beats: beats) {
            (windows, classes) throws(ToolError) in
            var attacked: [[Float]] = []
            for start in stride(from: 0, to: windows.count, by: Self.batch) {
                let end = min(start + Self.batch, windows.count)
                attacked += attack.perturb(
                    Array(windows[start..<end]), labels: Array(classes[start..<end]), against: network,
                    seed: seed &+ UInt64(start))
            }
            return attacked
        }
    }
}
