import ECGSecurity
import ECGWire
import SwiftProtobuf
import ZeroMQ

/// What every message with samples passes through, whichever socket it came by: it is counted, decoded and validated,
/// and its sender's right to push the stream is checked. What is refused is counted and logged here.
struct BlockReceiver {
    let context: DaemonContext
    let settings: SettingsView
    let access: AccessControl
    /// How the log calls what is refused.
    let logMessage: String
    /// Whether a block without samples is a hello; if not, it is refused.
    let acceptsHellos: Bool

    /// Why a message was refused.
    struct Refusal: Error {
        fileprivate enum Reason {
            case frames(String)
            case frameBytes(Int)
            case block(SampleBlockRejection)
            case notPermitted
        }

        let cause: RejectCause
        fileprivate let reason: Reason
        /// The block's stream, and its first sample; empty where it could not be read, or is none of the sender's.
        var stream = ""
        var firstSampleIndex: Int64 = 0

        /// One line for the source.
        var words: String {
            switch reason {
            case .frames(let words): words
            case .frameBytes(let count): "\(count) bytes"
            case .block(let rejection): "\(rejection)"
            case .notPermitted: cause.words
            }
        }
    }

    /// - Parameter frameProblem: what is wrong with the message's frames; nil: nothing, and the last holds the block.
    func receive(
        _ message: borrowing ZeroMQMessage, frameProblem: String?
    ) throws(Refusal) -> WireSampleBlock {
        context.metrics.messagesReceived.add(1)
        var bytes = 0
        for frame in 0..<message.frameCount { bytes += message.size(ofFrame: frame) }
        context.metrics.bytesReceived.add(bytes)
        if let frameProblem { throw refusal(.tooManyFrames, .frames(frameProblem)) }
        let last = message.frameCount - 1
        guard message.size(ofFrame: last) <= settings.current.ingest.maximumFrameBytes else {
            throw refusal(.frameTooLarge, .frameBytes(message.size(ofFrame: last)))
        }
        let block: WireSampleBlock
        do throws(SampleBlockRejection) {
            block = try message.withFrame(last) { (frame) throws(SampleBlockRejection) in
                try WireSampleBlock(frame: frame)
            }
        } catch {
            throw refusal(RejectCause(error.cause), .block(error))
        }
        do throws(SampleBlockRejection) {
            if acceptsHellos && block.sampleCount == 0 { try block.validateHello() } else { try block.validate() }
        } catch {
            let stream = StreamName.isValid(block.stream) ? block.stream : ""
            var refusal = refusal(RejectCause(error.cause), .block(error), of: stream)
            if !stream.isEmpty, access.peer(of: message).mayPush(stream) {
                (refusal.stream, refusal.firstSampleIndex) = (stream, block.firstSampleIndex)
            }
            throw refusal
        }
        let peer = access.peer(of: message)
        guard peer.mayPush(block.stream) else {
            context.metrics.count(.rejected(.notPermitted), of: block.stream)
            // Logged by the key: the sender can choose any stream's name.
            context.log.note(
                logMessage, cause: RejectCause.notPermitted.label, stream: "", key: peer.name,
                detail: "stream \(block.stream)")
            throw Refusal(cause: .notPermitted, reason: .notPermitted)
        }
        return block
    }

    private func refusal(_ cause: RejectCause, _ reason: Refusal.Reason, of stream: String = "") -> Refusal {
        let refusal = Refusal(cause: cause, reason: reason)
        context.reject(cause, of: stream, as: logMessage, detail: refusal.words)
        return refusal
    }
}
