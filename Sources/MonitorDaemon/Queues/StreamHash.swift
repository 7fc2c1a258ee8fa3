/// Which worker owns a stream: FNV-1a over the name's bytes, the same in every run and on every machine, unlike Swift's
/// own seeded hashes.
enum StreamHash {
    /// A share of 1, above 0, spread evenly over the names: streams that begin together do the same thing at different times.
    static func share(of stream: String) -> Double { Double(worker(of: stream, among: 1_000) + 1) / 1_000 }

    static func worker(of stream: String, among count: Int) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in stream.utf8 {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01b3
        }
        return Int(hash % UInt64(count))
    }
}
