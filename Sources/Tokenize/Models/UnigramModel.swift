/// A unigram language model: of all ways to cut a text, the one whose tokens' scores sum to most.
final class UnigramModel: Sendable {
    /// How the scores are summed, which decides ties.
    enum Arithmetic: Sendable {
        /// Double precision, as `tokenizers` does.
        case double
        /// Single precision and a bonus for user-defined symbols, as SentencePiece does.
        case sentencePiece
    }

    let vocabulary: Vocabulary
    let scores: [Double]
    let unknown: Int32?
    let fallsBackToBytes: Bool
    let arithmetic: Arithmetic
    private let trie: ByteTrie
    private let unknownScore: Double
    private let bytes: [Int32]
    /// The scores as the search takes them; of user-defined symbols the score for each byte.
    private let userDefined: Set<Int32>
    private let bonus: Double

    /// Creates a model.
    ///
    /// - Parameters:
    ///   - searched: The tokens that text can become; all when `nil`.
    ///   - normal: The tokens whose scores set the unknown token's; all when `nil`.
    init(
        vocabulary: Vocabulary, scores: [Double], unknown: Int32?, fallsBackToBytes: Bool,
        arithmetic: Arithmetic = .double, searched: [Int32]? = nil, normal: [Int32]? = nil,
        userDefined: Set<Int32> = []
    ) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknown = unknown
        self.fallsBackToBytes = fallsBackToBytes
        self.arithmetic = arithmetic
        self.userDefined = userDefined
        let all = (0..<Int32(vocabulary.endID)).filter(vocabulary.contains)
        trie = ByteTrie((searched ?? all).map { (vocabulary.tokens.bytes(of: $0), $0) })
        let counted = (normal ?? all).map { scores[Int($0)] }
        let lowest = counted.min() ?? 0
        bonus = Double(max(Float(counted.max() ?? 0), Float.leastNormalMagnitude))
        switch arithmetic {
        case .double: unknownScore = lowest - 10
        case .sentencePiece: unknownScore = Double(Float(lowest) - 10)
        }
        bytes = (0..<256).map { vocabulary.id(written: byteToken(UInt8($0))) ?? -1 }
    }

    /// Appends the ids of a text.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
    ) {
        scratch.path.reserve(text.count + 1)
        let (best, tokens, starts) = (scratch.path.best, scratch.path.tokens, scratch.path.starts)
        for end in 0...text.count { starts[end] = -1 }
        best[0] = 0
        var start = 0
        while start < text.count {
            let length = min(UTF8Text.length(text[start]), text.count - start)
            let here = best[start]
            var hasSingle = false
            @inline(__always) func offer(_ end: Int, _ id: Int32, _ score: Double) {
                let candidate =
                    arithmetic == .double ? score + here : Double(Float(score) + Float(here))
                if starts[end] < 0 || candidate > best[end] {
                    best[end] = candidate
                    starts[end] = start
                    tokens[end] = id
                }
            }
            trie.forEachPrefix(text, from: start) { end, id in
                var score = scores[Int(id)]
                if !userDefined.isEmpty, userDefined.contains(id) {
                    score = Double(Float(end - start) * Float(bonus)) - 0.1
                }
                offer(end, id, score)
                hasSingle = hasSingle || end - start == length
            }
            if !hasSingle { offer(start + length, -1, unknownScore) }
            start += length
        }
        append(text, tokens, starts, to: &ids)
    }

    /// Walks the best path back; neighbouring unknown parts become one.
    private func append(
        _ text: UnsafeBufferPointer<UInt8>, _ tokens: UnsafePointer<Int32>,
        _ starts: UnsafePointer<Int>, to ids: inout [Int32]
    ) {
        let first = ids.count
        var end = text.count
        while end > 0 {
            guard tokens[end] < 0 || tokens[end] == unknown else {
                ids.append(tokens[end])
                end = starts[end]
                continue
            }
            var start = starts[end]
            while start > 0, tokens[start] < 0 || tokens[start] == unknown { start = starts[start] }
            appendUnknown(UnsafeBufferPointer(rebasing: text[start..<end]), to: &ids)
            end = start
        }
        ids[first...].reverse()
    }

    /// Appends what a part without a token becomes, last id first.
    private func appendUnknown(_ part: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
        if arithmetic == .double, let id = vocabulary.tokens.id(of: part) {
            ids.append(id)
        } else if fallsBackToBytes, part.allSatisfy({ bytes[Int($0)] >= 0 }) {
            for byte in part.reversed() { ids.append(bytes[Int(byte)]) }
        } else if let unknown {
            ids.append(unknown)
        }
    }
}

/// The token that stands for a byte where a model falls back to bytes.
func byteToken(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
}

/// The memory of a search for the best path.
struct UnigramPath: ~Copyable {
    private(set) var best = UnsafeMutablePointer<Double>.allocate(capacity: 256)
    private(set) var tokens = UnsafeMutablePointer<Int32>.allocate(capacity: 256)
    private(set) var starts = UnsafeMutablePointer<Int>.allocate(capacity: 256)
    private var capacity = 256

    deinit {
        best.deallocate()
        tokens.deallocate()
        starts.deallocate()
    }

    mutating func reserve(_ count: Int) {
        guard count > capacity else { return }
        best.deallocate()
        tokens.deallocate()
        starts.deallocate()
        capacity = max(count, 2 * capacity)
        best = .allocate(capacity: capacity)
        tokens = .allocate(capacity: capacity)
        starts = .allocate(capacity: capacity)
    }
}
