#if FUZZING
    import Foundation

    /// libFuzzer's own entry, in the archive that comes with the compiler.
    @_silgen_name("LLVMFuzzerRunDriver")
    private func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ input: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

    nonisolated(unsafe) private var fuzzed = FuzzTarget.wire

    /// Does not come back: libFuzzer ends the process.
    func libFuzzer(_ target: FuzzTarget, arguments: [String]) {
        fuzzed = target
        var count = Int32(arguments.count + 1)
        let strings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 2)
        for (place, text) in (["fuzz"] + arguments).enumerated() { strings[place] = strdup(text) }
        strings[arguments.count + 1] = nil
        var list = strings
        _ = runDriver(&count, &list) { bytes, count in
            fuzzed.take(Array(UnsafeBufferPointer(start: bytes, count: count)))
            return 0
        }
    }
#endif
