import Foundation
import Glibc
import TestSupport
import Testing

/// The pictures of the central station in the docs. Made only where a folder for them is named:
/// ECGMON_SCREENSHOTS=Docs/images.
@Suite(
    .enabled(
        if: Chromium.program != nil && ProcessInfo.processInfo.environment["ECGMON_SCREENSHOTS"] != nil,
        "ECGMON_SCREENSHOTS names no folder for pictures, or there is no Chromium"))
struct StationPictureTests {
    /// The ward of `ecgmon demo --serve` while bed 3 has its tachycardia: at most 90 s apart.
    @Test func picturesOfTheDocs() throws {
        let demo = Process()
        let output = Pipe()
        demo.executableURL = URL(filePath: Checkout.program("ecgmon"))
        demo.arguments = ["demo", "--serve", "--station-port", "0"]
        demo.standardOutput = output
        try demo.run()
        defer {
            kill(demo.processIdentifier, SIGINT)
            demo.waitUntilExit()
        }
        var text = ""
        while !text.contains("#token=") || text.last != "\n" {
            let part = output.fileHandleForReading.availableData
            try #require(!part.isEmpty, "the demo serves its ward")
            text += String(decoding: part, as: UTF8.self)
        }
        let address = try #require(text.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{32}/)?.0)
        let browser = try Chromium()
        try browser.open(String(address))
        func waitForAlarm(_ name: String, ofBed bed: String) {
            let tile = "document.querySelector('[data-bed=\"\(bed)\"]')?.textContent ?? ''"
            for _ in 0..<4 where !browser.wait(for: "(\(tile)).includes('\(name)')") {}
        }
        /// Alarms are lit, not in the dark half of their flashing.
        func take(_ name: String) throws {
            _ = try browser.evaluate(
                "document.getAnimations().forEach((flash) => { flash.pause(); flash.currentTime = 0; })")
            try browser.show(name)
            _ = try browser.evaluate("document.getAnimations().forEach((flash) => flash.play())")
        }
        waitForAlarm("Asystole", ofBed: "bed-4")
        waitForAlarm("Ventricular tachycardia", ofBed: "bed-3")
        usleep(2_000_000)
        try take("station")
        try browser.see(with: "deuteranopia")
        try take("station-deuteranopia")
        try browser.see(with: "none")
        try browser.resize(width: 390, height: 844, isPhone: true)
        _ = try browser.evaluate("document.querySelector('[data-bed=\"bed-3\"]').scrollIntoView()")
        usleep(500_000)
        try take("station-phone")
        try browser.resize(width: 1600, height: 1040)
        // The next tachycardia.
        usleep(30_000_000)
        waitForAlarm("Ventricular tachycardia", ofBed: "bed-3")
        _ = try browser.evaluate("document.querySelector('[data-bed=\"bed-3\"] button').click()")
        usleep(4_000_000)
        try take("station-bed")
        #expect(browser.complaints == [])
    }
}
