import ECGMonitor
import ECGWire
import FoundationEssentials
import Logging
import MonitorWire
import NIOCore

/// The middle of the station: takes what the workers say, knows every bed, and sends each viewer what is new.
///
/// `@unchecked Sendable`: everything but `init` is done on one event loop.
final class StationHub: @unchecked Sendable {
    static let tick = TimeAmount.milliseconds(100)
    /// What a new viewer gets of each strip.
    private static let stripSeconds = 6.0
    private static let ticksBetweenTrends = 600
    private static let ticksBetweenQuestions = 20
    private static let mostQuestions = 64

    let metrics: StationMetrics
    private let feed: StationFeed
    private let access: StationAccess
    private let log: PeriodicLog
    private let commandMetrics: DaemonMetrics
    /// nil: there is no journal.
    private let archive: StationArchive?
    private let pipeline: any StationPipeline
    /// All of the hub's work is done on it.
    private var loop: (any EventLoop)?
    private var beds: [String: StationBed] = [:]
    private var viewers: [UInt64: StationViewer] = [:]
    /// At a gateway: beds whose alarms and limits no worker has told yet.
    private var unlisted: Set<String> = []
    /// Not from 1 on: an answer to another start's viewer may still be on its way.
    private var lastViewer = UInt64.random(in: 0 ... .max / 2)
    private var inputs: [StationFeed.Input] = []
    private var gone: [String] = []
    private var sentNotShown = 0
    private var securityGeneration: UInt64 = 0
    private var ticks = 0
    private let encoder = JSONEncoder()

    init(
        feed: StationFeed, access: StationAccess, context: DaemonContext, metrics: StationMetrics,
        archive: StationArchive?, pipeline: any StationPipeline
    ) {
        self.feed = feed
        self.access = access
        self.metrics = metrics
        self.archive = archive
        self.pipeline = pipeline
        log = context.log
        commandMetrics = context.metrics
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "", negativeInfinity: "", nan: "")
    }

    /// To be called once, before anything else.
    func work(on loop: any EventLoop) { self.loop = loop }

    func stop() async { await archive?.stop() }

    // MARK: A tick

    func turn() {
        ticks += 1
        take(now: DaemonClock.utc())
        if feed.takeLostEvents() { askForAlarms() }
        if ticks % Self.ticksBetweenQuestions == 0 { askAgain() }
        keepStrips()
        checkRights()
        send()
    }

    private func take(now: Int64) {
        inputs.removeAll(keepingCapacity: true)
        feed.drain(into: &inputs)
        for input in inputs {
            switch input {
            case .samples(let stream, let block, let skipped):
                bed(stream) { $0.take(block, skipping: skipped) }
            case .events(let stream, let events):
                bed(stream) { for event in events { $0.take(event, now: now) } }
            case .alarms(let stream, let outcome):
                unlisted.remove(stream)
                bed(stream) { $0.take(outcome) }
            case .limits(let stream, let limits): bed(stream) { $0.take(limits) }
            case .present(let stream): bed(stream) { _ in }
            case .gone(let stream):
                beds[stream] = nil
                unlisted.remove(stream)
                gone.append(stream)
            case .reply(let viewer, let reply): pass(reply, to: viewer)
            }
        }
        inputs.removeAll(keepingCapacity: true)
    }

    private func bed(_ name: String, _ change: (inout StationBed) -> Void) {
        if beds[name] == nil, let archive, let loop {
            archive.load(name, on: loop) { [weak self] past in self?.beds[name]?.restore(past) }
        }
        if beds[name] == nil, feed.use == .gateway { unlisted.insert(name) }
        change(&beds[name, default: StationBed(name: name)])
    }

    /// Leaves the strips that have come to the journal.
    private func keepStrips() {
        guard let archive else { return }
        for name in beds.keys {
            guard let strips = beds[name]?.takeStripsToStore(), !strips.isEmpty else { continue }
            if !archive.keep(strips, of: name) { feed.dropped.add(strips.count, for: .strips) }
        }
    }

    /// Events were lost: what is on is asked for.
    private func askForAlarms() {
        guard feed.use == .alone else { return unlisted.formUnion(beds.keys) }
        log.note("the station asks for the alarms anew", cause: "station_events_lost", stream: "")
        for name in beds.keys { askForAlarms(of: name) }
    }

    private func askForAlarms(of name: String) {
        let command = AlarmCommand(.list, by: "station")
        _ = pipeline.dispatch(ReceivedCommand(stream: name, command: command, number: 0, origin: .stationList))
    }

    /// Workers are asked until they answer: a question whose worker is gone is lost.
    private func askAgain() {
        for name in unlisted.shuffled().prefix(Self.mostQuestions) { askForAlarms(of: name) }
    }

    /// A token that was changed holds for those who have shown the old one, too.
    private func checkRights() {
        let generation = access.security.generation
        guard generation != securityGeneration else { return }
        securityGeneration = generation
        for viewer in viewers.values where viewer.hasSignedIn {
            let rights = access.rights(of: viewer.token)
            guard viewer.signIn(viewer.token, rights) else {
                viewer.close(.refused)
                continue
            }
            // The state tells what it may do.
            viewer.hasState = false
        }
    }

    // MARK: To the viewers

    private func send() {
        let now = DaemonClock.monotonic()
        let ready = viewers.values.filter { viewer in
            if viewer.canTake(at: now) { return true }
            noteBehind(viewer)
            return false
        }
        if feed.cut.isLong(at: now) { return sendCut(ready) }
        if ready.contains(where: \.hasState) { sendChanges(ready) }
        sendDetails(ready)
        for name in beds.keys { beds[name]?.forgetChanges() }
        gone.removeAll()
        for viewer in ready where !viewer.hasState { sendState(viewer) }
    }

    /// It gets everything again when it takes something again.
    private func noteBehind(_ viewer: StationViewer) {
        guard viewer.hasState else { return }
        viewer.hasState = false
        metrics.viewersBehind.add(1)
    }

    private func sendChanges(_ ready: [StationViewer]) {
        var tick = StationMessage.Tick(bedsNotShown: nil, beds: [], gone: gone.isEmpty ? nil : gone)
        for name in beds.keys.sorted() {
            if let change = beds[name]?.takeChange(), !change.isEmpty { tick.beds.append(change) }
        }
        if feed.notShown.value != sentNotShown {
            sentNotShown = feed.notShown.value
            tick.bedsNotShown = sentNotShown
        }
        // An empty one says that the connection lives.
        guard let text = encoded(tick) else { return }
        for viewer in ready where viewer.hasState { viewer.send(text) }
    }

    /// Nothing that the page shows can be relied on. It gets everything again later.
    private func sendCut(_ ready: [StationViewer]) {
        guard let text = encoded(StationMessage.Cut()) else { return }
        for viewer in ready {
            viewer.hasState = false
            viewer.send(text)
        }
    }

    private func sendDetails(_ ready: [StationViewer]) {
        let opened = Set(ready.compactMap(\.openBed))
        let withTrend = ticks % Self.ticksBetweenTrends == 0
        for name in opened {
            guard let detail = beds[name]?.detail(withTrend: withTrend), let text = encoded(detail) else { continue }
            for viewer in ready where viewer.openBed == name && viewer.hasState { viewer.send(text) }
        }
    }

    private func sendState(_ viewer: StationViewer) {
        let state = StationMessage.State(
            version: Daemon.version, mayCommand: viewer.rights.mayCommand, bedsNotShown: feed.notShown.value,
            beds: beds.keys.sorted().compactMap { beds[$0]?.whole(stripSeconds: Self.stripSeconds) })
        guard let text = encoded(state) else { return }
        viewer.send(text)
        viewer.hasState = true
    }

    private func encoded(_ message: some Encodable) -> ByteBuffer? {
        guard let data = try? encoder.encode(message) else { return nil }
        return ByteBuffer(bytes: data)
    }

    // MARK: Viewers

    func makeViewer() -> StationViewer {
        lastViewer += 1
        return StationViewer(id: lastViewer, hub: self)
    }

    func add(_ viewer: StationViewer) {
        viewers[viewer.id] = viewer
        metrics.viewers.set(viewers.count)
    }

    func remove(_ viewer: StationViewer) {
        guard viewers.removeValue(forKey: viewer.id) != nil else { return }
        metrics.viewers.set(viewers.count)
    }

    func closeAll() { for viewer in viewers.values { viewer.close(.goingAway) } }

    func take(_ request: StationMessage.Request, from viewer: StationViewer) {
        guard viewer.hasSignedIn else { return signIn(request, viewer) }
        // One that takes nothing is told nothing more; it gets everything again when it does.
        guard viewer.canTake(at: DaemonClock.monotonic()) else { return noteBehind(viewer) }
        switch request.type {
        case "open":
            guard let name = request.bed, let bed = beds[name] else { return }
            viewer.openBed = name
            if let text = encoded(bed.opened()) { viewer.send(text) }
        case "close": viewer.openBed = nil
        case "strip":
            guard let name = request.bed, let alarm = request.alarm else { return viewer.close(.badMessage) }
            guard let strip = beds[name]?.strip(ofAlarm: alarm), let text = encoded(strip) else { return }
            viewer.send(text)
        case "command": command(request, viewer)
        default: viewer.close(.badMessage)
        }
    }

    private func signIn(_ request: StationMessage.Request, _ viewer: StationViewer) {
        guard request.type == "hello" else { return viewer.close(.badMessage) }
        let token = request.token ?? ""
        guard viewer.signIn(token, access.rights(of: token)) else {
            metrics.viewersRefused.add(1)
            log.note("viewer refused", cause: "station_token", stream: "")
            if let text = encoded(StationMessage.Refused(reason: "token")) { viewer.send(text) }
            return viewer.close(.refused)
        }
    }

    // MARK: Commands

    private func command(_ request: StationMessage.Request, _ viewer: StationViewer) {
        let number = request.number ?? 0
        guard viewer.rights.mayCommand else {
            commandMetrics.commands.add(for: .notPermitted)
            return reply(.notPermitted, "this token has no right to it", number, viewer)
        }
        guard let stream = request.bed, StreamName.isValid(stream) else {
            return refuse("no command", number, viewer)
        }
        // The name that the viewer gives is believed; what stands behind it, nobody else can put at the end.
        let by = "\(request.by ?? "") [station token]"
        guard request.by?.isEmpty == false, AlarmCommand.isValid(name: by) else {
            return refuse("a name of 1 to 48 printable characters is needed", number, viewer)
        }
        let isTaken: Bool
        if request.action == "limits" {
            do throws(BedLimits.Problem) {
                // Without limits, those of the configuration shall hold again.
                let values: [BedLimit: Double]? =
                    if let wanted = request.limits { try BedLimit.values(wanted) } else { nil }
                isTaken = pipeline.dispatch(
                    ReceivedLimits(
                        stream: stream, values: values, by: by, number: number,
                        origin: .station(viewer: viewer.id)))
            } catch {
                return refuse(error.words, number, viewer)
            }
        } else if let action = Self.action(request) {
            isTaken = pipeline.dispatch(
                ReceivedCommand(
                    stream: stream, command: AlarmCommand(action, by: by), number: number,
                    origin: .station(viewer: viewer.id)))
        } else {
            return refuse("no command", number, viewer)
        }
        if !isTaken {
            commandMetrics.commands.add(for: .unavailable)
            reply(.unavailable, "the daemon is too busy or about to end", number, viewer)
        }
    }

    private func refuse(_ words: String, _ number: UInt64, _ viewer: StationViewer) {
        commandMetrics.commands.add(for: .invalid)
        reply(.invalid, words, number, viewer)
    }

    private static func action(_ request: StationMessage.Request) -> AlarmCommand.Action? {
        switch request.action {
        case "acknowledge":
            guard let name = request.kind else { return .acknowledge(kind: nil, number: nil) }
            guard let kind = AlertKind.allCases.first(where: { $0.contractName == name }) else { return nil }
            return .acknowledge(kind: kind, number: request.alert)
        case "pauseAudio": return .pause(.audio, seconds: nil)
        case "pauseAlarm": return .pause(.alarm, seconds: nil)
        case "resume": return .resume
        default: return nil
        }
    }

    private func pass(_ reply: WireCommandReply, to viewer: UInt64) {
        guard let viewer = viewers[viewer] else { return }
        let label = CommandLabel.allCases.first { $0.wire == reply.result } ?? .invalid
        self.reply(label, reply.text, reply.number, viewer)
    }

    private func reply(_ label: CommandLabel, _ text: String, _ number: UInt64, _ viewer: StationViewer) {
        guard let text = encoded(StationMessage.Reply(number: number, result: label.rawValue, text: text)) else {
            return
        }
        viewer.send(text)
    }
}

/// Where the station's commands go: to the worker of their stream. False: it has no room.
protocol StationPipeline: AnyObject, Sendable {
    func dispatch(_ command: ReceivedCommand) -> Bool
    func dispatch(_ limits: ReceivedLimits) -> Bool
}

extension Pipeline: StationPipeline {}
