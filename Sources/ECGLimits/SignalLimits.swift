/// What a stream of samples may be. The wire, the monitor and the tool all take these limits from here.
public enum SignalLimits {
    /// Sampling rates that can be monitored, in samples a second.
    @inlinable public static var samplingRates: ClosedRange<Double> { 100...2_000 }

    /// Sample indices stay below this: the largest integers that a double, and so any JSON reader, holds exactly.
    @inlinable public static var sampleIndexEnd: Int64 { 1 << 53 }

    /// Leads that a stream may carry.
    @inlinable public static var maximumLeads: Int { 12 }

    /// Longest name of a lead, in bytes of UTF-8.
    @inlinable public static var maximumLeadNameLength: Int { 32 }

    /// A lead's name cut to the longest that is taken, in whole characters.
    public static func leadName(_ name: String) -> String {
        var result = ""
        for character in name {
            guard result.utf8.count + character.utf8.count <= maximumLeadNameLength else { break }
            result.append(character)
        }
        return result
    }
}
