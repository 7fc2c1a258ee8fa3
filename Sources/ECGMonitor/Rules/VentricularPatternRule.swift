internal import ECGATKGAN
internal import StateCoding

/// Bigeminy (a V beat between single other beats) and trigeminy (a V beat between pairs of others): `patternCycles`
/// repetitions, ending with the V beat, start the alert; it ends when the pattern has not been seen for
/// `patternHoldSeconds`, or when the other pattern has replaced it.
struct VentricularPatternRule: Sendable, Codable, RangeChecked {
    private var cycles: Int
    private var holdSeconds: Double
    /// One bit per beat, the latest lowest: 1 for V. Only the lowest `known` bits are beats.
    private var beats: UInt64 = 0
    private var known = 0
    /// R peaks of the last V beats.
    private var peaks = InlineArray<8, Int64>(repeating: 0)
    private var peakCount = 0
    /// For bigeminy and trigeminy: the V beat at which the pattern was last seen, and V beats since its alert began.
    private var lastSeen = InlineArray<2, Int64>(repeating: 0)
    private var ventricularBeats = InlineArray<2, Int32>(repeating: 0)

    init(_ configuration: MonitorConfiguration) {
        cycles = configuration.patternCycles
        holdSeconds = configuration.patternHoldSeconds
    }

    /// Every V beat in the pattern has its R peak.
    var isInRange: Bool { (0...64).contains(known) && peakCount >= beats.nonzeroBitCount }

    mutating func configure(_ configuration: MonitorConfiguration) {
        cycles = configuration.patternCycles
        holdSeconds = configuration.patternHoldSeconds
    }

    mutating func beat(_ beatClass: BeatClass, at index: Int64, lowPriority: Bool, alerts: inout AlertManager) {
        let isVentricular = beatClass == .ventricular
        beats = beats << 1 | (isVentricular ? 1 : 0)
        known = min(known + 1, 64)
        guard isVentricular else { return }
        peaks[peakCount % 8] = index
        peakCount += 1
        for pattern in 0..<2 { step(pattern, at: index, lowPriority: lowPriority, alerts: &alerts) }
    }

    mutating func cut() {
        beats = 0
        known = 0
    }

    /// Ends a pattern that has not been seen for long enough.
    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        for pattern in 0..<2 where alerts.isActive(Self.kind(pattern)) {
            guard alerts.now.seconds(from: lastSeen[pattern], to: index) >= holdSeconds else { continue }
            alerts.end(Self.kind(pattern), .cleared, at: lastSeen[pattern])
        }
    }

    private static func kind(_ pattern: Int) -> AlertKind { pattern == 0 ? .bigeminy : .trigeminy }

    private mutating func step(_ pattern: Int, at index: Int64, lowPriority: Bool, alerts: inout AlertManager) {
        let kind = Self.kind(pattern)
        let length = pattern + 2
        if alerts.isActive(kind) {
            guard goesOn(length) else { return }
            lastSeen[pattern] = index
            ventricularBeats[pattern] += 1
            let count = Int(ventricularBeats[pattern])
            alerts.update(kind, beatCount: count, text: "\(kind.name), \(count) ventricular beats")
            return
        }
        guard lowPriority, repeats(length, cycles),
            !alerts.isActive(
                anyOf: .ventricularRun, .idioventricularRhythm, .ventricularTachycardia, .ventricularFibrillation)
        else { return }
        lastSeen[pattern] = index
        ventricularBeats[pattern] = Int32(cycles)
        alerts.end(.singleVentricularBeat, .shadowed, at: index)
        alerts.end(Self.kind(1 - pattern), .cleared, at: lastSeen[1 - pattern])
        let onset = peaks[(peakCount - cycles) % 8]
        alerts.start(kind, onset: onset, beatCount: cycles, text: "\(kind.name), \(cycles) ventricular beats")
    }

    /// Whether the last beat is a V, the one before it exactly `length` beats ago, and no V between.
    private func goesOn(_ length: Int) -> Bool {
        known > length && beats & (~0 >> UInt64(63 - length)) == 1 << UInt64(length) | 1
    }

    /// Whether the last beats are `count` repetitions of `length - 1` other beats and a V.
    private func repeats(_ length: Int, _ count: Int) -> Bool {
        let bits = length * count
        guard known >= bits else { return false }
        var pattern: UInt64 = 0
        for _ in 0..<count { pattern = pattern << UInt64(length) | 1 }
        return beats & (~0 >> UInt64(64 - bits)) == pattern
    }
}
