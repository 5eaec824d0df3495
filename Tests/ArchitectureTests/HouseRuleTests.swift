import Fledge
import Foundation
import Testing

/// Rules of the house that can be read from the sources.
@Suite struct HouseRuleTests {
    /// What may not be in the text of a source file.
    static let forbidden = ["fatalError(", "try!", "unsafeFlags", "as!", "print(\"DEBUG"]

    /// The text without comments and without what stands in quotes.
    static func code(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let plain = String(line).replacing(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"")
            return plain.firstRange(of: "//").map { String(plain[..<$0.lowerBound]) } ?? plain
        }.joined(separator: "\n")
    }

    @Test func nothingTrapsOnWhatCanFail() throws {
        let files = try Repository.files(in: "Sources") + [Repository.file("Package.swift")]
        for file in files {
            let code = Self.code(file.text)
            for word in Self.forbidden {
                #expect(!code.contains(word), "\(file.path) holds \(word)")
            }
        }
    }

    @Test func trapsAreSeenInCodeOnly() {
        #expect(!Self.code("// fatalError()\nlet a = \"try! \\\" as!\" // as!").contains("!"))
        #expect(Self.code("let a = \"\"; fatalError()").contains("fatalError("))
    }

    @Test func filesAreShort() throws {
        let files =
            try Repository.files(in: "Sources", endings: [".swift", ".c", ".h"])
            + Repository.files(in: "Tests")
        #expect(files.count > 150)
        for file in files {
            #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count - 1) lines")
        }
    }

    @Test func filesAreNamedAfterTheirConcept() throws {
        for file in try Repository.files(in: "Sources") {
            let stem = file.name.dropLast(".swift".count)
            #expect(
                stem.split(separator: "+").allSatisfy { $0.first?.isUppercase == true },
                "\(file.path)")
        }
    }

    @Test func everyLibraryIsAProduct() throws {
        let manifest = try Repository.file("Package.swift").text
        for folder in ImportTests.allowed.keys where folder != "CommandLine" {
            let name = folder == "Fledge" ? folder : "Fledge" + folder
            #expect(
                manifest.contains(".library(name: \"\(name)\", targets: [\"\(name)\"])"), "\(name)")
        }
        #expect(manifest.contains(".executable(name: \"fledge\""))
    }

    @Test func everyTestTargetIsInTheManifest() throws {
        let manifest = try Repository.file("Package.swift").text
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Repository.folder + "/Tests")
        for folder in folders where folder.hasSuffix("Tests") {
            let entry = try Regex("tests\\(\\s*\"\(folder.dropLast(5))\"")
            #expect(manifest.contains(entry), "\(folder)")
        }
    }

    @Test func noPathsOfOneMachine() throws {
        let files =
            try Repository.files(in: "Sources", endings: [".swift", ".c", ".h"])
            + Repository.files(in: "Scripts", endings: [".sh", ".py"])
            + Repository.files(in: "Docs", endings: [".md"])
            + Repository.files(in: "Examples", endings: [".yaml", ".md", ".swift"])
        let roots = ["/" + "work/", "/" + "root/", "/" + "home/", "/" + "Users/"]
        for file in files {
            for root in roots { #expect(!file.text.contains(root), "\(file.path) names \(root)") }
        }
    }
}
