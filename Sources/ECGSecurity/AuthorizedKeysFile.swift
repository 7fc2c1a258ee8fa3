import TOMLKit
import ZeroMQ

/// The table of authorized keys as a file: TOML with one `[[key]]` per key.
public enum AuthorizedKeysFile {
    /// Limits the cost of reading a table.
    public static let mostKeys = 10_000
    static let mostPatterns = 256

    /// Reads the table of authorized keys from a file.
    public static func read(path: String) throws(SecretFileError) -> Permissions {
        try parse(try ProtectedFile.read(path: path, .unchangeable), path: path)
    }

    /// - Throws: the first mistake, with its line number.
    public static func parse(_ text: String, path: String) throws(SecretFileError) -> Permissions {
        if let pitfall = TOMLPitfalls.first(in: text) { throw mistake(path, pitfall.line, pitfall.words) }
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw mistake(path, error.source.begin.line, error.description)
        } catch {
            throw mistake(path, 0, "\(error)")
        }
        if let other = root.keys.first(where: { $0 != "key" }) {
            throw mistake(path, 0, "unknown table \(printable(other)): there is only [[key]]")
        }
        guard let value = root["key"] else { return Permissions() }
        guard let tables = value.array, tables.count <= mostKeys else {
            throw mistake(path, 0, "[[key]] must be a list of at most \(mostKeys) tables")
        }
        let lines = headerLines(text)
        var keys: [AuthorizedKey] = []
        var names: Set<String> = []
        var publicKeys: Set<CurvePublicKey> = []
        for (index, element) in tables.enumerated() {
            let line = index < lines.count ? lines[index] + 1 : 0
            guard let table = element.table else { throw mistake(path, line, "[[key]] must be a table") }
            do throws(Problem) {
                let key = try entry(table)
                guard names.insert(key.name).inserted else { throw Problem(words: "name is used twice: \(key.name)") }
                guard publicKeys.insert(key.key).inserted else { throw Problem(words: "public is there twice") }
                keys.append(key)
            } catch {
                throw mistake(path, line, error.words)
            }
        }
        return Permissions(keys)
    }

    private struct Problem: Error { var words: String }

    private static func entry(_ table: TOMLTable) throws(Problem) -> AuthorizedKey {
        let known: Set<String> = ["name", "public", "push", "read", "acknowledge", "history", "expires"]
        if let other = table.keys.first(where: { !known.contains($0) }) {
            throw Problem(words: "unknown key \(printable(other)); there are \(known.sorted().joined(separator: ", "))")
        }
        guard let name = table["name"]?.string, AuthorizedKey.isValid(name: name) else {
            throw Problem(words: "name must hold 1 to 32 letters, digits, spaces, or - _ . @")
        }
        guard let key = table["public"]?.string.flatMap(CurvePublicKey.init(z85:)) else {
            throw Problem(words: "public must be a key of 40 characters, as `ecgmon keys show` prints it")
        }
        var entry = AuthorizedKey(name: name, key: key)
        entry.push = try patterns(table, "push", StreamPattern.init, "streams such as \"bed-1\", \"icu-*\"")
        entry.acknowledge = try patterns(
            table, "acknowledge", StreamPattern.init, "streams such as \"bed-1\", \"icu-*\"")
        entry.read = try patterns(
            table, "read", TopicPattern.init,
            "beginnings of topics such as \"alert.icu-*\", \"beat.*\", \"*\", or \"health\"; a whole topic would give "
                + "every longer one, too (bed-1 and bed-10), so write the * that says so")
        if let value = table["history"] {
            guard let flag = value.bool else { throw Problem(words: "history must be true or false") }
            entry.history = flag
        }
        if let value = table["expires"] {
            guard let seconds = value.string.flatMap(KeyExpiry.seconds) else {
                throw Problem(words: "expires must be \"YYYY-MM-DD\" or \"YYYY-MM-DDThh:mm:ssZ\", UTC, in quotes")
            }
            entry.expires = seconds
        }
        return entry
    }

    private static func patterns<Pattern>(
        _ table: TOMLTable, _ name: String, _ make: (String) -> Pattern?, _ words: String
    ) throws(Problem) -> [Pattern] {
        guard let value = table[name] else { return [] }
        guard let array = value.array, array.count <= mostPatterns else {
            throw Problem(words: "\(name) must be a list of at most \(mostPatterns) \(words)")
        }
        var patterns: [Pattern] = []
        for element in array {
            guard let pattern = element.string.flatMap(make) else {
                throw Problem(words: "\(name) must hold \(words)")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    private static func mistake(_ path: String, _ line: Int, _ words: String) -> SecretFileError {
        SecretFileError(path: path, reason: words, nextStep: "correct the file", line: line)
    }

    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.prefix(40).map { (" "..."~").contains($0) ? Character($0) : "?" })
    }

    /// The line numbers, from 0, at which a `[[key]]` starts.
    private static func headerLines(_ text: String) -> [Int] {
        lines(text).enumerated().compactMap { isHeader($1) ? $0 : nil }
    }

    private static func lines(_ text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    private static func isHeader(_ line: Substring) -> Bool {
        let bare = line.drop { $0 == " " || $0 == "\t" }
        guard bare.hasPrefix("[[") else { return false }
        return bare.dropFirst(2).drop { $0 == " " }.hasPrefix("key")
    }

    // MARK: Editing

    /// The text with one more key at its end.
    public static func adding(_ key: AuthorizedKey, to text: String) -> String {
        var block = text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
        if !block.isEmpty { block += "\n" }
        func list(_ patterns: [some CustomStringConvertible]) -> String {
            "[" + patterns.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        }
        block += "[[key]]\nname = \"\(key.name)\"\npublic = \"\(key.key.z85)\"\n"
        if !key.push.isEmpty { block += "push = \(list(key.push))\n" }
        if !key.read.isEmpty { block += "read = \(list(key.read))\n" }
        if !key.acknowledge.isEmpty { block += "acknowledge = \(list(key.acknowledge))\n" }
        if key.history { block += "history = true\n" }
        if let expires = key.expires { block += "expires = \"\(KeyExpiry.text(expires))\"\n" }
        return block
    }

    /// The text without one key: removes all lines from its `[[key]]` up to the next, including anything else written
    /// there.
    /// - Returns: nil if no key has this name.
    public static func removing(name: String, from text: String, path: String) throws(SecretFileError) -> String? {
        let permissions = try parse(text, path: path)
        guard let place = permissions.keys.firstIndex(where: { $0.name == name }) else { return nil }
        var lines = lines(text)
        let headers = headerLines(text)
        guard headers.count == permissions.keys.count else {
            throw mistake(path, 0, "its keys are not written as [[key]] tables")
        }
        let end = place + 1 < headers.count ? headers[place + 1] : lines.count
        lines.removeSubrange(headers[place]..<end)
        let result = lines.joined(separator: "\n")
        // Verify the result: all other keys must still be there, unchanged.
        var others = permissions.keys
        others.remove(at: place)
        guard try parse(result, path: path) == Permissions(others) else {
            throw mistake(path, 0, "it cannot be changed safely; remove \(name) by hand")
        }
        return result
    }
}

/// Timestamps as written in the file, in UTC.
public enum KeyExpiry {
    /// - Returns: seconds since 1970; nil if the text is not a valid timestamp.
    public static func seconds(_ text: String) -> Int64? {
        guard let match = text.wholeMatch(of: /(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)Z)?/.asciiOnlyDigits()),
            let year = Int64(match.1), let month = Int64(match.2), let day = Int64(match.3)
        else { return nil }
        let hour = match.4.flatMap { Int64($0) } ?? 0
        let minute = match.5.flatMap { Int64($0) } ?? 0
        let second = match.6.flatMap { Int64($0) } ?? 0
        guard hour < 24, minute < 60, second < 60 else { return nil }
        let result = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
        // 31 April does not exist: it would read back as another day.
        return (1...12).contains(month) && self.text(result).hasPrefix(text.prefix(10)) ? result : nil
    }

    /// The timestamp as text, from seconds since 1970.
    public static func text(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - day * 86_400
        let (year, month, date) = civil(day)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let years = String(repeating: "0", count: max(0, 4 - "\(year)".count)) + "\(year)"
        return "\(years)-\(two(month))-\(two(date))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
    }

    /// Days since 1970 in the Gregorian calendar. Years are counted from March, so that the leap day comes last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let m = (month + 9) % 12
        return 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719_468
    }

    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        var year = (days + 719_468) * 400 / 146_097 + 1
        while self.days(year, 3, 1) > days { year -= 1 }
        let ofYear = days - self.days(year, 3, 1)
        let m = (5 * ofYear + 2) / 153
        let month = m < 10 ? m + 3 : m - 9
        return (month <= 2 ? year + 1 : year, month, ofYear - (m * 306 + 5) / 10 + 1)
    }
}
