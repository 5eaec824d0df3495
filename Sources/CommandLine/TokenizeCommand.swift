import ArgumentParser
import Fledge
import Foundation

struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Turn lines of text into token ids, one JSON array a line.",
        discussion: """
            The path is a model folder, a .gguf file, a tokenizer.json, a tokenizer.model of
            SentencePiece, a tiktoken or a tekken file. Only a newline ends a line.

            Example: echo 'Hello there' | fledge tokenize SmolLM2-135M-Instruct
            """)

    @Argument(help: "Model folder, or a file that holds a tokenizer.")
    var path: String

    @Option(help: "Whether control strings become control tokens (parse) or stay text (none).")
    var special = "parse"

    @Flag(help: "Adds what the model's files put before and after a text.")
    var addSpecial = false

    func run() throws {
        guard ["parse", "none"].contains(special) else {
            throw FledgeError(.configuration, "--special is \(special); it is parse or none.")
        }
        let tokenizer = try TokenizerFile.load(path)
        var output = ResultWriter()
        let (prefix, suffix) = addSpecial ? tokenizer.addedAroundText : ([], [])
        var lines = LineReader(.standardInput)
        while let line = try lines.next() {
            let ids =
                prefix + tokenizer.encode(line, specials: special == "parse" ? .parse : .text)
                + suffix
            try output.write("[" + ids.map(String.init).joined(separator: ", ") + "]\n")
        }
        try output.flush()
        if let first = lines.broken.first {
            Console.announce(
                "Warning: \(lines.broken.count) lines are no UTF-8, the first is line \(first): what "
                    + "could not be read became U+FFFD.")
        }
    }
}

/// The lines of a file handle; only `\n` ends a line, and a last line may lack it.
private struct LineReader {
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var number = 0
    /// The numbers of lines that are no UTF-8.
    private(set) var broken: [Int] = []

    init(_ handle: FileHandle) { self.handle = handle }

    private mutating func text(_ bytes: ArraySlice<UInt8>) -> String {
        number += 1
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        broken.append(number)
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func next() throws -> String? {
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return text(buffer[start..<end])
            }
            buffer.removeFirst(start)
            start = 0
            guard !isAtEnd else {
                guard !buffer.isEmpty else { return nil }
                defer { buffer = [] }
                return text(buffer[...])
            }
            let data: Data?
            do { data = try handle.read(upToCount: 1 << 16) } catch {
                throw FledgeError(.fileAccess, "Standard input cannot be read.", cause: error)
            }
            if let data, !data.isEmpty { buffer += data } else { isAtEnd = true }
        }
    }
}
