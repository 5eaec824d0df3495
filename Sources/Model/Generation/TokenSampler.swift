internal import FledgeCore
internal import Foundation

/// Chooses one token from the scores of the vocabulary.
///
/// The order of the steps is the reference's: repetition penalty, temperature, top-k, top-p, draw.
package struct TokenSampler {
    private let options: GenerationOptions
    private var generator: KeyedGenerator

    /// A sampler for one answer; the first prompt's draws are those of a lone one.
    package init(_ options: GenerationOptions, prompt: Int = 0) {
        self.options = options
        let key = RandomKey(seed: options.seed).appending("generation")
        generator = KeyedGenerator(prompt == 0 ? key : key.appending(prompt))
    }

    /// The next token.
    ///
    /// - Parameters:
    ///   - scores: Logits of the vocabulary; changed in place.
    ///   - seen: Tokens of prompt and answer so far, for the repetition penalty.
    package mutating func next(_ scores: inout [Float], seen: Set<Int32>) -> Int32 {
        if options.repetitionPenalty != 1 {
            let penalty = Float(options.repetitionPenalty)
            for id in seen where Int(id) < scores.count {
                let score = scores[Int(id)]
                scores[Int(id)] = score > 0 ? score / penalty : score * penalty
            }
        }
        guard options.samples, options.temperature > 0 else { return Self.argmax(scores) }
        return draw(scores)
    }

    private mutating func draw(_ scores: [Float]) -> Int32 {
        let temperature = Float(options.temperature)
        var candidates = scores.indices.map { (id: $0, score: scores[$0] / temperature) }
        if options.topK > 0, options.topK < candidates.count {
            // Ties with the k-th best stay, as in the reference.
            let threshold = Self.kthLargest(candidates.map(\.score), options.topK)
            candidates.removeAll { $0.score < threshold }
        }
        candidates.sort { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }
        let best = candidates.first?.score ?? 0
        var weights = candidates.map { exp(Double($0.score - best)) }
        let total = weights.reduce(0, +)
        for index in weights.indices { weights[index] /= total }
        if options.topP < 1 {
            // Keep the smallest set that reaches p; at least one token stays.
            var cumulative = 0.0
            var kept = 0
            while kept < weights.count, kept == 0 || cumulative < options.topP {
                cumulative += weights[kept]
                kept += 1
            }
            weights.removeLast(weights.count - kept)
        }
        var remaining = generator.uniform() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            remaining -= weight
            if remaining < 0 { return Int32(candidates[index].id) }
        }
        return Int32(candidates[max(weights.count - 1, 0)].id)
    }

    private static func argmax(_ scores: [Float]) -> Int32 {
        var best = 0
        for index in scores.indices where scores[index] > scores[best] { best = index }
        return Int32(best)
    }

    private static func kthLargest(_ values: [Float], _ k: Int) -> Float {
        var largest: [Float] = []
        for value in values {
            if largest.count == k, let last = largest.last, value <= last { continue }
            // Insertion into a short descending list: k is small.
            let index = largest.firstIndex { $0 < value } ?? largest.count
            largest.insert(value, at: index)
            if largest.count > k { largest.removeLast() }
        }
        return largest.last ?? -.infinity
    }
}
