package import ECGWire
package import ToolSupport
package import ZeroMQ

/// Requests page after page.
package struct HistoryPages: ~Copyable {
    private var client: HistoryClient
    private let timeout: Duration
    private let hint: String

    /// - Parameter hint: appended to the error's next step if nobody answers.
    package init(
        endpoint: String, context: ZeroMQContext, keys: CurveClientKeys? = nil, timeout: Duration, hint: String = ""
    ) throws(ToolError) {
        do {
            client = try HistoryClient(endpoint: endpoint, context: context, keys: keys)
        } catch {
            throw ToolError("\(error)", nextStep: "Give the daemon's history endpoint with --history")
        }
        self.timeout = timeout
        self.hint = hint
    }

    /// Calls `body` with every event found, in order, until it returns false.
    package mutating func all(_ find: WireHistoryRequest.Find, _ body: (WireEvent) -> Bool) throws(ToolError) {
        var find = find
        while true {
            let answer: WireHistoryReply?
            do {
                answer = try client.ask(.find(find), timeout: timeout)
            } catch {
                throw ToolError("\(error)", nextStep: "Give the daemon's history endpoint with --history")
            }
            guard let reply = answer else {
                throw ToolError(
                    "nobody answers for the past at \(printable(client.endpoint))",
                    nextStep: "Start the daemon with a journal, or name its history endpoint with --history" + hint)
            }
            guard reply.error.isEmpty else {
                throw ToolError("the daemon does not answer: \(printable(reply.error))", nextStep: "See what it logs")
            }
            for event in reply.events where !body(event) { return }
            // A daemon that says there is more but makes no progress must not be queried for ever.
            guard reply.more, reply.place != find.afterPlace, !Interruption.requested else { return }
            find.afterPlace = reply.place
        }
    }
}
