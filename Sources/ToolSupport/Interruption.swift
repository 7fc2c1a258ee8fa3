import Glibc
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM as a flag that loops check, so that every command shuts down in order: sockets are
/// flushed, the demonstration's daemon is stopped, temporary directories are removed.
package enum Interruption {
    /// Number of the signal that came, 0 while none has.
    private static let signalNumber = Atomic<Int32>(0)

    /// Catches SIGINT and SIGTERM from now on, on the calling thread. A second signal after the first ends the process at once.
    package static func install() {
        _ = signalNumber.load(ordering: .relaxed)  // The lazy global is set up here, never in the handler.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in Interruption.note(number) }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))  // No SA_RESTART: waiting calls return with EINTR.
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        // Who started this process may have had them blocked, and a process inherits that.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        // A reader that left (`ecgmon demo | head`) is noticed at the next line written, and ends things as Ctrl-C
        // does.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Ends things as if that signal had come.
    package static func request(_ number: Int32) {
        note(number)
    }

    private static func note(_ number: Int32) {
        signalNumber.store(number, ordering: .relaxed)
    }

    package static var requested: Bool { signalNumber.load(ordering: .relaxed) != 0 }

    /// The exit code a shell expects of a process that a signal ended: 130 after Ctrl-C.
    package static var exitCode: Int32 { 128 + signalNumber.load(ordering: .relaxed) }
}
