import AMQP
import ECGMonitor
import Logging
import MonitorWire
import TOMLKit

/// When a changed value takes effect.
enum ReloadRule: Sendable {
    /// With SIGHUP, at once.
    case atOnce
    /// With SIGHUP, for streams that begin after it.
    case newStreams
    /// When the daemon is started again.
    case restart
}

/// One key of the configuration file: its name, the values that it may have, and the property that it sets.
struct ConfigurationKey: Sendable {
    typealias Path<Value> = WritableKeyPath<DaemonConfiguration, Value> & Sendable

    let table: String
    let name: String
    let reload: ReloadRule
    /// Puts the value into the configuration.
    let assign: @Sendable (any TOMLValueConvertible, inout DaemonConfiguration) throws(ValueProblem) -> Void
    /// Copies the value of one configuration into another.
    let copy: @Sendable (DaemonConfiguration, inout DaemonConfiguration) -> Void
    /// The value as TOML, to find the keys that differ between two configurations.
    let text: @Sendable (DaemonConfiguration) -> String

    var fullName: String { "\(table).\(name)" }

    /// What is wrong with a value, in words that follow the key's name.
    struct ValueProblem: Error { var words: String }

    private static func key<Value>(
        _ table: String, _ name: String, _ path: any Path<Value>, _ reload: ReloadRule,
        text: @escaping @Sendable (Value) -> String = { "\($0)" },
        read: @escaping @Sendable (any TOMLValueConvertible) throws(ValueProblem) -> Value
    ) -> ConfigurationKey {
        ConfigurationKey(
            table: table, name: name, reload: reload,
            assign: { (value, configuration) throws(ValueProblem) in configuration[keyPath: path] = try read(value) },
            copy: { $1[keyPath: path] = $0[keyPath: path] }, text: { text($0[keyPath: path]) })
    }

    static func integer(
        _ table: String, _ name: String, _ path: any Path<Int>, _ range: ClosedRange<Int>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload) { (value) throws(ValueProblem) in
            guard let number = value.int, range.contains(number) else {
                throw ValueProblem(words: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    static func number(
        _ table: String, _ name: String, _ path: any Path<Double>, _ range: ClosedRange<Double>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload) { (value) throws(ValueProblem) in try number(value, range) }
    }

    static func float(
        _ table: String, _ name: String, _ path: any Path<Float>, _ range: ClosedRange<Double>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload) { (value) throws(ValueProblem) in Float(try number(value, range)) }
    }

    private static func number(
        _ value: any TOMLValueConvertible, _ range: ClosedRange<Double>
    ) throws(ValueProblem) -> Double {
        guard let number = value.double ?? value.int.map(Double.init), range.contains(number) else {
            // Limits are checked together, with their own ranges.
            let isOpen = range.lowerBound <= -1e6
            throw ValueProblem(
                words: isOpen ? "must be a number" : "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    static func boolean(
        _ table: String, _ name: String, _ path: any Path<Bool>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload) { (value) throws(ValueProblem) in
            guard let flag = value.bool else { throw ValueProblem(words: "must be true or false") }
            return flag
        }
    }

    static func string(
        _ table: String, _ name: String, _ path: any Path<String>, _ reload: ReloadRule,
        check: @escaping @Sendable (String) -> String? = { $0.isEmpty ? "must not be empty" : nil }
    ) -> ConfigurationKey {
        key(table, name, path, reload, text: { "\"\($0)\"" }) { (value) throws(ValueProblem) in
            guard let text = value.string else { throw ValueProblem(words: "must be a text in quotes") }
            if let words = check(text) { throw ValueProblem(words: words) }
            return text
        }
    }

    static func endpoints(
        _ table: String, name: String = "endpoints", _ path: any Path<[String]>, mayBeEmpty: Bool = false
    ) -> ConfigurationKey {
        key(table, name, path, .restart, text: { list($0) }) { (value) throws(ValueProblem) in
            guard let array = value.array, mayBeEmpty || !array.isEmpty else {
                throw ValueProblem(words: "must be a list of endpoints, such as [\"tcp://127.0.0.1:5570\"]")
            }
            var endpoints: [String] = []
            for element in array {
                guard let text = element.string else {
                    throw ValueProblem(words: "must hold endpoints as texts in quotes")
                }
                if let words = Endpoint.problem(with: text) { throw ValueProblem(words: words) }
                endpoints.append(text)
            }
            return endpoints
        }
    }

    /// Addresses of brokers. Beyond this machine they need TLS: the password goes over the wire.
    static func brokers(_ table: String, _ name: String, _ path: any Path<[String]>) -> ConfigurationKey {
        key(table, name, path, .restart, text: { list($0) }) { (value) throws(ValueProblem) in
            guard let array = value.array, !array.isEmpty else {
                throw ValueProblem(words: "must be a list of brokers, such as [\"amqps://broker-1.example:5671\"]")
            }
            var brokers: [String] = []
            for element in array {
                guard let text = element.string, let address = AMQPAddress(text) else {
                    throw ValueProblem(words: "must hold brokers of the form \"amqps://HOST:PORT\"")
                }
                let isHere = address.host == "localhost" || IPAddress(address.host)?.isLoopback == true
                guard address.isEncrypted || isHere else {
                    throw ValueProblem(
                        words:
                            "holds \"\(LogFields.oneLine(text))\", which sends the password in the clear: use amqps://")
                }
                brokers.append(text)
            }
            return brokers
        }
    }

    /// Names of hosts as browsers ask for them, without a port.
    static func hostNames(
        _ table: String, _ name: String, _ path: any Path<[String]>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload, text: { list($0) }) { (value) throws(ValueProblem) in
            let problem = ValueProblem(words: "must be a list of host names, such as [\"station.ward.example\"]")
            guard let array = value.array else { throw problem }
            var names: [String] = []
            for element in array {
                guard let name = element.string, (1...253).contains(name.utf8.count),
                    name.utf8.allSatisfy({
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.".utf8.contains($0)
                    })
                else { throw problem }
                names.append(name)
            }
            return names
        }
    }

    /// A set of values by their contract names, written in snake case.
    static func names<Value: CaseIterable & Hashable & Sendable & ContractNamed>(
        _ table: String, _ name: String, _ path: any Path<Set<Value>>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        let word: @Sendable (Value) -> String = { ConfigurationSchema.snakeCase($0.contractName) }
        return key(table, name, path, reload, text: { list($0.map(word).sorted()) }) { (value) throws(ValueProblem) in
            let all = Dictionary(uniqueKeysWithValues: Value.allCases.map { (word($0), $0) })
            let choices = all.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
            var set: Set<Value> = []
            guard let array = value.array else { throw ValueProblem(words: "must be a list out of \(choices)") }
            for element in array {
                guard let word = element.string, let found = all[word] else {
                    throw ValueProblem(words: "must be a list out of \(choices)")
                }
                set.insert(found)
            }
            return set
        }
    }

    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ table: String, _ name: String, _ path: any Path<Value>, _ reload: ReloadRule
    ) -> ConfigurationKey {
        key(table, name, path, reload, text: { "\"\($0.rawValue)\"" }) { (value) throws(ValueProblem) in
            guard let choice = value.string.flatMap(Value.init(rawValue:)) else {
                let choices = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw ValueProblem(words: "must be one of \(choices)")
            }
            return choice
        }
    }

    private static func list(_ words: [String]) -> String {
        "[\(words.map { "\"\($0)\"" }.joined(separator: ", "))]"
    }
}
