import FoundationEssentials
import Glibc
import Synchronization

/// A named operating-system thread for a blocking loop.
///
/// Loops that block in C (polling sockets, waiting on a condition) must not run on Swift's cooperative pool, which has
/// only as many threads as the machine has cores. The thread blocks all signals, so that they are delivered to the
/// threads that handle them. It must have been waited for (`contextual()`) before it is released.
final class OSThread: Sendable {
    private struct State {
        var handle: pthread_t
        var joined = false
    }

    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    let name: String
    private let state: Mutex<State>

    /// Starts the thread.
    /// - Parameters:
    ///   - name: shown by `ps -T` and debuggers; the kernel keeps 15 bytes of it.
    ///   - run: what it does; the thread ends when this returns.
    /// - Throws: `SystemCallError` when the system has no room for another thread.
    init(name: String, run: @escaping @Sendable () -> Void) throws(SystemCallError) {
        self.name = name
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                OSThread.blockAllSignals()
                OSThread.nameCurrentThread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw SystemCallError(call: "pthread_create", code: code)
        }
        state = Mutex(State(handle: handle))
    }

    deinit {
        let joined = state.withLock { $0.joined }
        precondition(joined, "thread \(name) was released without having been joined")
    }

    /// Blocks until the thread's body has returned. Further calls return at once.
    func join() {
        let handle: pthread_t? = state.withLock { state in
            guard !state.joined else { return nil }
            state.joined = true
            return state.handle
        }
        if let handle { pthread_join(handle, nil) }
    }

    private static func blockAllSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
    }

    /// Uses the kernel's own file, since Swift's view of the C library does not include `pthread_setname_np`. A name
    /// that cannot be set is no reason to fail.
    private static func nameCurrentThread(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }
}

/// A system call that failed: which one and with which `errno`.
struct SystemCallError: Error, Equatable, CustomStringConvertible {
    var call: String
    var code: Int32

    init(call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    var description: String { "\(call): \(String(cString: strerror(code)))" }
}
