import ECGMonitor

/// The last seconds of all leads of a bed as values of a strip (`StripDecimator`), by the index of each value: sample
/// index divided by `step`.
struct StripRing {
    /// Of its beginning: with another session, rate or set of leads it begins anew.
    struct Source: Equatable {
        var session: UInt64
        var samplingRate: Double
        var leads: [String]
    }

    static let keptSeconds = 40.0
    /// A longer gap begins the strip anew; a shorter one is a hole in it.
    private static let longestHoleSeconds = 10.0

    let source: Source
    let step: Int
    /// Values a second.
    let rate: Double
    /// Index of the first value kept, and the one after the last.
    private(set) var first: Int64
    private(set) var end: Int64
    private var leads: [[StripDecimator.Value]]
    private var decimators: [StripDecimator]
    private let capacity: Int
    private var nextSample: Int64

    /// - Parameter firstSample: index of the first sample that will come, 0 or more.
    init(_ source: Source, firstSample: Int64) {
        self.source = source
        step = StripDecimator.step(ofRate: source.samplingRate)
        rate = source.samplingRate / Double(step)
        capacity = max(16, Int(rate * Self.keptSeconds))
        let empty = Array(repeating: StripDecimator.none, count: capacity)
        leads = Array(repeating: empty, count: source.leads.count)
        decimators = Array(repeating: StripDecimator(step: step), count: source.leads.count)
        nextSample = firstSample
        end = Self.beginning(of: firstSample, step: step)
        first = end
    }

    /// Values come in pairs; the first pair may be of fewer samples.
    private static func beginning(of sample: Int64, step: Int) -> Int64 {
        step == 1 ? sample : sample / Int64(step * 2) * 2
    }

    /// Takes a block of the same source.
    mutating func append(_ block: SampleBlock, skipping skipped: Int) {
        let start = block.firstSampleIndex + Int64(skipped)
        guard start >= nextSample else { return }
        if start > nextSample { leaveOut(until: start) }
        let count = block.millivolts.count
        guard count > skipped else { return }
        var values = (0..<leads.count).map { _ in [StripDecimator.Value]() }
        for number in 0..<leads.count {
            let isOff = number == 0 ? block.leadOff : block.furtherLeads[number - 1].leadOff
            let samples = number == 0 ? block.millivolts : block.furtherLeads[number - 1].millivolts
            guard samples.count == count else { return }
            values[number].reserveCapacity((count - skipped) / step + 2)
            for place in skipped..<count {
                let sample = isOff ? Float.nan : samples[place]
                guard let (one, other) = decimators[number].take(sample, at: start + Int64(place - skipped)) else {
                    continue
                }
                values[number].append(one)
                if let other { values[number].append(other) }
            }
        }
        store(values)
        nextSample = start + Int64(count - skipped)
    }

    /// Samples that never came are a hole, or a new beginning.
    private mutating func leaveOut(until start: Int64) {
        let begin = Self.beginning(of: start, step: step)
        if step > 1, nextSample % Int64(step * 2) != 0, begin > end {
            store(
                decimators.indices.map { number in
                    let (one, other) = decimators[number].finish()
                    return [one] + (other.map { [$0] } ?? [])
                })
        }
        decimators = source.leads.map { _ in StripDecimator(step: step) }
        guard begin > end else { return }
        if Double(begin - end) > Self.longestHoleSeconds * rate {
            first = begin
            end = begin
        } else {
            let hole = Array(repeating: StripDecimator.none, count: Int(begin - end))
            store(leads.map { _ in hole })
        }
    }

    private mutating func store(_ values: [[StripDecimator.Value]]) {
        guard let count = values.first?.count, count > 0 else { return }
        for number in leads.indices {
            for (offset, value) in values[number].suffix(capacity).enumerated() {
                let index = end + Int64(max(0, count - capacity) + offset)
                leads[number][Int(index % Int64(capacity))] = value
            }
        }
        end += Int64(count)
        first = max(first, end - Int64(capacity))
    }

    /// The values of a lead in a range, those that are kept.
    func values(ofLead lead: Int, _ range: Range<Int64>) -> [StripDecimator.Value] {
        let kept = range.clamped(to: first..<end)
        return kept.map { leads[lead][Int($0 % Int64(capacity))] }
    }

    var leadCount: Int { leads.count }

    /// Where a sample is in the strip.
    func place(ofSample index: Int64) -> Int64 { index / Int64(step) }
}
