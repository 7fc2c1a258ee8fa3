internal import ECGATKGAN

/// Bigeminy (a V beat between single other beats) and trigeminy (a V beat between pairs of others): `patternCycles`
/// repetitions, ending with the V, start the alert; it is over when the pattern has not been seen for two cycles.
struct VentricularPatternRule: Sendable {
    private let cycles: Int
    /// One bit for each beat, the last one lowest: 1 for V. Only the lowest `known` are beats.
    private var beats: UInt64 = 0
    private var known = 0
    /// R peaks of the last V beats.
    private var peaks = InlineArray<8, Int64>(repeating: 0)
    private var peakCount = 0
    /// Beats since the pattern was last seen, and V beats since its alert began: bigeminy, trigeminy.
    private var beatsSince = InlineArray<2, Int32>(repeating: 0)
    private var ventricularBeats = InlineArray<2, Int32>(repeating: 0)

    init(_ configuration: MonitorConfiguration) {
        cycles = configuration.patternCycles
    }

    mutating func beat(_ beatClass: BeatClass, at index: Int64, lowPriority: Bool, alerts: inout AlertRegister) {
        let isVentricular = beatClass == .ventricular
        beats = beats << 1 | (isVentricular ? 1 : 0)
        known = min(known + 1, 64)
        if isVentricular {
            peaks[peakCount % 8] = index
            peakCount += 1
        }
        for pattern in 0..<2 {
            step(pattern, isVentricular: isVentricular, at: index, lowPriority: lowPriority, alerts: &alerts)
        }
    }

    mutating func cut() {
        beats = 0
        known = 0
    }

    private mutating func step(
        _ pattern: Int, isVentricular: Bool, at index: Int64, lowPriority: Bool, alerts: inout AlertRegister
    ) {
        let kind = pattern == 0 ? AlertKind.bigeminy : .trigeminy
        let length = pattern + 2
        let active = alerts.isActive(kind)
        if active {
            beatsSince[pattern] += 1
            if goesOn(length) {
                beatsSince[pattern] = 0
                ventricularBeats[pattern] += 1
                let count = Int(ventricularBeats[pattern])
                alerts.update(kind, beatCount: count, text: "\(kind.name), \(count) ventricular beats")
            } else if beatsSince[pattern] > 2 * length {
                alerts.end(kind, .cleared, at: index)
            }
            return
        }
        guard isVentricular, lowPriority, repeats(length, cycles), !alerts.isActive(.ventricularRun),
            !alerts.isActive(.ventricularTachycardia)
        else { return }
        beatsSince[pattern] = 0
        ventricularBeats[pattern] = Int32(cycles)
        alerts.end(.singleVentricularBeat, .shadowed, at: index)
        let onset = peaks[(peakCount - cycles) % 8]
        alerts.start(kind, onset: onset, beatCount: cycles, text: "\(kind.name), \(cycles) ventricular beats")
    }

    /// Whether the last beat is a V, the one before it exactly `length` beats ago, and no V between.
    private func goesOn(_ length: Int) -> Bool {
        known > length && beats & (~0 >> UInt64(63 - length)) == 1 << UInt64(length) | 1
    }

    /// Whether the last beats are `count` times `length - 1` others and a V.
    private func repeats(_ length: Int, _ count: Int) -> Bool {
        let bits = length * count
        guard known >= bits else { return false }
        var pattern: UInt64 = 0
        for _ in 0..<count { pattern = pattern << UInt64(length) | 1 }
        return beats & (~0 >> UInt64(64 - bits)) == pattern
    }
}
