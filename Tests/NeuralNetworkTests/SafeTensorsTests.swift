import Foundation
import Testing

@testable import NeuralNetwork

@Suite struct SafeTensorsTests {
    static let file = SafeTensors(
        metadata: ["architecture": "something/1"],
        tensors: [
            "a.weight": .init(shape: [2, 3], values: [1, -2, 3.5, 0, .leastNonzeroMagnitude, 6]),
            "empty": .init(shape: [0], values: []), "scalar": .init(shape: [], values: [7]),
        ])

    @Test func writtenFileIsReadBack() throws {
        let path = NSTemporaryDirectory() + "safetensors-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.file.write(to: path)
        #expect(try SafeTensors(contentsOf: path) == Self.file)
    }

    @Test func theSameTensorsGiveTheSameBytes() throws {
        #expect(try Self.file.serialized() == Self.file.serialized())
    }

    @Test func aCutFileIsAnErrorAtEveryLength() throws {
        let bytes = try Self.file.serialized()
        for length in 0..<bytes.count {
            #expect(throws: SafeTensorsError.self) { try SafeTensors(bytes: Array(bytes[..<length]), path: "cut") }
        }
    }

    @Test func hostileHeadersAreErrors() {
        func file(_ header: String, data: Int = 16) -> [UInt8] {
            let json = Array(header.utf8)
            return (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json
                + Array(repeating: 0, count: data)
        }
        let headers = [
            "", "[]", "{\"a\":1}", "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[4,20]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-4,12]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[12,0]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1,-4],\"data_offsets\":[0,16]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,16]}}",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", "{\"a\":{\"x\":\"y\"}}",
        ]
        for header in headers {
            #expect(throws: SafeTensorsError.self, "\(header)") {
                try SafeTensors(bytes: file(header), path: "hostile")
            }
        }
        let enormous = [UInt8](repeating: 255, count: 64)
        #expect(throws: SafeTensorsError.self) { try SafeTensors(bytes: enormous, path: "hostile") }
    }

    @Test func aMissingFileIsNamed() {
        #expect(throws: SafeTensorsError.unreadable(path: "/nowhere/x", reason: "there is no such file")) {
            try SafeTensors(contentsOf: "/nowhere/x")
        }
    }

    @Test func theDigestIsThatOfTheStandard() {
        // FIPS 180-4's example "abc".
        #expect(
            SHA256.hexadecimalDigest(of: Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
