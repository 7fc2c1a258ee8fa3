/// One thing that was looked at, and what to do about it.
package struct Finding: Sendable, Equatable {
    package enum Verdict: String, Sendable, Comparable {
        case ok, warning, problem

        package static func < (a: Verdict, b: Verdict) -> Bool { a.order < b.order }
        private var order: Int { self == .ok ? 0 : self == .warning ? 1 : 2 }
    }

    package var verdict: Verdict
    /// What was looked at: "configuration", "keys", "model", "endpoints", "journal", "disk", "clock", "limits".
    package var subject: String
    /// What was found, one line.
    package var text: String
    /// What to do; empty: nothing.
    package var nextStep: String

    static func ok(_ subject: String, _ text: String) -> Finding {
        Finding(verdict: .ok, subject: subject, text: text, nextStep: "")
    }

    static func warning(_ subject: String, _ text: String, next: String) -> Finding {
        Finding(verdict: .warning, subject: subject, text: text, nextStep: next)
    }

    static func problem(_ subject: String, _ text: String, next: String) -> Finding {
        Finding(verdict: .problem, subject: subject, text: text, nextStep: next)
    }
}
