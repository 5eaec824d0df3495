import Fledge
import Foundation
import Testing

/// What guides and examples name exists.
@Suite struct DocumentationTests {
    private static let commands = [
        "train", "chat", "export", "preprocess", "tokenize", "plan", "verify-template", "keys",
        "score", "score-server",
    ]

    /// The configuration keys of a command's words.
    private func keys(of words: [Substring]) -> [String] {
        words.compactMap { word in
            guard let equals = word.firstIndex(of: "="), word.first?.isLetter == true else {
                return nil
            }
            return String(word[..<equals])
        }
    }

    /// The words after `fledge` in lines of code, wherever the text shows a command.
    static func invocations(in text: String) -> [[Substring]] {
        let joined = text.replacing("\\\n", with: " ")
        let pattern = #/(?:^|[`\s\/|])fledge[ \t]+([a-z][^\n`|#]*)/#.anchorsMatchLineEndings()
        var isCode = false
        var found: [[Substring]] = []
        for line in joined.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") { isCode.toggle() }
            // Outside of blocks a command stands in backquotes.
            guard isCode || line.contains("`") else { continue }
            for match in line.matches(of: pattern) where isCode || line.contains("`fledge ") {
                let words = match.1.split(separator: " ")
                if !words.isEmpty { found.append(words) }
            }
        }
        return found
    }

    @Test func commandsInGuidesExist() throws {
        var files = try Repository.files(in: "Docs", endings: [".md"])
        for name in ["README.md", "CONTRIBUTING.md"] where Repository.exists(name) {
            files.append(try Repository.file(name))
        }
        for file in files {
            for words in Self.invocations(in: file.text) {
                let shown = "\(file.path): fledge \(words.joined(separator: " "))"
                #expect(Self.commands.contains(String(words[0])), "\(shown)")
                for key in keys(of: words) { #expect(RunOption.named(key) != nil, "\(shown)") }
                for word in words where word.hasSuffix(".yaml") && word.hasPrefix("Examples/") {
                    #expect(Repository.exists(String(word)), "\(shown)")
                }
            }
        }
    }

    @Test func invocationsAreFound() {
        let text = """
            Fledge is fast; fledge something.
            Try `fledge train F.yaml a=1`.
            ```
            $ fledge chat F.yaml \\
                b=2 | less   # talk
            .build/release/fledge keys
            ```
            """
        #expect(
            Self.invocations(in: text) == [
                ["train", "F.yaml", "a=1"], ["chat", "F.yaml", "b=2"], ["keys"],
            ])
    }

    @Test func exampleConfigurationsAreAccepted() throws {
        let files = try Repository.files(in: "Examples", endings: [".yaml", ".yml"])
        #expect(!files.isEmpty)
        for file in files {
            let configuration = try RunConfiguration(
                yaml: file.text, file: file.path, environment: [:])
            for name in configuration.data.datasets {
                let folder = configuration.data.datasetFolder
                let catalog = try JSONValue(
                    contentsOf: "\(Repository.folder)/\(folder)/dataset_info.json")
                #expect(catalog[name] != nil, "\(file.path): \(name)")
            }
        }
    }

    @Test func targetsOfTheMakefileAreWhatContributorsRead() throws {
        let makefile = try Repository.file("Makefile").text
        var texts = [try Repository.file("CONTRIBUTING.md").text]
        if Repository.exists("README.md") { texts.append(try Repository.file("README.md").text) }
        for text in texts {
            for match in text.matches(of: #/(?:`|^)make ([a-z-]+)/#.anchorsMatchLineEndings()) {
                #expect(makefile.contains("\n\(match.1):"), "make \(match.1)")
            }
        }
    }

    @Test func theScriptOfTheReadmeIsTheExample() throws {
        let script = try Repository.file("Examples/CustomLoop/Sources/main.swift").text
        let readme = try Repository.file("README.md").text
        #expect(readme.contains("```swift\n" + script + "```"))
    }
}
