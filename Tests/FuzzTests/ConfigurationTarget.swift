import ECGMonitor

@testable import MonitorDaemon

/// The input is the file.
enum ConfigurationTarget {
    static func take(_ bytes: [UInt8]) {
        let path = Scratch.write("ecgmond.toml", bytes)
        do throws(ConfigurationFile.Failure) {
            let configuration = try ConfigurationFile.read(path: path, resolver: .numbersOnly)
            // What passes must be fit to be used.
            for stream in ["bed-1", "icu-3", ""] {
                _ = PatientMonitor(configuration: configuration.limits(of: stream))
            }
        } catch {
            precondition(!"\(error)".isEmpty, "a mistake is told in words")
        }
    }
}
