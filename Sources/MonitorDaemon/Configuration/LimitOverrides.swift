import ECGMonitor

/// Limits that hold for some streams only: those of a ward, or one patient.
struct LimitOverrides: Sendable, Equatable {
    /// As the file names it: the ward's name, or the patient's stream.
    var name: String
    /// Streams that it is for: names, or beginnings of names followed by `*`.
    var patterns: [String]
    /// Full names of the keys that it sets, as they stand in `[monitor]`.
    var keys: [String] = []
    /// The values of these keys; what it does not set has no meaning here.
    var values = MonitorConfiguration()

    /// How well a stream's name matches: the length of the pattern, `Int.max` for the whole name; nil: not at all.
    func fit(_ stream: String) -> Int? {
        patterns.compactMap { pattern -> Int? in
            if pattern == stream { return Int.max }
            guard pattern.hasSuffix("*"), stream.hasPrefix(pattern.dropLast()) else { return nil }
            return pattern.utf8.count
        }.max()
    }

    /// - Returns: what is wrong with a pattern, in words that follow "must".
    static func problem(withPattern pattern: String) -> String? {
        let isBeginning = pattern.hasSuffix("*")
        let name = isBeginning ? String(pattern.dropLast()) : pattern
        if isBeginning, name.isEmpty { return nil }
        return name.utf8.count <= 64 && name.utf8.allSatisfy(Self.isNameCharacter)
            && name.utf8.first.map { $0 != UInt8(ascii: "*") } == true
            ? nil : "hold names of streams, or beginnings of names followed by *, such as [\"icu-*\", \"bed-7\"]"
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }

    /// Replaces the limits that it sets.
    func applied(to limits: MonitorConfiguration) -> MonitorConfiguration {
        var from = DaemonConfiguration()
        from.monitor = values
        var to = DaemonConfiguration()
        to.monitor = limits
        for key in keys { ConfigurationSchema.byName[key]?.copy(from, &to) }
        return to.monitor
    }
}

extension DaemonConfiguration {
    /// The limits for a stream: those of `[monitor]`, overridden by the ward that matches best, then by the patient's
    /// own.
    func limits(of stream: String) -> MonitorConfiguration {
        var limits = monitor
        let best = wards.compactMap { ward in ward.fit(stream).map { (fit: $0, ward: ward) } }.max { $0.fit < $1.fit }
        if let best { limits = best.ward.applied(to: limits) }
        for patient in patients where patient.name == stream { limits = patient.applied(to: limits) }
        return limits
    }
}
