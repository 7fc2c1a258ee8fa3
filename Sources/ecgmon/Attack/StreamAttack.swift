import ECGATKGAN
import ECGMonitor
import ECGSignal

/// A white-box attacker of the stream: it knows the weights, and finds the beats with the pipeline itself.
struct StreamAttack {
    private let network: Discriminator
    private let classifier: BeatClassifier
    /// Windows that are attacked in one pass of the network.
    private static let batch = 64

    /// - Throws: `ToolError` when the weights cannot be used.
    init(modelPath: String) throws(ToolError) {
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
    func locateBeats(in material: ReplayMaterial) throws(ToolError) -> [AttackedEpisode.LocatedBeat] {
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        let workspace = classifier.makeWorkspace()
        let millivolts = material.millivolts
        let blockLength = 3600
        do throws(BlockRejection) {
            for start in stride(from: 0, to: millivolts.count, by: blockLength) {
                let segment = SampleBlock(
                    session: 1, firstSampleIndex: Int64(start), samplingRate: material.samplingRate,
                    acquisitionTimeNanoseconds: 0, lead: material.lead,
                    millivolts: Array(millivolts[start..<min(start + blockLength, millivolts.count)]))
                _ = try monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
            }
        } catch {
            throw ToolError(
                "the pipeline refuses \(material.name): \(error.cause)",
                nextStep: "Attack a record that the monitor takes")
        }
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
        return events.compactMap { event in
            guard case .beat(let beat) = event.kind, let beatClass = beat.beatClass else { return nil }
            return AttackedEpisode.LocatedBeat(rPeak: Int(event.sampleIndex), beatClass: beatClass)
        }
    }

    /// Attacks the beats of a stretch and writes them back.
    /// - Parameters:
    ///   - material: changed in place.
    ///   - range: samples of it.
    ///   - beats: of the whole material, ascending; nil: those that the pipeline finds.
    ///   - attack: with its epsilon.
    ///   - seed: of the random starts.
    func apply(
        to material: inout ReplayMaterial, range: Range<Int>, beats: [AttackedEpisode.LocatedBeat]? = nil,
        attack: WindowAttack, seed: UInt64
    ) throws(ToolError) -> AttackedEpisode.Report {
        let beats = if let beats { beats } else { try locateBeats(in: material) }
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
