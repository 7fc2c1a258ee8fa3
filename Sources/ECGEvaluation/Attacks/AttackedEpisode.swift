public import ECGATKGAN
public import ECGReplay
import ECGSignal
public import ToolSupport

/// An episode of ECG attacked beat by beat and written back into the sample stream, so that it passes through
/// quantisation, R peak detection and window scaling like any other ECG.
///
/// Each beat's window is scaled to [0, 1] and perturbed there, and the difference is converted back to millivolts with
/// the window's own range. Where windows overlap, each sample receives the perturbation of the beat with the nearer R
/// peak. So no sample moves by more than epsilon times the range of its beat's window, plus half a count.
public struct AttackedEpisode: Sendable {
    /// A beat as found by the pipeline without an attack.
    public struct LocatedBeat: Equatable, Sendable {
        /// Index of the R peak in the material.
        public var rPeak: Int
        /// The class from which the attack leads away.
        public var beatClass: BeatClass

        public init(rPeak: Int, beatClass: BeatClass) {
            self.rPeak = rPeak
            self.beatClass = beatClass
        }
    }

    /// The result of the attack.
    public struct Report: Equatable, Sendable {
        /// The samples that could be changed.
        public var range: Range<Int>
        /// Beats whose windows were perturbed, in order.
        public var beats: [LocatedBeat] = []
        /// The greatest change of a sample, in units of its beat's window (epsilon's unit), after quantisation.
        public var largestPerturbation: Float = 0
        /// Samples that changed by a count or more.
        public var changedSamples = 0
    }

    /// Input: windows in [0, 1] of 280 samples and their classes. Output: their perturbed copies, in the same order.
    public typealias Perturbation = ([[Float]], [BeatClass]) throws(ToolError) -> [[Float]]

    /// Attacks the beats whose R peak lies in `range`.
    /// - Parameters:
    ///   - material: at 360 Hz; its samples are changed in place.
    ///   - range: the episode, in samples.
    ///   - beats: in ascending order; those of the whole material, so that the episode's edges are divided correctly.
    ///   - perturb: the attack.
    /// - Throws: `ToolError` if the material is not at 360 Hz or no beat with a complete window lies in the range.
    public static func apply(
        to material: inout ReplayMaterial, range: Range<Int>, beats: [LocatedBeat], perturb: Perturbation
    ) throws(ToolError) -> Report {
        guard material.samplingRate == InternalSampling.rate else {
            throw ToolError(
                "\(material.name) has \(fixed(material.samplingRate, 2)) samples a second; attacks are computed at 360",
                nextStep: "Attack a record at 360 Hz")
        }
        let original = material.millivolts
        let before = BeatWindow.samplesBeforeRPeak
        let ownership = AttackOwnership.ranges(
            rPeaks: beats.map(\.rPeak), samplesBefore: before, windowLength: BeatWindow.length, within: range)
        var report = Report(range: range)
        var windows: [[Float]] = []
        var scales: [Float] = []
        var owned: [Range<Int>] = []
        for (beat, ownedRange) in zip(beats, ownership) where range.contains(beat.rPeak) {
            let start = beat.rPeak - before
            guard start >= 0, start + BeatWindow.length <= original.count else { continue }
            var window = Array(original[start..<(start + BeatWindow.length)])
            guard let low = window.min(), let high = window.max(), BeatWindow.scaleToUnitInterval(&window) else {
                continue
            }
            windows.append(window)
            scales.append(high - low)
            owned.append(ownedRange)
            report.beats.append(beat)
        }
        guard !windows.isEmpty else {
            throw ToolError(
                "no beat was found to attack in samples \(range.lowerBound) to \(range.upperBound) of \(material.name)",
                nextStep: "Choose another stretch with --from and --to")
        }
        let attacked = try perturb(windows, report.beats.map(\.beatClass))
        precondition(attacked.count == windows.count, "an attack gives as many windows as it was given")
        for index in windows.indices {
            let windowStart = report.beats[index].rPeak - before
            for sample in owned[index] {
                let change =
                    (attacked[index][sample - windowStart] - windows[index][sample - windowStart]) * scales[index]
                let count = material.count(ofMillivolts: original[sample] + change)
                let counts = Double(count) - Double(material.counts[sample])
                if counts != 0 { report.changedSamples += 1 }
                report.largestPerturbation = max(
                    report.largestPerturbation, Float(abs(counts / material.gain)) / scales[index])
                material.counts[sample] = count
            }
        }
        return report
    }
}
