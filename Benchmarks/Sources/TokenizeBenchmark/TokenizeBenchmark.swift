import FledgeTokenize
import Foundation

/// Times loading a tokenizer and encoding texts; prints one line of JSON.
///
/// Usage: TokenizeBenchmark TOKENIZER TEXTS [THREADS]. TEXTS is a file whose texts are separated by the
/// character U+001E.
@main struct TokenizeBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            let usage = "TokenizeBenchmark TOKENIZER TEXTS [THREADS]\n"
            FileHandle.standardError.write(Data(usage.utf8))
            exit(2)
        }
        let threads = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
        let clock = ContinuousClock()
        var tokenizer: TextTokenizer?
        let load = try clock.measure { tokenizer = try TokenizerFile.load(arguments[1]) }
        guard let tokenizer else { exit(1) }
        let data = try Data(contentsOf: URL(filePath: arguments[2]))
        let texts = data.split(separator: 0x1E).map { String(decoding: $0, as: UTF8.self) }
        let bytes = texts.reduce(0) { $0 + $1.utf8.count }
        var count = 0
        func pass() {
            if threads > 1 {
                let ids = tokenizer.encode(texts, specials: .parse, threads: threads)
                count = ids.reduce(0) { $0 + $1.count }
            } else {
                count = texts.reduce(0) { $0 + tokenizer.encode($1, specials: .parse).count }
            }
        }
        let first = clock.measure(pass)
        var (passes, total) = (0, Duration.zero)
        while bytes > 0, total < .seconds(1) {
            total += clock.measure(pass)
            passes += 1
        }
        func seconds(_ duration: Duration) -> Double {
            Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        }
        let megabytes = Double(bytes) * 1e-6
        print(
            "{\"load_seconds\": \(seconds(load)), \"tokens\": \(count), "
                + "\"first\": \(megabytes / seconds(first)), "
                + "\"repeated\": \(megabytes * Double(passes) / seconds(total))}")
    }
}
