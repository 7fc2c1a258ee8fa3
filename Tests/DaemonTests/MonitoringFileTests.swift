import Foundation
import TestSupport
import Testing
import ToolSupport

@testable import MonitorDaemon

/// The rules for Prometheus and the dashboard for Grafana ask for what the daemon tells.
struct MonitoringFileTests {
    private static let folder = "\(Checkout.root)Config/monitoring"
    private static let promtool = ["/usr/bin/promtool"].first { (path: String) in access(path, X_OK) == 0 }

    @Test func everyMetricThatIsAskedForExists() throws {
        let page = MetricsPage.render(
            DaemonMetrics(), version: "", modelName: "", modelSHA256: "", queues: [],
            station: StationFeed(maximumBeds: 1))
        let known = Set(page.matches(of: #/# TYPE (\w+) /#).map { String($0.1) })
        for file in ["ecgmon.rules.yml", "grafana-dashboard.json"] {
            let text = try String(contentsOfFile: "\(Self.folder)/\(file)", encoding: .utf8)
            let asked = Set(text.matches(of: /(?:ecgmon|process)_[a-z_]+/).map { String($0.0) })
            #expect(!asked.isEmpty)
            for name in asked {
                let family = name.hasSuffix("_bucket") ? String(name.dropLast("_bucket".count)) : name
                #expect(known.contains(family), "\(file) asks for \(name)")
            }
        }
    }

    @Test func theDashboardIsJSONWithAQueryInEveryPanel() throws {
        let data = try Data(contentsOf: URL(filePath: "\(Self.folder)/grafana-dashboard.json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(root["panels"] as? [[String: Any]])
        #expect(panels.count > 10)
        for panel in panels {
            #expect((panel["targets"] as? [[String: Any]])?.allSatisfy { $0["expr"] is String } == true)
        }
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
    }

    @Test(.enabled(if: promtool != nil, "promtool is not installed")) func prometheusTakesTheRules() throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.promtool))
        process.arguments = ["check", "rules", "\(Self.folder)/ecgmon.rules.yml"]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
