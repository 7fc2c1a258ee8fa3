import Foundation
import TestSupport
import Testing

/// The overview page of each library product.
struct DocumentationTests {
    private static let libraries = ["WFDB", "EDF", "ECGWire", "ZeroMQ", "MonitorDaemon", "EC57", "ECGEvaluation"]

    /// Top-level public types of a target.
    private func publicTypes(_ target: String) throws -> Set<String> {
        let folder = URL(filePath: "\(Checkout.root)Sources/\(target)")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        let declaration = /^public (?:nonisolated |final )*(?:struct|class|enum|protocol|actor) (\w+)/
            .anchorsMatchLineEndings()
        var types: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: declaration) { types.insert(String(match.1)) }
        }
        return types
    }

    @Test(arguments: libraries) func overviewPageListsEveryPublicTypeOnce(library: String) throws {
        let page = try String(
            contentsOfFile: "\(Checkout.root)Sources/\(library)/\(library).docc/\(library).md", encoding: .utf8)
        let listed = page.matches(of: /^- ``(\w+)``$/.anchorsMatchLineEndings()).map { String($0.1) }
        #expect(Set(listed) == (try publicTypes(library)))
        #expect(Set(listed).count == listed.count)
    }

    @Test func packageIndexBuildsEveryLibrarysDocumentation() throws {
        let index = try String(contentsOfFile: "\(Checkout.root).spi.yml", encoding: .utf8)
        let manifest = try String(contentsOfFile: "\(Checkout.root)Package.swift", encoding: .utf8)
        let products = manifest.matches(of: /\.library\(name: "(\w+)"/).map { String($0.1) }
        #expect(products == Self.libraries)
        #expect(index.contains("documentation_targets: [\(products.joined(separator: ", "))]"))
    }
}
