import Glibc

/// Finds a weights file that is given by a relative path.
enum ModelLocation {
    /// Looked for beside the configuration file, in the share folder beside the executable's, in the system's, and, for
    /// whoever tries the daemon out in a checkout, under `Config` of the working directory.
    /// - Returns: the first that exists; where none does, the first place, so that the error names it.
    static func resolve(_ path: String, configurationFile: String?, executable: String?) -> String {
        guard !path.hasPrefix("/") else { return path }
        var places: [String] = []
        if let configurationFile { places.append("\(folder(of: configurationFile))/\(path)") }
        if let executable {
            places.append("\(folder(of: folder(of: executable)))/share/ecgmon/\(path)")
        }
        places += ["/usr/local/share/ecgmon/\(path)", "/usr/share/ecgmon/\(path)", "Config/\(path)"]
        return places.first { access($0, F_OK) == 0 } ?? places[0]
    }

    /// The running program's own file.
    static var executable: String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
        return length > 0 ? String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
