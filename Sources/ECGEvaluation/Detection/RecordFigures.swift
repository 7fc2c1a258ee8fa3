public import EC57

/// The figures of one record; in JSON its name is next to them.
public struct RecordFigures: Encodable, Sendable {
    public var record: String
    public var figures: EC57Figures

    public init(record: String, figures: EC57Figures) {
        self.record = record
        self.figures = figures
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(record, forKey: .record)
        try figures.encode(to: encoder)
    }

    enum CodingKeys: CodingKey { case record }
}
