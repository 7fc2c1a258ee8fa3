import ECGMonitor
import FoundationEssentials

/// An alarm limit that can be set for one bed while it is watched. Which alarms are raised at all is a matter of the
/// configuration, not of these.
///
/// Raw values are those of the configuration file; they are stored in the journal, too: a contract.
enum BedLimit: String, CaseIterable, Codable, Sendable {
    case extremeTachycardiaAbove = "extreme_tachycardia_above"
    case tachycardiaAbove = "tachycardia_above"
    case bradycardiaBelow = "bradycardia_below"
    case extremeBradycardiaBelow = "extreme_bradycardia_below"
    case pauseSeconds = "pause_seconds"
    case asystoleSeconds = "asystole_seconds"
    case ventricularTachycardiaRate = "ventricular_tachycardia_rate"
    case frequentVentricularBeats = "frequent_ventricular_beats"

    /// For a display.
    var name: String {
        switch self {
        case .extremeTachycardiaAbove: "Extreme tachycardia above"
        case .tachycardiaAbove: "Tachycardia above"
        case .bradycardiaBelow: "Bradycardia below"
        case .extremeBradycardiaBelow: "Extreme bradycardia below"
        case .pauseSeconds: "Pause of at least"
        case .asystoleSeconds: "Asystole after"
        case .ventricularTachycardiaRate: "Ventricular tachycardia from"
        case .frequentVentricularBeats: "Frequent ventricular beats above"
        }
    }

    /// For a sentence.
    var noun: String {
        switch self {
        case .extremeTachycardiaAbove: "the limit of extreme tachycardia"
        case .tachycardiaAbove: "the limit of tachycardia"
        case .bradycardiaBelow: "the limit of bradycardia"
        case .extremeBradycardiaBelow: "the limit of extreme bradycardia"
        case .pauseSeconds: "the length of a pause"
        case .asystoleSeconds: "the time to asystole"
        case .ventricularTachycardiaRate: "the rate of ventricular tachycardia"
        case .frequentVentricularBeats: "the number of ventricular beats"
        }
    }

    var unit: String {
        switch self {
        case .extremeTachycardiaAbove, .tachycardiaAbove, .bradycardiaBelow, .extremeBradycardiaBelow,
            .ventricularTachycardiaRate, .frequentVentricularBeats:
            "/min"
        case .pauseSeconds, .asystoleSeconds: "s"
        }
    }

    /// As `MonitorConfiguration.validate` has it.
    var range: ClosedRange<Double> {
        switch self {
        case .extremeTachycardiaAbove, .tachycardiaAbove: 50...300
        case .bradycardiaBelow: 15...150
        case .extremeBradycardiaBelow: 10...150
        case .pauseSeconds: 1...10
        case .asystoleSeconds: 2.5...10
        case .ventricularTachycardiaRate: 50...150
        case .frequentVentricularBeats: 1...200
        }
    }

    /// Between two values that can be chosen.
    var step: Double { unit == "s" ? 0.5 : 1 }

    func value(in limits: MonitorConfiguration) -> Double {
        switch self {
        case .extremeTachycardiaAbove: limits.extremeTachycardiaAbove
        case .tachycardiaAbove: limits.tachycardiaAbove
        case .bradycardiaBelow: limits.bradycardiaBelow
        case .extremeBradycardiaBelow: limits.extremeBradycardiaBelow
        case .pauseSeconds: limits.pauseSeconds
        case .asystoleSeconds: limits.asystoleSeconds
        case .ventricularTachycardiaRate: limits.ventricularTachycardiaRate
        case .frequentVentricularBeats: Double(limits.frequentVentricularBeats)
        }
    }

    /// - Parameter value: within `range`.
    func set(_ value: Double, in limits: inout MonitorConfiguration) {
        switch self {
        case .extremeTachycardiaAbove: limits.extremeTachycardiaAbove = value
        case .tachycardiaAbove: limits.tachycardiaAbove = value
        case .bradycardiaBelow: limits.bradycardiaBelow = value
        case .extremeBradycardiaBelow: limits.extremeBradycardiaBelow = value
        case .pauseSeconds: limits.pauseSeconds = value
        case .asystoleSeconds: limits.asystoleSeconds = value
        case .ventricularTachycardiaRate: limits.ventricularTachycardiaRate = value
        case .frequentVentricularBeats: limits.frequentVentricularBeats = Int(value)
        }
    }

    /// "50 /min".
    func text(_ value: Double) -> String {
        let number = value == value.rounded() ? "\(Int(value))" : "\(value)"
        return "\(number) \(unit)"
    }

    /// Whether a value is in the range and a multiple of the step.
    func allows(_ value: Double) -> Bool { range.contains(value) && (value / step).rounded() * step == value }

    /// Reads values by the limits' names.
    /// - Throws: if a name is that of no limit, or a value is out of its range.
    static func values(_ wanted: [String: Double]) throws(BedLimits.Problem) -> [BedLimit: Double] {
        var values: [BedLimit: Double] = [:]
        for (name, value) in wanted {
            guard let limit = BedLimit(rawValue: name) else {
                let names = allCases.map(\.rawValue).joined(separator: ", ")
                throw BedLimits.Problem(words: "no such limit of a bed; there are \(names)")
            }
            guard limit.allows(value) else {
                let kind = limit.step == 1 ? "a whole number " : "in steps of 0.5 s, "
                throw BedLimits.Problem(
                    words: "\(limit.noun) must be \(kind)from \(limit.text(limit.range.lowerBound)) to "
                        + limit.text(limit.range.upperBound))
            }
            values[limit] = value
        }
        return values
    }
}

/// The limits that were set for one bed beside those of the configuration, and by whom.
struct BedLimits: Codable, Sendable, Equatable {
    /// By raw value of `BedLimit`.
    private(set) var values: [String: Double] = [:]
    var by: String
    /// When they were last set: UTC, ns since 1970.
    var at: Int64

    /// Why limits cannot be set, in words for whoever wanted them.
    struct Problem: Error, Equatable { var words: String }

    subscript(limit: BedLimit) -> Double? {
        get { values[limit.rawValue] }
        set { values[limit.rawValue] = newValue }
    }

    init(by: String, at: Int64) { (self.by, self.at) = (by, at) }

    /// As the journal has them; nil: it holds something else.
    init?(stored bytes: [UInt8]) {
        guard bytes.count <= 16_384, let stored = try? JSONDecoder().decode(BedLimits.self, from: Data(bytes)),
            AlarmCommand.isValid(name: stored.by)
        else { return nil }
        self = stored
        values = stored.values.filter { BedLimit(rawValue: $0.key)?.range.contains($0.value) == true }
        if values.isEmpty { return nil }
    }

    var stored: [UInt8] { (try? JSONEncoder().encode(self)).map { Array($0) } ?? [] }

    /// - Parameter limits: of the configuration.
    /// - Throws: if they do not go together.
    func applied(to limits: MonitorConfiguration) throws(Problem) -> MonitorConfiguration {
        var result = limits
        for limit in BedLimit.allCases { if let value = self[limit] { limit.set(value, in: &result) } }
        do {
            try result.validate()
        } catch {
            throw Problem(words: Self.words(error))
        }
        return result
    }

    /// The requirement in words of the page.
    private static func words(_ problem: MonitorConfiguration.InvalidValue) -> String {
        var text = "\(problem.key) must be \(problem.requirement)"
        for limit in BedLimit.allCases {
            text = text.replacing(camelCase(limit.rawValue), with: limit.noun)
        }
        return text.prefix(1).uppercased() + text.dropFirst()
    }

    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.dropFirst().reduce(String(parts[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }
}

/// A wish to set limits of a bed, on its way to the worker that owns the stream.
struct ReceivedLimits: Sendable {
    var stream: String
    /// Those that change; nil: those of the configuration shall hold again.
    var values: [BedLimit: Double]?
    /// Who, as it will be logged and shown.
    var by: String
    /// The sender's own number for it.
    var number: UInt64
    /// Who gets the reply.
    var origin: CommandOrigin
}

/// The limits that hold for a bed, for its display.
struct LimitsInForce: Sendable, Equatable {
    var configured: MonitorConfiguration
    var current: MonitorConfiguration
    /// nil: those of the configuration hold.
    var set: BedLimits?
}
