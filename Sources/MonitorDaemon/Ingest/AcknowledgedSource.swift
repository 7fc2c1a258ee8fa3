/// The source of one acknowledged stream: the connection that said hello for it last, and how far it may send.
struct AcknowledgedSource {
    private enum State {
        /// It said hello, and no block has followed.
        case greeted
        /// Its blocks are taken.
        case sending
        /// A worker refused a block: the source must say hello before the next one.
        case refused
        /// As `refused`, and the source has been told to say hello.
        case askedForHello
    }

    private(set) var address: ReplyAddress
    private var state = State.greeted
    private(set) var credit = SourceCredit()
    private(set) var offsets = AcknowledgementTracker.Offsets()
    /// What the source was told last; nil: nothing since its hello.
    private(set) var reported: AcknowledgementTracker.Offsets?

    init(_ address: ReplyAddress) { self.address = address }

    /// Blocks of this connection are taken from now on, and those of any other are not.
    mutating func didSayHello(from address: ReplyAddress) {
        self.address = address
        state = .greeted
        reported = nil
    }

    /// Whether blocks that come from a connection are taken.
    func accepts(from address: ReplyAddress) -> Bool {
        guard address == self.address else { return false }
        switch state {
        case .greeted, .sending: return true
        case .refused, .askedForHello: return false
        }
    }

    /// The next block is the first since the hello.
    var isBeforeFirstBlock: Bool {
        switch state {
        case .greeted: true
        case .sending, .refused, .askedForHello: false
        }
    }

    mutating func didDispatch(_ samples: Int) {
        state = .sending
        credit.dispatch(samples)
    }

    /// A worker refused a block.
    /// - Parameter samples: of the block.
    mutating func didRefuse(_ samples: Int, needsHello: Bool) {
        credit.takeBack(samples)
        guard needsHello else { return }
        switch state {
        case .greeted, .sending: state = .refused
        case .refused, .askedForHello: break
        }
    }

    /// - Returns: whether the source has yet to be told to say hello. True once: the blocks behind a refused one need
    ///   not all be answered.
    mutating func askForHello() -> Bool {
        switch state {
        case .greeted, .sending, .refused:
            state = .askedForHello
            return true
        case .askedForHello: return false
        }
    }

    mutating func update(_ offsets: AcknowledgementTracker.Offsets) {
        self.offsets = offsets
        credit.update(processed: offsets.processed)
    }

    mutating func didReport() { reported = offsets }

    /// Whether there is something new to forget, or an eighth of the window is used up: so a stream in real time costs
    /// one reply for each snapshot.
    /// - Parameters:
    ///   - window: samples that may be on their way.
    ///   - isDurable: there is a journal.
    ///   - isStopping: the source gets no other chance to hear of it.
    func needsReport(window: Int, isDurable: Bool, isStopping: Bool) -> Bool {
        guard let reported else { return false }
        let step = Int64(window / 8)
        let released = offsets.neededFrom - reported.neededFrom
        return offsets.session != reported.session
            || released > (isDurable || isStopping ? 0 : step)
            || offsets.expected - reported.expected > step
    }
}
