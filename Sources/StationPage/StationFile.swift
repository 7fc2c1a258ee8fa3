/// A file of the central station's page, embedded in the program: it works from wherever the program was installed to,
/// in any sandbox, and fits the daemon that serves it.
public struct StationFile: Sendable {
    /// Its media type.
    public let type: String
    public let bytes: [UInt8]

    /// - Parameter path: as a browser asks for it, such as `/app.js`.
    /// - Returns: nil where there is none.
    public static func named(_ path: String) -> StationFile? { files[path] }

    private static let script = "text/javascript; charset=utf-8"

    private static let files: [String: StationFile] = [
        "/index.html": StationFile(type: "text/html; charset=utf-8", bytes: PackageResources.index_html),
        "/station.css": StationFile(type: "text/css; charset=utf-8", bytes: PackageResources.station_css),
        "/icon.svg": StationFile(type: "image/svg+xml", bytes: PackageResources.icon_svg),
        "/alarms.js": StationFile(type: script, bytes: PackageResources.alarms_js),
        "/app.js": StationFile(type: script, bytes: PackageResources.app_js),
        "/beds.js": StationFile(type: script, bytes: PackageResources.beds_js),
        "/charts.js": StationFile(type: script, bytes: PackageResources.charts_js),
        "/connection.js": StationFile(type: script, bytes: PackageResources.connection_js),
        "/detail.js": StationFile(type: script, bytes: PackageResources.detail_js),
        "/limits.js": StationFile(type: script, bytes: PackageResources.limits_js),
        "/strip.js": StationFile(type: script, bytes: PackageResources.strip_js),
        "/tile.js": StationFile(type: script, bytes: PackageResources.tile_js),
        "/tones.js": StationFile(type: script, bytes: PackageResources.tones_js),
    ]
}
