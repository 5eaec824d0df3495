import Foundation
import Testing

@Suite struct CoverageTests {
    /// Lists the conformers by their declarations: Swift cannot enumerate them at run time.
    @Test func everyOperationHasAGradientTest() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        var found: Set<String> = []
        for case let file as URL in FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: nil) ?? FileManager.DirectoryEnumerator()
        where file.pathExtension == "swift" && !file.path.contains("/Testing/") {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard file.path.contains("/Sources/Tensor/") else { continue }
            for match in text.matches(of: /struct (\w+): RecordedOperation/) {
                found.insert(String(match.1))
            }
        }
        #expect(found == GradientTests.covered)
    }
}
