import Foundation
import Glibc
import Synchronization

/// A headless Chromium, driven by the DevTools protocol over pipes: what a page really shows.
final class Chromium {
    struct Failure: Error, CustomStringConvertible { var description: String }

    static let program: String? = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
        (path: String) in
        access(path, X_OK) == 0
    }

    private let process: pid_t
    private let toBrowser: Int32
    private let fromBrowser: Int32
    private let folder: String
    private var waiting: [UInt8] = []
    private var number = 0
    private var session: String?
    /// It has ended, or says nothing any more.
    private var isBroken = false
    /// What scripts and policies have complained about.
    private(set) var complaints: [String] = []

    init(width: Int = 1600, height: Int = 900) throws {
        guard let program = Self.program else { throw Failure(description: "there is no Chromium") }
        var (toPair, fromPair): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&toPair) == 0, pipe(&fromPair) == 0 else { throw Failure(description: "no pipe") }
        for descriptor in toPair + fromPair { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        (toBrowser, fromBrowser) = (toPair[1], fromPair[0])
        folder = FileManager.default.temporaryDirectory.appending(path: "chromium-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Above what is given to the browser, so that giving the one does not close the other.
        let (reading, writing) = (fcntl(toPair[0], F_DUPFD_CLOEXEC, 20), fcntl(fromPair[1], F_DUPFD_CLOEXEC, 20))
        close(toPair[0])
        close(fromPair[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, reading, 3)
        posix_spawn_file_actions_adddup2(&actions, writing, 4)
        let arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--hide-scrollbars", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
            "--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir=\(folder)", "about:blank",
        ]
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var id: pid_t = 0
        let code = posix_spawn(&id, program, &actions, nil, &vector, environ)
        posix_spawn_file_actions_destroy(&actions)
        for pointer in vector { free(pointer) }
        close(reading)
        close(writing)
        process = id
        guard code == 0 else { throw Failure(description: "Chromium does not start: \(code)") }
        let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] as? String ?? ""
        session = try call("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"] as? String
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] { _ = try call(domain) }
        try resize(width: width, height: height)
    }

    deinit {
        if process > 0 {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(toBrowser)
        close(fromBrowser)
        // Its children go on for a moment.
        for _ in 0..<50 {
            do {
                try FileManager.default.removeItem(atPath: folder)
                break
            } catch { usleep(20_000) }
        }
    }

    // MARK: The page

    func open(_ address: String) throws { _ = try call("Page.navigate", ["url": address]) }

    func resize(width: Int, height: Int, isPhone: Bool = false) throws {
        _ = try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": isPhone ? 2 : 1, "mobile": isPhone])
    }

    /// "deuteranopia", "protanopia", "tritanopia", "achromatopsia" or "none".
    func see(with deficiency: String) throws {
        _ = try call("Emulation.setEmulatedVisionDeficiency", ["type": deficiency])
    }

    /// The value of an expression, as text.
    func evaluate(_ expression: String) throws -> String {
        let answer = try call(
            "Runtime.evaluate",
            ["expression": "String(\(expression))", "returnByValue": true, "awaitPromise": true, "userGesture": true])
        if let problem = answer["exceptionDetails"] { throw Failure(description: "\(expression): \(problem)") }
        return (answer["result"] as? [String: Any])?["value"] as? String ?? ""
    }

    /// Waits until an expression is true, half a minute at most; less where the browser has ended or hangs.
    func wait(for expression: String) -> Bool {
        for _ in 0..<600 where !isBroken {
            if (try? evaluate(expression)) == "true" { return true }
            usleep(50_000)
        }
        return false
    }

    /// Presses a key: "Enter", "Escape", "ArrowRight".
    func press(_ key: String) throws {
        let code = ["Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40][key]
        var parameters: [String: Any] = ["key": key, "code": key, "windowsVirtualKeyCode": code ?? 0]
        if key == "Enter" { parameters["text"] = "\r" }
        for type in ["keyDown", "keyUp"] {
            parameters["type"] = type
            _ = try call("Input.dispatchKeyEvent", parameters)
        }
    }

    /// The page as PNG.
    func screenshot() throws -> Data {
        let text = try call("Page.captureScreenshot", ["format": "png"])["data"] as? String ?? ""
        return Data(base64Encoded: text) ?? Data()
    }

    /// Leaves a screenshot in the folder that ECGMON_SCREENSHOTS names, if it names one: for people to look at.
    func show(_ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["ECGMON_SCREENSHOTS"] else { return }
        try screenshot().write(to: URL(filePath: "\(folder)/\(name).png"))
    }

    // MARK: The protocol

    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        number += 1
        var message: [String: Any] = ["id": number, "method": method, "params": parameters]
        if let session { message["sessionId"] = session }
        let bytes = Array(try JSONSerialization.data(withJSONObject: message)) + [0]
        guard write(toBrowser, bytes, bytes.count) == bytes.count else {
            throw Failure(description: "Chromium has ended")
        }
        while true {
            let answer = try next()
            guard answer["id"] as? Int == number else {
                note(answer)
                continue
            }
            if let problem = answer["error"] { throw Failure(description: "\(method): \(problem)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func note(_ event: [String: Any]) {
        guard ["Runtime.exceptionThrown", "Log.entryAdded"].contains(event["method"] as? String) else { return }
        let parameters = event["params"] as? [String: Any]
        let entry = parameters?["entry"] as? [String: Any]
        guard entry == nil || entry?["level"] as? String == "error" else { return }
        complaints.append("\(entry?["text"] ?? parameters?["exceptionDetails"] ?? "")")
    }

    private func next() throws -> [String: Any] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let end = waiting.firstIndex(of: 0) {
                let bytes = Data(waiting[..<end])
                waiting.removeSubrange(...end)
                return try JSONSerialization.jsonObject(with: bytes) as? [String: Any] ?? [:]
            }
            var item = pollfd(fd: fromBrowser, events: Int16(POLLIN), revents: 0)
            isBroken = poll(&item, 1, 60_000) <= 0
            if isBroken { throw Failure(description: "Chromium says nothing") }
            let count = read(fromBrowser, &buffer, buffer.count)
            isBroken = count <= 0
            if isBroken { throw Failure(description: "Chromium has ended") }
            waiting += buffer.prefix(count)
        }
    }
}
