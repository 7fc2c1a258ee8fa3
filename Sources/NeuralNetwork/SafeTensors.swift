import FoundationEssentials

/// Errors in reading or writing a weights file.
public enum SafeTensorsError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case unwritable(path: String, reason: String)
    case malformed(path: String, reason: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
        case .malformed(let path, let reason): "\(path): is not a safetensors file: \(reason)"
        }
    }
}

/// Named float tensors with metadata in the safetensors format: an eight-byte header length, a JSON header and the
/// numbers. Python can open it with `safetensors.numpy.load_file`. Only F32 is supported here.
public struct SafeTensors: Equatable, Sendable {
    public struct Tensor: Equatable, Sendable {
        public var shape: [Int]
        public var values: [Float]

        public init(shape: [Int], values: [Float]) {
            precondition(shape.reduce(1, *) == values.count)
            self.shape = shape
            self.values = values
        }
    }

    public var metadata: [String: String]
    public var tensors: [String: Tensor]

    public init(metadata: [String: String] = [:], tensors: [String: Tensor] = [:]) {
        self.metadata = metadata
        self.tensors = tensors
    }

    /// A larger header is rejected before any of it is parsed.
    private static let largestHeader = 4 << 20

    private struct Entry: Codable {
        var dtype: String
        var shape: [Int]
        var data_offsets: [Int]
    }

    private enum HeaderValue: Codable {
        case entry(Entry)
        case metadata([String: String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let entry = try? container.decode(Entry.self) {
                self = .entry(entry)
            } else {
                self = .metadata(try container.decode([String: String].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .entry(let entry): try container.encode(entry)
            case .metadata(let metadata): try container.encode(metadata)
            }
        }
    }

    /// Parses a file's bytes. `path` is used only in error messages.
    ///
    /// - Throws: `SafeTensorsError.malformed` for any invalid input.
    public init(bytes: [UInt8], path: String) throws(SafeTensorsError) {
        func malformed(_ reason: String) -> SafeTensorsError { .malformed(path: path, reason: reason) }
        guard bytes.count >= 8 else { throw malformed("\(bytes.count) bytes, shorter than its own header length") }
        var length: UInt64 = 0
        for i in 0..<8 { length |= UInt64(bytes[i]) << UInt64(8 * i) }
        guard length <= UInt64(Self.largestHeader), 8 + Int(length) <= bytes.count else {
            throw malformed("a header of \(length) bytes in a file of \(bytes.count)")
        }
        let headerEnd = 8 + Int(length)
        let header: [String: HeaderValue]
        do {
            header = try JSONDecoder().decode([String: HeaderValue].self, from: Data(bytes[8..<headerEnd]))
        } catch {
            throw malformed("the header is not the JSON expected")
        }
        metadata = [:]
        tensors = [:]
        for (name, value) in header {
            switch value {
            case .metadata(let pairs):
                guard name == "__metadata__" else { throw malformed("tensor \(name) has no dtype, shape and offsets") }
                metadata = pairs
            case .entry(let entry):
                guard entry.dtype == "F32" else { throw malformed("tensor \(name) is \(entry.dtype), not F32") }
                var count = 1
                for extent in entry.shape {
                    let (product, overflow) = count.multipliedReportingOverflow(by: extent)
                    guard extent >= 0, !overflow else { throw malformed("tensor \(name) has shape \(entry.shape)") }
                    count = product
                }
                let room = bytes.count - headerEnd
                guard entry.data_offsets.count == 2, entry.data_offsets[0] >= 0,
                    entry.data_offsets[0] <= entry.data_offsets[1], entry.data_offsets[1] <= room,
                    count <= room / 4, entry.data_offsets[1] - entry.data_offsets[0] == 4 * count
                else { throw malformed("tensor \(name) lies outside the file or does not fit its shape") }
                let start = headerEnd + entry.data_offsets[0]
                let values = bytes.withUnsafeBytes { raw in
                    (0..<count).map { i in
                        Float(
                            bitPattern: UInt32(
                                littleEndian: raw.loadUnaligned(fromByteOffset: start + 4 * i, as: UInt32.self)))
                    }
                }
                tensors[name] = Tensor(shape: entry.shape, values: values)
            }
        }
    }

    public init(contentsOf path: String) throws(SafeTensorsError) {
        try self.init(bytes: Self.readFile(path), path: path)
    }

    /// Returns a file's bytes, or throws an error with the reason.
    public static func readFile(_ path: String) throws(SafeTensorsError) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw .unreadable(path: path, reason: "there is no such file")
        } catch {
            throw .unreadable(path: path, reason: String(describing: error))
        }
    }

    /// The file's bytes: the same tensors and metadata always give the same bytes.
    public func serialized() throws(SafeTensorsError) -> [UInt8] {
        var header: [String: HeaderValue] = [:]
        if !metadata.isEmpty { header["__metadata__"] = .metadata(metadata) }
        var offset = 0
        let names = tensors.keys.sorted()
        for name in names {
            guard let tensor = tensors[name] else { continue }
            let end = offset + 4 * tensor.values.count
            header[name] = .entry(Entry(dtype: "F32", shape: tensor.shape, data_offsets: [offset, end]))
            offset = end
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json: [UInt8]
        do {
            json = [UInt8](try encoder.encode(header))
        } catch {
            throw .malformed(path: "header", reason: String(describing: error))
        }
        // Padding, so that the numbers start at a multiple of eight bytes.
        json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + json.count + offset)
        for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: json.count >> (8 * i))) }
        bytes += json
        for name in names {
            for value in tensors[name]?.values ?? [] {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }

    /// Writes the file atomically: if the disk is full, the previous file is kept.
    public func write(to path: String) throws(SafeTensorsError) {
        let bytes = try serialized()
        do {
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw .unwritable(path: path, reason: String(describing: error))
        }
    }
}
