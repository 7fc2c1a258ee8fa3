/// Every beat window classifier known to this build, by architecture identifier.
public enum BeatNetworks {
    public static var identifiers: [String] {
        DiscriminatorArchitecture.known.map(\.identifier) + SequentialNetwork.Architecture.known.map(\.identifier)
    }

    /// A new network, initialized from `seed`; `nil` if no architecture has this identifier.
    public static func make(identifier: String, seed: UInt64) -> (any BeatNetwork)? {
        if let architecture = DiscriminatorArchitecture.named(identifier) {
            return Discriminator(architecture, seed: seed)
        }
        return SequentialNetwork.Architecture.known.first { $0.identifier == identifier }
            .map { SequentialNetwork($0, seed: seed) }
    }
}
