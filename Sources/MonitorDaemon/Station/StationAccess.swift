import ECGSecurity
import NIOHTTP1

/// Who may look at the station, and who may command.
struct StationAccess: Sendable {
    let security: ReloadableSecurity
    /// Names beside addresses by which browsers may call it.
    let hostNames: Set<String>

    struct Rights: Equatable, Sendable {
        var mayView: Bool
        var mayCommand: Bool
    }

    /// - Parameter token: what the viewer has shown; empty: none.
    func rights(of token: String) -> Rights {
        let state = security.current
        let mayCommand = state.stationCommandToken?.isEqual(to: token) ?? false
        let mayView = mayCommand || (state.stationViewToken?.isEqual(to: token) ?? true)
        return Rights(mayView: mayView, mayCommand: mayCommand)
    }

    /// Whether a request was made for this station by a page of its own: the host is an address, `localhost` or a name
    /// of the configuration (a page elsewhere can have its own name point here), and the origin is that host.
    func isOwn(_ headers: HTTPHeaders) -> Bool {
        let (hosts, origins) = (headers["host"], headers["origin"])
        guard hosts.count == 1, origins.count == 1, isKnown(host: hosts[0]) else { return false }
        return ["http://", "https://"].contains { origins[0].lowercased() == $0 + hosts[0].lowercased() }
    }

    /// - Parameter host: as in the header, with a port or not.
    func isKnown(host: String) -> Bool {
        guard host.utf8.count <= 255 else { return false }
        var name = Substring(host.lowercased())
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
            guard name[name.index(after: colon)...].allSatisfy(\.isNumber) else { return false }
            name = name[..<colon]
        }
        return name == "localhost" || hostNames.contains(String(name)) || IPAddress(String(name)) != nil
    }
}
