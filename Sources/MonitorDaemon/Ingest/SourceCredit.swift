/// How many samples of an acknowledged source are on their way to its worker: those dispatched, less those that the
/// worker has processed.
///
/// When a stream is forgotten while blocks of it are waiting, the worker starts counting again before the source has
/// said hello again. It may then report more samples processed than were dispatched, and nothing counts as on its way.
struct SourceCredit {
    private(set) var dispatched: UInt64 = 0
    private(set) var processed: UInt64 = 0

    var onTheWay: UInt64 { dispatched > processed ? dispatched - processed : 0 }

    /// Whether this many more samples may be dispatched. One block always may while nothing is on its way.
    func allows(_ samples: Int, window: Int) -> Bool {
        let (sum, overflow) = onTheWay.addingReportingOverflow(UInt64(clamping: samples))
        return onTheWay == 0 || !overflow && sum <= UInt64(clamping: window)
    }

    mutating func dispatch(_ samples: Int) { dispatched &+= UInt64(clamping: samples) }

    /// Samples that were dispatched will not be processed.
    mutating func takeBack(_ samples: Int) { dispatched -= min(dispatched, UInt64(clamping: samples)) }

    /// - Parameter processed: how many samples the worker has processed so far.
    mutating func update(processed: UInt64) {
        self.processed = processed
        dispatched = max(dispatched, processed)
    }
}
