import FledgeData
import FledgeTokenize

// usage: DataOnly [folder with dataset_info.json] [data set] [tokenizer.json, model folder or GGUF]

let words = CommandLine.arguments.dropFirst()
var options = DatasetOptions()
options.folder = words.first ?? "Examples/data"
options.names = [words.dropFirst().first ?? "identity"]
options.validationSize = 4

var template = try TemplateCatalog.named("chatml")
let tokenizer: any Tokenizer
if let path = words.dropFirst(2).first {
    var file = try TokenizerFile.load(path)
    _ = try template.prepare(&file)
    tokenizer = file
} else {
    tokenizer = ByteTokenizer()
}
let processor = try SupervisedProcessor(tokenizer: tokenizer, template: template)

// Rows are read, aligned and tokenised one by one, in a shuffled order of which any place is known.
let stream = try DatasetStream(options)
var report = DataReport()
for place in 0..<stream.count {
    let row = try stream.sample(epoch: 0, place: place)
    guard let sample = try processor.sample(row, &report), place < 3 else { continue }
    print("\(row.source): \(sample.inputIDs.count) tokens, \(sample.supervisedCount) learned")
}
print("\(report.rowCount) rows, \(report.tokenCount) tokens, \(stream.heldCount) rows set aside")

/// A tokenizer of one's own: bytes are ids, and an end of text.
struct ByteTokenizer: Tokenizer {
    var vocabularyCount: Int { 257 }
    var beginOfText: Int32? { nil }
    var endOfText: Int32? { 256 }
    var padding: Int32? { 256 }

    func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
        text.utf8.map { Int32($0) }
    }

    func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
        String(decoding: ids.flatMap(bytes), as: UTF8.self)
    }

    func bytes(of id: Int32) -> [UInt8] { UInt8(exactly: id).map { [$0] } ?? [] }
    func id(ofSpecial token: String) -> Int32? { token == "<end>" ? 256 : nil }
    func isSpecial(_ id: Int32) -> Bool { id == 256 }
    func containsSpecial(_ text: String) -> Bool { false }
}
