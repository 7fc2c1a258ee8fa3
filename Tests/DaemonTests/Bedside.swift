import ECGATKGAN
import ECGClassification
import ECGMonitor
import ECGSignal
import ECGWire
import Foundation
import MonitorWire
import SwiftProtobuf
import Testing
import ZeroMQ

@testable import MonitorDaemon

/// A patient's recording, and what the daemon must find in it, computed here without any daemon.
struct Recording {
    var samplingRate: Double
    var millivolts: [Float]
    static let session: UInt64 = 7
    static let startTime: Int64 = 1_700_000_000_000_000_000

    /// Simulated ECG with ectopic beats, a standstill and a run.
    init(samplingRate: Double, seconds: Double, seed: UInt64) {
        self.samplingRate = samplingRate
        var simulator = ECGSimulator(
            .init(
                samplingRate: samplingRate, seed: seed,
                script: [
                    .init(.sinus(rate: 74), seconds: seconds * 0.35),
                    .init(.bigeminy(rate: 70), seconds: seconds * 0.2),
                    .init(.asystole, seconds: seconds * 0.15), .init(.ventricular(rate: 170), seconds: seconds * 0.15),
                    .init(.sinus(rate: 60), seconds: seconds * 0.15),
                ], noise: .resting))
        millivolts = simulator.record(seconds: seconds).millivolts
    }

    func block(stream: String, _ range: Range<Int>) -> WireSampleBlock {
        var block = WireSampleBlock()
        block.schemaVersion = 1
        block.stream = stream
        block.session = Self.session
        block.firstSampleIndex = Int64(range.lowerBound)
        block.samplingRate = samplingRate
        block.acquisitionTimeNs = Self.startTime + Int64((Double(range.lowerBound) / samplingRate * 1e9).rounded())
        block.lead = "II"
        block.millivolts = Array(millivolts[range])
        return block
    }

    /// The recording cut into blocks of a size.
    func blocks(stream: String, size: Int) -> [WireSampleBlock] {
        stride(from: 0, to: millivolts.count, by: size).map {
            block(stream: stream, $0..<min($0 + size, millivolts.count))
        }
    }

    /// The events of the first `count` samples and of the end after them, in order, from the monitor alone.
    func expectedEvents(stream: String, samples count: Int? = nil) throws -> [WireEvent] {
        let segment = SampleBlock(
            session: Self.session, firstSampleIndex: 0, samplingRate: samplingRate,
            acquisitionTimeNanoseconds: Self.startTime, lead: "II",
            millivolts: Array(millivolts.prefix(count ?? millivolts.count)))
        return try Self.events(of: [segment], stream: stream)
    }

    /// The same of blocks in the order of their samples, some of which may be missing.
    static func expectedEvents(of blocks: [WireSampleBlock]) throws -> [WireEvent] {
        let segments = blocks.map { block in
            SampleBlock(
                session: block.session, firstSampleIndex: block.firstSampleIndex, samplingRate: block.samplingRate,
                acquisitionTimeNanoseconds: block.acquisitionTimeNs, lead: block.lead, millivolts: block.millivolts)
        }
        return try events(of: segments, stream: blocks.first?.stream ?? "")
    }

    private static func events(of segments: [SampleBlock], stream: String) throws -> [WireEvent] {
        let classifier = try BeatClassifier(contentsOf: DaemonProcess.model)
        let workspace = classifier.makeWorkspace()
        var monitor = PatientMonitor()
        var events: [MonitorEvent] = []
        for segment in segments {
            _ = try monitor.process(segment, classifier: classifier, workspace: workspace, events: &events)
        }
        monitor.finish(classifier: classifier, workspace: workspace, events: &events)
        var sequences: [Topic.Kind: UInt64] = [:]
        return events.map { event in
            sequences[event.kind.topic, default: 0] += 1
            return WireEvent(event, stream: stream, sequence: sequences[event.kind.topic] ?? 0)
        }
    }
}

/// A subscriber on a thread of its own that keeps everything that comes.
final class Recorder {
    /// `@unchecked Sendable`: touched under the lock only.
    private final class Store: @unchecked Sendable {
        private let lock = NSLock()
        private var messages: [(topic: String, body: [UInt8])] = []

        func keep(_ frames: [[UInt8]]) {
            guard frames.count == 2 else { return }
            lock.withLock { messages.append((String(decoding: frames[0], as: UTF8.self), frames[1])) }
        }

        /// Copied under the lock: the thread sanitizer does not see the counting of references that would protect it
        /// outside.
        var all: [(topic: String, body: [UInt8])] { lock.withLock { messages.map { $0 } } }
    }

    private let store: Store
    private let thread: OSThread
    private let stopping: StopRequest

    /// Returns when the daemon knows of the subscription.
    /// - Parameter isNew: how many of the prefixes nobody has subscribed to yet; nil: all.
    init(
        _ daemon: DaemonProcess, prefixes: [String] = [""], context: ZeroMQContext, keys: CurveClientKeys? = nil,
        isNew: Int? = nil
    ) throws {
        let before = daemon.metric("ecgmon_subscriptions") ?? 0
        let (stopping, store, endpoint) = (try StopRequest(), Store(), daemon.events)
        (self.stopping, self.store) = (stopping, store)
        thread = try OSThread(name: "recorder") {
            do {
                let socket = try ZeroMQSocket(context, .sub)
                try socket.set(.receiveHighWaterMark(0))
                for prefix in prefixes { try socket.set(.subscribe(prefix)) }
                try socket.useCurve(keys)
                try socket.connect(endpoint)
                while !stopping.isRequested {
                    while let frames = try socket.receive(timeout: .milliseconds(50)) { store.keep(frames) }
                }
            } catch {
                Issue.record("the recorder's socket: \(error)")
            }
        }
        try #require(
            daemon.wait(for: "ecgmon_subscriptions") { $0 >= before + Double(isNew ?? prefixes.count) },
            "the subscription reaches the daemon")
    }

    deinit {
        stopping.request()
        thread.join()
    }

    var count: Int { store.all.count }

    var topics: [String] { store.all.map(\.topic) }

    /// The events on the topics of a stream, all kinds but those named, in the order of arrival.
    func events(of stream: String, except kinds: Set<Topic.Kind> = [.waveform]) throws -> [WireEvent] {
        try store.all.compactMap { message in
            guard let topic = Topic(message.topic), topic.stream == stream, !kinds.contains(topic.kind) else {
                return nil
            }
            return try message.body.withUnsafeBytes { body -> WireEvent? in
                if case .event(let event) = try PublishedBody(body, kind: topic.kind) { event } else { nil }
            }
        }
    }

    func bodies(topic: String) -> [[UInt8]] {
        store.all.filter { $0.topic == topic }.map(\.body)
    }
}

/// Two lists of events that should be one, and the first place where they differ.
func expectSame(_ found: [WireEvent], _ expected: [WireEvent], _ what: String) {
    let difference = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }
    // Not compared within the macro, which would print both lists.
    let isSame = found == expected
    #expect(
        isSame,
        """
        \(what): \(found.count) events, expected \(expected.count); first difference at \(difference?.offset ?? -1): \
        found \(difference?.element.0.id ?? "-"), expected \(difference?.element.1.id ?? "-")
        """)
}
