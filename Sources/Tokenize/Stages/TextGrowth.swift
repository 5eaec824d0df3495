/// How many times as long stages can make a text: files come from strangers, and a few stages one
/// after another could fill any memory.
enum TextGrowth {
    /// Far beyond any real tokenizer.
    static let limit = 65536.0

    /// The growth by a normalizer.
    static func of(_ normalizer: Normalizer) -> Double {
        switch normalizer {
        case .sequence(let stages): stages.map(of).reduce(1, *)
        case .replace(let pattern, let content): of(pattern, content)
        case .characterMap(let map): Double(max(map.longestReplacement, 1))
        case .byteLevel: 2
        // These do nothing more when they come again, or add a text of the file's to each word.
        case .form, .lowercase, .stripAccents, .strip, .prepend, .bert, .nmt, .sentencePiece: 1
        }
    }

    /// The growth by the stages that cut words.
    static func of(_ stages: [PreTokenizer]) -> Double {
        stages.reduce(1) { growth, stage in
            if case .byteLevel(_, _, writesBytes: true) = stage { return 2 * growth }
            return growth
        }
    }

    /// The growth by a decoder.
    static func of(_ decoder: TokenDecoder) -> Double {
        (decoder.stages ?? []).reduce(1) { growth, stage in
            if case .replace(let pattern, let content) = stage {
                return growth * of(pattern, content)
            }
            return growth
        }
    }

    private static func of(_ pattern: TextPattern, _ content: [UInt8]) -> Double {
        switch pattern {
        case .text(let wanted): max(1, Double(content.count) / Double(max(wanted.count, 1)))
        // A pattern may find nothing before each character.
        case .program: Double(content.count + 1)
        }
    }
}
