// The standard library does not make InlineArray Codable. In `StateCoding`'s own format numbers are coded as one block;
// in any other format as a list of elements.

extension InlineArray: @retroactive Encodable where Element: Encodable {
    public func encode(to encoder: any Encoder) throws {
        guard let state = encoder as? StateEncoder else {
            var container = encoder.unkeyedContainer()
            for index in indices { try container.encode(self[index]) }
            return
        }
        if let kind = blockKind(of: Element.self) {
            withUnsafeBytes(of: self) { state.putBlock($0, kind: kind, count: nil) }
        } else {
            for index in indices { try state.putValue(self[index]) }
        }
    }
}

extension InlineArray: @retroactive Decodable where Element: Decodable {
    public init(from decoder: any Decoder) throws {
        guard let state = decoder as? StateDecoder else {
            var container = try decoder.unkeyedContainer()
            try self.init { _ in try container.decode(Element.self) }
            return
        }
        switch Element.self {
        case is Float.Type: try self.init(block: Float(0), state)
        case is Double.Type: try self.init(block: Double(0), state)
        case is Int64.Type: try self.init(block: Int64(0), state)
        case is Int32.Type: try self.init(block: Int32(0), state)
        case is UInt8.Type: try self.init(block: UInt8(0), state)
        default: try self.init { _ in try state.value(Element.self) }
        }
    }

    private init<Scalar: StateScalar>(block zero: Scalar, _ decoder: StateDecoder) throws {
        self.init(repeating: zero as! Element)
        try withUnsafeMutableBytes(of: &self) { try decoder.fill($0, Scalar.self) }
    }
}

/// The kind of scalar if an array of these is coded as a block; nil: its elements code themselves.
private func blockKind<Element>(of type: Element.Type) -> UInt8? {
    switch type {
    case is Float.Type: Float.kind
    case is Double.Type: Double.kind
    case is Int64.Type: Int64.kind
    case is Int32.Type: Int32.kind
    case is UInt8.Type: UInt8.kind
    default: nil
    }
}
