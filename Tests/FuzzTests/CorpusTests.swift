import Foundation
import Testing

@Suite(.serialized) struct CorpusTests {
    /// Whatever broke something once is in the corpus, and each of its files passes through in every test run.
    @Test(arguments: FuzzTarget.allCases)
    func corpusInputsDoNotTrap(_ target: FuzzTarget) throws {
        #expect(!target.corpus.isEmpty)
        for file in target.corpus { target.take(Array(try Data(contentsOf: file))) }
    }

    /// Two hundred changes of each input: a fuzzer without a guide, but in every test run.
    @Test(arguments: FuzzTarget.allCases)
    func mutatedCorpusInputsDoNotTrap(_ target: FuzzTarget) throws {
        var generator = Mutation(state: 20)
        for file in target.corpus where try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0 < 20_000 {
            let input = Array(try Data(contentsOf: file))
            for _ in 0..<200 { target.take(generator.changed(input)) }
        }
    }

    #if FUZZING
        /// Runs libFuzzer on the target that `ECGMON_FUZZ` names, with the arguments in `ECGMON_FUZZ_ARGUMENTS`; it
        /// ends the process. See `make fuzz`.
        @Test func fuzz() throws {
            let environment = ProcessInfo.processInfo.environment
            let target = try #require(environment["ECGMON_FUZZ"].flatMap(FuzzTarget.init))
            libFuzzer(
                target, arguments: (environment["ECGMON_FUZZ_ARGUMENTS"] ?? "").split(separator: " ").map(String.init))
        }
    #endif
}

/// Seeded changes of bytes (SplitMix64), so that a failure comes back.
private struct Mutation {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) >> 33) % max(1, bound)
    }

    mutating func changed(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0...next(4) {
            guard !bytes.isEmpty else { return bytes }
            let place = next(bytes.count)
            switch next(5) {
            case 0: bytes[place] = UInt8(next(256))
            case 1: bytes[place] ^= 1 << UInt8(next(8))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + next(16)))
            case 3:
                bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + next(16))], at: next(bytes.count))
            default:
                bytes.replaceSubrange(
                    place..<min(bytes.count, place + 8), with: [255, 255, 255, 255, 255, 255, 255, 127])
            }
        }
        return bytes
    }
}
