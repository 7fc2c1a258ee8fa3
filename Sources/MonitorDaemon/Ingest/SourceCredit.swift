/// How many samples of an acknowledged source are on their way to its worker: what was handed over here, less what the
/// worker says it has done.
///
/// A stream that was forgotten while blocks were waiting is counted anew by its worker, before its source says hello
/// again and is counted anew here: then the worker has done more than was handed over, and nothing is on the way.
struct SourceCredit {
    private(set) var handed: UInt64 = 0
    private(set) var processed: UInt64 = 0

    var onTheWay: UInt64 { handed > processed ? handed - processed : 0 }

    /// Whether so many more may go. One block always may where nothing is on the way.
    func allows(_ samples: Int, window: Int) -> Bool {
        let (sum, overflow) = onTheWay.addingReportingOverflow(UInt64(clamping: samples))
        return onTheWay == 0 || !overflow && sum <= UInt64(clamping: window)
    }

    mutating func hand(_ samples: Int) { handed &+= UInt64(clamping: samples) }

    /// What was handed over will not be done.
    mutating func takeBack(_ samples: Int) { handed -= min(handed, UInt64(clamping: samples)) }

    /// What the worker has done by now.
    mutating func learn(processed: UInt64) {
        self.processed = processed
        handed = max(handed, processed)
    }
}
