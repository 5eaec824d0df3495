import Foundation
import Testing

/// Which module may import which, read from the sources.
@Suite struct ImportTests {
    /// The modules of the package, by folder, with what each may import of the others.
    static let allowed: [String: Set<String>] = [
        "Core": ["FledgeDigest"],
        "Tensor": ["FledgeCore", "FledgeKernels", "COpenBLAS"],
        "Jinja": ["FledgeCore"],
        "Tokenize": ["FledgeCore", "FledgeJinja"],
        "Columnar": ["FledgeCore"],
        "Data": ["FledgeCore", "FledgeTokenize", "FledgeColumnar"],
        "Model": ["FledgeCore", "FledgeTensor"],
        "Adapters": ["FledgeCore", "FledgeTensor", "FledgeModel"],
        "Train": ["FledgeCore", "FledgeTensor", "FledgeColumnar", "FledgeData", "FledgeModel"],
        "Fledge": [
            "FledgeCore", "FledgeTensor", "FledgeJinja", "FledgeTokenize", "FledgeColumnar",
            "FledgeData", "FledgeModel", "FledgeAdapters", "FledgeTrain",
        ],
        "ScoreServer": ["Fledge"],
        "CommandLine": ["Fledge", "FledgeScoreServer"],
        "Testing": [
            "FledgeCore", "FledgeTensor", "FledgeTokenize", "FledgeData", "FledgeModel",
            "FledgeAdapters", "FledgeTrain",
        ],
    ]

    /// What comes from outside, and who may use it.
    static let outside: [String: Set<String>] = [
        "Foundation": Set(allowed.keys), "FoundationEssentials": Set(allowed.keys),
        "Glibc": Set(allowed.keys), "Musl": Set(allowed.keys), "Synchronization": Set(allowed.keys),
        "Darwin": Set(allowed.keys), "Dispatch": Set(allowed.keys), "Yams": ["Fledge"],
        "ArgumentParser": ["CommandLine"], "Logging": ["Fledge", "Train", "CommandLine"],
        "CZlib": ["Columnar"], "CZstd": ["Columnar"],
        "FoundationNetworking": ["Fledge"], "FlyingFox": ["ScoreServer"],
        "FlyingSocks": ["ScoreServer"],
    ]

    /// The modules that a Swift text imports.
    static func imports(of text: String) -> Set<String> {
        let pattern =
            #/^\s*(?:@\w+\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/#
            .anchorsMatchLineEndings()
        return Set(text.matches(of: pattern).map { String($0.1) })
    }

    private func folders() throws -> Set<String> {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: Repository.folder + "/Sources")
        return Set(names.filter { !$0.hasPrefix(".") })
    }

    @Test func everyFolderIsKnown() throws {
        #expect(
            try folders()
                == Set(Self.allowed.keys).union([
                    "COpenBLAS", "CZlib", "CZstd", "Digest", "Kernels",
                ]))
    }

    @Test(arguments: allowed.keys.sorted())
    func modulesImportWhatTheyMay(_ folder: String) throws {
        let files = try Repository.files(in: "Sources/" + folder)
        #expect(!files.isEmpty)
        for file in files {
            for name in Self.imports(of: file.text) {
                let isAllowed =
                    Self.allowed[folder, default: []].contains(name)
                    || Self.outside[name, default: []].contains(folder)
                #expect(isAllowed, "\(file.path) imports \(name)")
            }
        }
    }

    @Test func aForbiddenImportIsSeen() {
        let text = """
            import FledgeCore
              @preconcurrency internal import FledgeTensor
            @_exported public import struct FledgeModel.Checkpoint
            // import FledgeTrain
            let important = "import FledgeData"
            """
        #expect(Self.imports(of: text) == ["FledgeCore", "FledgeTensor", "FledgeModel"])
    }

    @Test func onlyTheUmbrellaExportsAgain() throws {
        for file in try Repository.files(in: "Sources") where file.text.contains("@_exported") {
            #expect(file.path == "Sources/Fledge/Exports.swift")
        }
        let exports = try Repository.file("Sources/Fledge/Exports.swift")
        #expect(Self.imports(of: exports.text) == Self.allowed["Fledge"])
    }

    @Test func dependenciesOfTheManifestAreTheSame() throws {
        let manifest = try Repository.file("Package.swift").text
        let entries = manifest.matches(of: #/module\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?/#)
        #expect(entries.count == 11)
        for entry in entries where entry.1 != "Testing" {
            let names = (entry.2 ?? "").matches(of: #/"(\w+)"/#).map { String($0.1) }
            #expect(Set(names) == Self.allowed[String(entry.1)], "\(entry.1)")
        }
    }
}
