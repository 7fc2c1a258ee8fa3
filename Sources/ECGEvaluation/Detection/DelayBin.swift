/// Number of beats reported within one range of delays after their R peak.
public struct DelayBin: Encodable, Sendable {
    /// Width of a bin, ms.
    public static let width = 20.0
    /// Lower edge of the last bin, ms.
    public static let last = 500.0

    /// Lower edge, ms.
    public var from: Double
    public var beats: Int

    /// 20 ms bins from 0 on; the first also includes earlier delays, and the last everything later than half a second.
    public static func histogram(_ delays: [Double]) -> [DelayBin] {
        var bins = stride(from: 0, through: last, by: width).map { DelayBin(from: $0, beats: 0) }
        for delay in delays {
            bins[min(bins.count - 1, max(0, Int((delay / width).rounded(.down))))].beats += 1
        }
        return bins
    }
}
