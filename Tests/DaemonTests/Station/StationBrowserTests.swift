import ECGSignal
import ECGWire
import Foundation
import Glibc
import TestSupport
import Testing
import ToolSupport
import ZeroMQ

@testable import MonitorDaemon

/// The central station as a browser shows it: Debian's Chromium without a window. Skipped where there is none.
@Suite(.serialized, .enabled(if: Chromium.program != nil, "Chromium is not installed"))
struct StationBrowserTests {
    private static let rate = 250.0

    /// A bedside on a thread of its own: some seconds at once, then in real time.
    private final class Bedside {
        private let stop: StopRequest
        private let thread: OSThread

        init(_ daemon: DaemonProcess, _ rhythms: [(stream: String, script: [SimulatedSegment])], secondsAtOnce: Double)
            throws
        {
            let stop = try StopRequest()
            self.stop = stop
            let endpoint = daemon.ingest
            thread = try OSThread(name: "bedside") {
                guard let context = try? ZeroMQContext(),
                    let client = try? AcquisitionClient(endpoint: endpoint, context: context)
                else { return }
                var simulators = rhythms.map {
                    ECGSimulator(.init(samplingRate: StationBrowserTests.rate, script: $0.script))
                }
                var sent = 0
                let session = UInt64(wallClockNanoseconds())
                let start = ContinuousClock.now
                while !stop.isRequested {
                    let count = sent == 0 ? Int(secondsAtOnce * StationBrowserTests.rate) : 50
                    for number in rhythms.indices {
                        var block = WireSampleBlock()
                        block.schemaVersion = 1
                        block.stream = rhythms[number].stream
                        block.session = session
                        block.firstSampleIndex = Int64(sent)
                        block.samplingRate = StationBrowserTests.rate
                        block.lead = "II"
                        block.millivolts =
                            simulators[number].record(seconds: Double(count) / StationBrowserTests.rate).millivolts
                        // A daemon that is gone takes nothing.
                        while !stop.isRequested, (try? client.send(block, timeout: .milliseconds(100))) != true {}
                    }
                    sent += count
                    let due = start + .seconds(Double(sent) / StationBrowserTests.rate - secondsAtOnce)
                    while !stop.isRequested, ContinuousClock.now < due { usleep(10_000) }
                }
            }
        }

        deinit {
            stop.request()
            thread.join()
        }
    }

    private static let tachycardia: [SimulatedSegment] = [
        .init(.sinus(rate: 75), seconds: 20), .init(.ventricular(rate: 180), seconds: .infinity),
    ]

    private static func tile(_ name: String, _ selector: String) -> String {
        "document.querySelector('[data-bed=\"\(name)\"] \(selector)')"
    }

    private static func text(_ id: String) -> String { "document.getElementById('\(id)').textContent" }

    @Test func aTileShowsTheAlarmTheRateAndTheStrip() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let bedside = try Bedside(
            daemon,
            [
                ("bed-1", [.init(.sinus(rate: 75), seconds: .infinity)]), ("bed-2", Self.tachycardia),
                ("bed-3", [.init(.bigeminy(rate: 70), seconds: .infinity)]),
            ], secondsAtOnce: 40)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "\(Self.tile("bed-2", ".tile-words"))?.textContent === 'Ventricular tachycardia'"))
        #expect(browser.wait(for: "\(Self.tile("bed-1", ".tile-words"))?.textContent === 'No rhythm alarm'"))
        #expect(browser.wait(for: "Number(\(Self.tile("bed-1", ".number"))?.textContent) > 60"))
        #expect(browser.wait(for: "Number(\(Self.tile("bed-2", ".number"))?.textContent) > 150"))
        // Priority by words, marks and colour, and the flashing of IEC 60601-1-8: 1.4 to 2.8 Hz for high priority.
        #expect(try browser.evaluate("\(Self.tile("bed-2", ".tile-mark")).textContent") == "!!!")
        #expect(try browser.evaluate("document.querySelector('[data-bed=\"bed-2\"]').dataset.priority") == "high")
        let period = try browser.evaluate(
            "\(Self.tile("bed-2", ".tile-alarm")).getAnimations()[0].effect.getTiming().duration")
        #expect((1000 / 2.8...1000 / 1.4).contains(Double(period) ?? 0))
        #expect(
            browser.wait(
                for:
                    "\(Self.text("announcer-high")).includes('bed-2: ventricular tachycardia, high priority')"
            ))
        // The strip moves, and the beats are marked with their class.
        let drawn =
            """
            (() => {
                const c = \(Self.tile("bed-2", "canvas"));
                const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                return data.filter((value, place) => place % 4 === 3 && value > 0).length;
            })()
            """
        #expect(browser.wait(for: "\(drawn) > 500"))
        #expect(browser.wait(for: "station.ward.beds.get('bed-3').beats.some((beat) => beat[1] === 'V')"))
        let before = try browser.evaluate("station.ward.beds.get('bed-2').cursor")
        #expect(browser.wait(for: "station.ward.beds.get('bed-2').cursor > \(before)"))
        #expect(browser.complaints == [])
        withExtendedLifetime(bedside) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func whenTheDaemonIsGoneThePageSaysItIsNotLive() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let bedside = try Bedside(daemon, [("bed-1", [.init(.sinus(rate: 75), seconds: .infinity)])], secondsAtOnce: 20)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "Number(\(Self.tile("bed-1", ".number"))?.textContent) > 60"))
        #expect(try browser.evaluate("getComputedStyle(document.getElementById('banner')).display") == "none")
        let claim = "getComputedStyle(document.getElementById('alarm-bar'), '::before').content"
        #expect(try browser.evaluate(claim).contains("No open alarm"))
        daemon.signal(SIGKILL)
        #expect(
            browser.wait(
                for:
                    """
                    document.getElementById('banner').checkVisibility()
                        && \(Self.text("banner")).startsWith('NOT LIVE since ')
                    """
            ))
        #expect(browser.wait(for: "\(Self.tile("bed-1", ".number")).textContent === '--'"))
        #expect(browser.wait(for: "document.title.includes('NOT LIVE')"))
        #expect(try browser.evaluate(claim) == "none", "it does not say that there is no alarm")
        #expect(try ["1 bed", ""].contains(browser.evaluate("document.getElementById('summary').textContent")))
        #expect(try browser.evaluate("getComputedStyle(\(Self.tile("bed-1", "canvas"))).filter").contains("grayscale"))
        #expect(
            try browser.evaluate("getComputedStyle(\(Self.tile("bed-1", ".tile-strip")), '::after').content").contains(
                "FROZEN"))
        withExtendedLifetime(bedside) {}
    }

    /// What a gateway of a cluster says that does not reach the brokers.
    @Test func whatAGatewayWithoutBrokersSaysStandsInTheBanner() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "document.body.dataset.connection === 'live'"))
        // The next message of this daemon, a tenth of a second later, makes it live again.
        let state = try browser.evaluate(
            """
            (() => {
              station.connection.take('{"type":"cut"}');
              return document.body.dataset.connection + ' ' + document.getElementById('banner').textContent;
            })()
            """)
        #expect(state.hasPrefix("stale NOT LIVE since "))
        #expect(state.hasSuffix("Watch the bedside monitors. This gateway does not reach the cluster's brokers."))
        #expect(browser.wait(for: "document.body.dataset.connection === 'live'"))
    }

    @Test func aBedThatSendsNothingSaysSo() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let recording = Recording(samplingRate: 250, seconds: 15, seed: 5)
        try StationDaemon.send(recording.blocks(stream: "bed-1", size: 250), to: daemon)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "\(Self.tile("bed-1", ".chips"))?.textContent.includes('no samples for')"))
        #expect(try browser.evaluate("\(Self.tile("bed-1", ".number")).textContent") == "--")
        #expect(daemon.terminate() == 0)
    }

    @Test func whoHasTheTokenAcknowledgesFromThePage() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", StationDaemon.commandToken)
        chmod("\(folder.path)/token", 0o600)
        let daemon = try DaemonProcess(
            configuration: """
                [station]
                view_token_file = "\(folder.path)/token"
                command_token_file = "\(folder.path)/token"
                """, hasStation: true)
        let bedside = try Bedside(daemon, [("bed-2", Self.tachycardia)], secondsAtOnce: 40)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "document.getElementById('sign-in').open"), "without a token the page asks for one")
        #expect(try browser.evaluate("document.querySelectorAll('.tile').length") == "0")
        _ = try browser.evaluate(
            """
            (document.getElementById('token').value = '\(StationDaemon.commandToken)',
                document.getElementById('sign-in-form').requestSubmit())
            """
        )
        #expect(browser.wait(for: "\(Self.tile("bed-2", ".tile-words"))?.textContent === 'Ventricular tachycardia'"))
        #expect(try browser.evaluate("document.getElementById('sign-in').open") == "false")
        _ = try browser.evaluate("\(Self.tile("bed-2", "button")).click()")
        #expect(
            browser.wait(
                for:
                    "document.getElementById('bed').open && document.querySelectorAll('#bed-leads canvas').length === 1"
            ))
        #expect(browser.wait(for: "document.querySelectorAll('#bed-alarms .alarm-card[data-flash]').length > 0"))
        // Without a name nothing is done.
        _ = try browser.evaluate("document.getElementById('acknowledge-all').click()")
        #expect(try browser.evaluate("document.getElementById('reply').textContent").contains("your name"))
        _ = try browser.evaluate(
            "(document.getElementById('by').value = 'Dr Grey', document.getElementById('acknowledge-all').click())")
        #expect(browser.wait(for: "document.getElementById('reply').textContent.startsWith('Done')"))
        #expect(
            browser.wait(
                for:
                    "\(Self.text("bed-alarms")).includes('acknowledged by Dr Grey [station token]')"
            ))
        #expect(browser.wait(for: "document.querySelectorAll('#bed-alarms .alarm-card[data-flash]').length === 0"))
        // The past alarm shows its strip.
        #expect(browser.wait(for: "document.querySelectorAll('.past').length > 0"))
        _ = try browser.evaluate("document.querySelector('.past').click()")
        #expect(browser.wait(for: "document.querySelector('.past-strip canvas')?.width > 1000"))
        _ = try browser.evaluate("document.getElementById('bed-close').click()")
        #expect(browser.wait(for: "!document.getElementById('bed').open"))
        #expect(browser.complaints == [])
        withExtendedLifetime(bedside) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func limitsAreReviewedBeforeTheyAreSet() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", StationDaemon.commandToken)
        chmod("\(folder.path)/token", 0o600)
        let daemon = try DaemonProcess(
            configuration: "[station]\ncommand_token_file = \"\(folder.path)/token\"\n", hasStation: true)
        let bedside = try Bedside(daemon, [("bed-1", [.init(.sinus(rate: 75), seconds: .infinity)])], secondsAtOnce: 20)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/#token=\(StationDaemon.commandToken)")
        #expect(browser.wait(for: "Number(\(Self.tile("bed-1", ".number"))?.textContent) > 60"))
        _ = try browser.evaluate("\(Self.tile("bed-1", "button")).click()")
        func id(_ name: String) -> String { "document.getElementById('\(name)')" }
        #expect(browser.wait(for: "!\(id("limits-button")).disabled && \(id("limits-list")).children.length === 16"))
        // Without a name nothing is done.
        _ = try browser.evaluate("\(id("limits-button")).click()")
        #expect(try browser.evaluate("\(id("reply")).textContent").contains("your name"))
        _ = try browser.evaluate("(\(id("by")).value = 'Dr Grey', \(id("limits-button")).focus())")
        try browser.press("Enter")
        #expect(browser.wait(for: "\(id("limits")).open && document.activeElement.dataset.key !== undefined"))
        // Each field has a name and tells its range to a screen reader.
        let described =
            """
            [...document.querySelectorAll('#limits-fields input')].every((input) => input.labels.length === 1
                && document.getElementById(input.getAttribute('aria-describedby')).textContent.includes('configured'))
            """
        #expect(try browser.evaluate(described) == "true")
        let field = "document.querySelector('#limits-fields [data-key=tachycardia_above]')"
        _ = try browser.evaluate("(\(field).value = '20', \(field).focus())")
        try browser.press("Enter")
        #expect(browser.wait(for: "\(id("limits-problem")).textContent.includes('from 50 to 300')"))
        #expect(try browser.evaluate("document.activeElement === \(field)") == "true", "the wrong field has the focus")
        _ = try browser.evaluate("\(field).value = '135'")
        try browser.press("Enter")
        try browser.show("limits")
        #expect(browser.wait(for: "\(id("limits-review")).checkVisibility()"))
        #expect(try browser.evaluate("document.activeElement.textContent") == "Set these limits?")
        #expect(
            try browser.evaluate("\(id("limits-changes")).textContent") == "Tachycardia above: 135 /min, now 120 /min")
        #expect(!daemon.log.contains("limits set"), "nothing is set before it is confirmed")
        try browser.show("limits-review")
        _ = try browser.evaluate("\(id("limits-confirm")).click()")
        #expect(browser.wait(for: "!\(id("limits")).open && \(id("reply")).textContent.startsWith('Done')"))
        #expect(browser.wait(for: "\(id("limits-by")).textContent.startsWith('Set by Dr Grey [station token]')"))
        #expect(browser.wait(for: "\(id("limits-list")).textContent.includes('135 /min (configured: 120 /min)')"))
        // What does not go together is refused by the daemon, in words.
        _ = try browser.evaluate("\(id("limits-button")).click()")
        _ = try browser.evaluate(
            """
            (document.querySelector('#limits-fields [data-key=bradycardia_below]').value = '149',
                \(id("limits-form")).requestSubmit(), \(id("limits-confirm")).click())
            """)
        #expect(
            browser.wait(for: "\(id("limits-problem")).textContent.startsWith('Not set: The limit of bradycardia must be')"))
        #expect(try browser.evaluate("\(id("limits-form")).checkVisibility()") == "true")
        try browser.resize(width: 390, height: 844, isPhone: true)
        try browser.show("limits-phone")
        #expect(try browser.evaluate("\(id("limits")).scrollWidth <= innerWidth") == "true")
        try browser.press("Escape")
        #expect(browser.wait(for: "!\(id("limits")).open && \(id("bed")).open"))
        _ = try browser.evaluate("(\(id("limits-button")).click(), \(id("limits-configured")).click())")
        #expect(try browser.evaluate("\(id("limits-changes")).textContent").contains("120 /min, now 135 /min"))
        _ = try browser.evaluate("\(id("limits-confirm")).click()")
        #expect(browser.wait(for: "\(id("limits-by")).textContent === 'As configured.'"))
        try browser.show("bed-phone")
        try browser.resize(width: 1400, height: 1000)
        try browser.show("bed")
        #expect(browser.complaints == [])
        withExtendedLifetime(bedside) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func sixtyFourBedsFitAndAPhoneNeedsNoSidewaysScroll() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let bedside = try Bedside(
            daemon, (1...64).map { ("bed-\($0)", [.init(.sinus(rate: 75), seconds: .infinity)]) }, secondsAtOnce: 8)
        let browser = try Chromium(width: 1920, height: 1080)
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(browser.wait(for: "document.querySelectorAll('.tile').length === 64"))
        let names = try browser.evaluate(
            "[...document.querySelectorAll('.tile-name')].slice(0, 11).map((tile) => tile.textContent).join()")
        #expect(names == (1...11).map { "bed-\($0)" }.joined(separator: ","), "beds are in the order of their numbers")
        let frames = try browser.evaluate("station.frames")
        #expect(browser.wait(for: "station.frames > \(frames) + 30"))
        let sideways =
            "Math.max(document.documentElement.scrollWidth, document.getElementById('ward').scrollWidth) <= innerWidth"
        #expect(try browser.evaluate(sideways) == "true")
        // What small tiles say of an attack can be read: dark on violet.
        let chip =
            """
            (() => {
                const chip = document.createElement('span');
                chip.className = 'chip attack';
                document.getElementById('ward').append(chip);
                const style = getComputedStyle(chip);
                const found = `${document.getElementById('ward').dataset.size} ${style.backgroundColor}`;
                chip.remove();
                return found;
            })()
            """
        #expect(try browser.evaluate(chip) == "dense rgb(214, 140, 255)")
        try browser.resize(width: 390, height: 844, isPhone: true)
        #expect(
            browser.wait(
                for: "getComputedStyle(document.getElementById('ward')).gridTemplateColumns.split(' ').length === 1"))
        #expect(try browser.evaluate(sideways) == "true")
        #expect(browser.complaints == [])
        withExtendedLifetime(bedside) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func keyboardAndScreenReaderReachEverything() throws {
        let daemon = try DaemonProcess(hasStation: true)
        let bedside = try Bedside(
            daemon, [("bed-1", [.init(.sinus(rate: 75), seconds: .infinity)]), ("bed-2", Self.tachycardia)],
            secondsAtOnce: 40)
        let browser = try Chromium()
        try browser.open("http://127.0.0.1:\(daemon.stationPort)/")
        #expect(
            browser.wait(
                for:
                    "\(Self.tile("bed-2", "button"))?.ariaLabel?.includes('high priority: ventricular tachycardia')"
            ))
        // Everything that can be pressed or filled in has a name.
        let nameless =
            """
            [...document.querySelectorAll('button, input')].filter((node) =>
                !(node.ariaLabel || node.textContent.trim() || node.labels?.length)).length
            """
        #expect(try browser.evaluate(nameless) == "0")
        try browser.press("ArrowRight")
        #expect(browser.wait(for: "document.activeElement.textContent === 'bed-1'"))
        try browser.press("ArrowRight")
        try browser.press("Enter")
        #expect(
            browser.wait(
                for:
                    "document.getElementById('bed').open && document.getElementById('bed-name').textContent === 'bed-2'"
            ))
        #expect(
            try browser.evaluate("document.getElementById('bed-commands').hidden") == "true", "a viewer may only look")
        try browser.press("Escape")
        #expect(browser.wait(for: "!document.getElementById('bed').open"))
        withExtendedLifetime(bedside) {}
        #expect(daemon.terminate() == 0)
    }
}
