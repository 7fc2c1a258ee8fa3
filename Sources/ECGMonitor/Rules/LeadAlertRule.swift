internal import ECGLimits
internal import ECGSignal
internal import StateCoding

/// The technical alert about single leads of a stream of several: a lead that is off, noisy, flat, saturated or not a
/// number while another is usable. It names them, and monitoring goes on with the others. While no lead is usable,
/// the alerts about the stream's signal (`SignalAlertRule`) apply instead.
struct LeadAlertRule: Sendable, Codable, RangeChecked {
    /// A lead must be out of use for this long, in s: a moment of noise is none of the staff's concern.
    static let minimumSeconds = 2.0
    /// A lead counts as out of use until it has been good for this long, in s: a loose electrode is one alert, not
    /// thirty a minute.
    static let quietSeconds = 10.0

    /// Empty for a stream of one lead.
    private var names: [String] = []
    private var conditions = LeadConditions(count: 1)
    /// Number of changes of the conditions in the session.
    private(set) var changes: UInt32 = 0
    /// When each lead was last good, and last not good while another was, source rate.
    private var lastGood: [Int64] = []
    private var lastPoor: [Int64] = []
    /// What was wrong with it then.
    private var lastFault: [SignalCondition] = []
    /// The leads that the alert names.
    private var reported: [Bool] = []

    var isInRange: Bool {
        names.count <= SignalLimits.maximumLeads
            && names.allSatisfy { $0.utf8.count <= SignalLimits.maximumLeadNameLength }
            && (names.isEmpty || conditions.count == names.count)
            && lastGood.count == names.count && lastPoor.count == names.count && lastFault.count == names.count
            && reported.count == names.count
    }

    var heapBytes: Int { names.capacity * MemoryLayout<String>.stride + names.count * 24 }

    /// The name of a lead; nil in a stream of one.
    func name(_ lead: UInt8) -> String? { Int(lead) < names.count ? names[Int(lead)] : nil }

    /// The leads as a status tells them; empty in a stream of one.
    var statuses: [LeadStatus] {
        let best = names.indices.contains { conditions[$0] == .good }
        return names.indices.map { lead in
            LeadStatus(
                name: names[lead], condition: conditions[lead],
                isUsed: conditions[lead] == .good || !best && conditions[lead] == .noisy,
                isClassified: conditions.classified == lead)
        }
    }

    /// Other leads follow, or one.
    mutating func forget(alerts: inout AlertManager) {
        alerts.end(.leadNotUsable, .cleared, at: alerts.now.sampleIndex)
        let changes = changes
        self = LeadAlertRule()
        self.changes = changes
    }

    /// The stream carries several leads.
    mutating func begin(_ names: [String], alerts: inout AlertManager) {
        self.names = names
        conditions = LeadConditions(count: names.count)
        lastGood = Array(repeating: alerts.now.decidedAt, count: names.count)
        lastPoor = lastGood
        lastFault = Array(repeating: .good, count: names.count)
        reported = Array(repeating: false, count: names.count)
    }

    mutating func change(to new: LeadConditions, at index: Int64, alerts: inout AlertManager) {
        guard new.count == names.count, !names.isEmpty else { return }
        follow(until: alerts.now.decidedAt)
        conditions = new
        changes &+= 1
    }

    /// The current conditions have lasted until `index`.
    private mutating func follow(until index: Int64) {
        let anyGood = names.indices.contains { conditions[$0] == .good }
        for lead in names.indices {
            if conditions[lead] == .good || !anyGood {
                lastGood[lead] = index
            } else {
                lastPoor[lead] = index
                lastFault[lead] = conditions[lead]
            }
        }
    }

    mutating func clock(at index: Int64, alerts: inout AlertManager) {
        guard !names.isEmpty else { return }
        follow(until: index)
        let before = reported
        for lead in names.indices {
            if reported[lead] {
                reported[lead] = alerts.now.seconds(from: lastPoor[lead], to: index) < Self.quietSeconds
            } else {
                reported[lead] = alerts.now.seconds(from: lastGood[lead], to: index) >= Self.minimumSeconds
            }
        }
        guard reported != before else { return }
        guard reported.contains(true) else { return alerts.end(.leadNotUsable, .cleared, at: index) }
        let text = text
        if alerts.isActive(.leadNotUsable) {
            alerts.update(.leadNotUsable, atOnce: true, text: text)
        } else {
            let since = names.indices.filter { reported[$0] }.map { lastGood[$0] }.min() ?? index
            alerts.start(.leadNotUsable, onset: since, text: text)
        }
    }

    /// "lead not usable: V5 off, II noisy"
    private var text: String {
        let parts = names.indices.filter { reported[$0] }.map { "\(names[$0]) \(Self.word(lastFault[$0]))" }
        return "\(AlertKind.leadNotUsable.name): \(parts.joined(separator: ", "))"
    }

    private static func word(_ condition: SignalCondition) -> String {
        switch condition {
        case .good: "good"
        case .leadOff: "off"
        case .invalidSamples: "invalid samples"
        case .saturation: "saturated"
        case .flatLine: "flat"
        case .noisy: "noisy"
        }
    }
}
