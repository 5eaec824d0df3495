internal import FledgeCore

/// Reads SentencePiece's `tokenizer.model`, a protocol buffer.
enum SentencePieceFile {
    /// - Parameter configuration: The folder's `tokenizer_config.json`; `null` when there is none.
    static func tokenizer(
        _ bytes: UnsafeRawBufferPointer, _ configuration: JSONValue = .null, file: String
    ) throws -> TextTokenizer {
        var vocabulary = PieceVocabulary(file: file)
        var names: [Int: String] = [46: "<s>", 47: "</s>", 48: "<pad>"]
        var reader = ProtocolBuffer(bytes, file: file)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let part)): vocabulary.pieces.append(try piece(part, file))
            case (2, .bytes(let part)):
                var trainer = ProtocolBuffer(part, file: file)
                while let (field, value) = try trainer.next() {
                    switch (field, value) {
                    case (3, .number(let kind)):
                        guard kind == 1 || kind == 2 else {
                            throw StageReader(file: file).unsupported(
                                "model", kind == 3 ? "of words" : "of characters")
                        }
                        vocabulary.isUnigram = kind == 1
                    case (24, .number(let value)):
                        vocabulary.normalizer.treatsWhitespaceAsSuffix = value != 0
                    case (46...48, .bytes(let text)):
                        names[field] = String(decoding: text, as: UTF8.self)
                    default: break
                    }
                }
            case (3, .bytes(let part)): try read(part, into: &vocabulary)
            default: break
            }
        }
        guard !vocabulary.pieces.isEmpty else {
            throw FledgeError(
                .fileCorrupt, "There are no pieces in this file.",
                advice: "Expected is a tokenizer.model of SentencePiece.", at: .init(file: file))
        }
        func id(_ field: Int) -> Int? {
            guard let name = names[field] else { return nil }
            return vocabulary.pieces.firstIndex {
                $0.kind == .control && $0.bytes.elementsEqual(name.utf8)
            }
        }
        vocabulary.beginOfText = id(46)
        vocabulary.endOfText = id(47)
        vocabulary.padding = id(48)
        vocabulary.prefix = TokenizerClass.prefixScheme(configuration)
        // The models with byte fallback are Llama's kind, which begins each text with a token.
        var tokenizer = try vocabulary.tokenizer(findsUserDefined: false)
        let isLlama = vocabulary.pieces.contains { $0.kind == .byte }
        tokenizer.files.postProcessor = tokenizer.postProcessor(
            isLlama && !vocabulary.isUnigram, vocabulary.isUnigram)
        tokenizer.files.sentencePiece = (Array(bytes), tokenizer.addedTokens)
        return tokenizer
    }

    private static func piece(
        _ bytes: UnsafeRawBufferPointer, _ file: String
    ) throws -> (bytes: [UInt8], score: Float, kind: PieceVocabulary.Kind) {
        var reader = ProtocolBuffer(bytes, file: file)
        var result = (bytes: [UInt8](), score: Float(0), kind: PieceVocabulary.Kind.normal)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let text)): result.bytes = Array(text)
            case (2, .fixed32(let bits)): result.score = Float(bitPattern: bits)
            case (3, .number(let number)):
                guard let kind = PieceVocabulary.Kind(rawValue: Int(clamping: number)) else {
                    throw corrupt("a piece is of the unknown kind \(number)", file)
                }
                result.kind = kind
            default: break
            }
        }
        guard !result.score.isNaN else { throw corrupt("a piece's score is no number", file) }
        return result
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, into vocabulary: inout PieceVocabulary
    ) throws {
        var reader = ProtocolBuffer(bytes, file: vocabulary.file)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (2, .bytes(let table)) where !table.isEmpty:
                vocabulary.characterMap = Array(table)
                guard let map = CharacterMap(vocabulary.characterMap) else {
                    throw corrupt("the table of characters is damaged", vocabulary.file)
                }
                vocabulary.normalizer.characterMap = map
            case (3, .number(let value)): vocabulary.normalizer.addsDummyPrefix = value != 0
            case (4, .number(let value)): vocabulary.normalizer.removesExtraWhitespace = value != 0
            case (5, .number(let value)): vocabulary.normalizer.escapesWhitespace = value != 0
            default: break
            }
        }
    }
}

/// Reads the fields of a protocol buffer, one after another.
private struct ProtocolBuffer {
    enum Value {
        case number(UInt64)
        case fixed32(UInt32)
        case bytes(UnsafeRawBufferPointer)
    }

    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) { (self.bytes, self.file) = (bytes, file) }

    /// The next field and its value; `nil` at the end.
    mutating func next() throws -> (field: Int, value: Value)? {
        guard position < bytes.count else { return nil }
        let tag = try variable()
        let field = Int(clamping: tag >> 3)
        switch tag & 7 {
        case 0: return (field, .number(try variable()))
        case 1: return (field, .bytes(try take(8)))
        case 2: return (field, .bytes(try take(Int(clamping: try variable()))))
        case 5: return (field, .fixed32(try take(4).loadUnaligned(as: UInt32.self).littleEndian))
        default: throw damaged()
        }
    }

    private mutating func variable() throws -> UInt64 {
        var (result, shift): (UInt64, UInt64) = (0, 0)
        while position < bytes.count, shift < 64 {
            let byte = bytes[position]
            position += 1
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        throw damaged()
    }

    private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count <= bytes.count - position else { throw damaged() }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private func damaged() -> FledgeError {
        corrupt("it is no protocol buffer of SentencePiece, or it is cut short", file)
    }
}
