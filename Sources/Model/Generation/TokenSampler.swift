internal import FledgeCore
internal import FledgeTensor
internal import Foundation

/// Chooses one token from the scores of the vocabulary.
///
/// The order of the steps is the reference's: repetition penalty, temperature, top-k, top-p, draw.
package struct TokenSampler {
    /// A token that was chosen.
    package struct Choice {
        package var id: Int32
        /// ln p by the model itself, and in the distribution that was drawn from; nil when not measured.
        package var logProbability: (ofModel: Double, drawn: Double)?
    }

    private let options: GenerationOptions
    private var generator: KeyedGenerator

    /// A sampler for one answer.
    ///
    /// - Parameter draws: What the draws are keyed by beside the options' seed.
    package init(_ options: GenerationOptions, draws: [Int] = []) {
        self.options = options
        let key = RandomKey(seed: options.seed).appending("generation")
        generator = KeyedGenerator(draws.reduce(key) { $0.appending($1) })
    }

    /// The next token.
    ///
    /// - Parameters:
    ///   - scores: Logits of the vocabulary; changed in place.
    ///   - seen: Tokens of prompt and answer so far, for the repetition penalty.
    ///   - measuresProbability: Whether the choice says how probable it was.
    package mutating func next(
        _ scores: inout [Float], seen: Set<Int32>, measuresProbability: Bool = false
    ) -> Choice {
        let total = measuresProbability ? Self.logSumExp(scores) : 0
        // A penalty changes what the model itself says of tokens that occurred.
        var unchanged: [Int32: Float] = [:]
        if options.repetitionPenalty != 1 {
            let penalty = Float(options.repetitionPenalty)
            for id in seen where Int(id) < scores.count {
                let score = scores[Int(id)]
                if measuresProbability { unchanged[id] = score }
                scores[Int(id)] = score > 0 ? score / penalty : score * penalty
            }
        }
        let samples = options.samples && options.temperature > 0
        let (id, drawn) = samples ? draw(scores) : (Self.argmax(scores), 0)
        guard measuresProbability else { return Choice(id: id) }
        let score = unchanged[id] ?? scores[Int(id)]
        return Choice(id: id, logProbability: (Double(score) - total, drawn))
    }

    /// A token and its ln p in what is left of the distribution.
    private mutating func draw(_ scores: [Float]) -> (id: Int32, logProbability: Double) {
        let temperature = Float(options.temperature)
        let takesAll = options.topP >= 1 && (options.topK <= 0 || options.topK >= scores.count)
        if takesAll, scores.count > Self.fewCandidates {
            guard
                let drawn = categoricalDraw(
                    scores, temperature: temperature, at: generator.uniform())
            else { return (Self.argmax(scores), 0) }
            return (Int32(drawn.index), drawn.logProbability)
        }
        var candidates = scores.indices.map { (id: $0, score: scores[$0] / temperature) }
        if options.topK > 0, options.topK < candidates.count {
            // Ties with the k-th best stay, as in the reference.
            let threshold = Self.kthLargest(candidates.map(\.score), options.topK)
            candidates.removeAll { $0.score < threshold }
        }
        let best = candidates.reduce(-Float.infinity) { max($0, $1.score) }
        // At temperatures near zero scores are no numbers any more: the most probable token is left.
        guard best.isFinite else { return (Self.argmax(scores), 0) }
        var weights = candidates.map { exp(Double($0.score - best)) }
        if options.topP < 1 {
            let kept = Self.nucleus(weights, candidates.map(\.score), options.topP)
            candidates = kept.map { candidates[$0] }
            weights = kept.map { weights[$0] }
        } else if candidates.count <= Self.fewCandidates {
            let order = Self.descending(candidates.indices, candidates.map(\.score))
            candidates = order.map { candidates[$0] }
            weights = order.map { weights[$0] }
        }
        let total = weights.reduce(0, +)
        var (remaining, chosen) = (generator.uniform() * total, weights.count - 1)
        for (index, weight) in weights.enumerated() {
            remaining -= weight
            if remaining < 0 {
                chosen = index
                break
            }
        }
        // Rounding may leave something over; what has no weight is never drawn.
        while chosen > 0, weights[chosen] == 0 { chosen -= 1 }
        return (Int32(candidates[chosen].id), log(weights[chosen] / total))
    }

    /// As many candidates are drawn from in descending order; of more, in the order of the vocabulary.
    private static let fewCandidates = 1024

    /// The smallest set of the most probable tokens whose weights reach a part of all, in descending
    /// order; at least one.
    private static func nucleus(_ weights: [Double], _ scores: [Float], _ part: Double) -> [Int] {
        // Few tokens carry most of the weight: only these are put in order.
        let needed = part * weights.reduce(0, +)
        var least = 1e-3
        var places = weights.indices.filter { weights[$0] >= least }
        while places.count < weights.count, places.reduce(0, { $0 + weights[$1] }) < needed {
            least = least < 1e-12 ? 0 : least / 100
            places = weights.indices.filter { weights[$0] >= least }
        }
        var (kept, sum) = ([Int](), 0.0)
        for place in descending(places, scores) {
            guard kept.isEmpty || sum < needed else { break }
            kept.append(place)
            sum += weights[place]
        }
        return kept
    }

    /// Places in descending order of their scores, equal ones in that of the vocabulary.
    private static func descending(_ places: some Sequence<Int>, _ scores: [Float]) -> [Int] {
        places.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
    }

    private static func logSumExp(_ scores: [Float]) -> Double {
        let best = scores.reduce(-Float.infinity, max)
        return Double(best) + log(scores.reduce(0.0) { $0 + exp(Double($1 - best)) })
    }

    private static func argmax(_ scores: [Float]) -> Int32 {
        var best = 0
        for index in scores.indices where scores[index] > scores[best] { best = index }
        return Int32(best)
    }

    private static func kthLargest(_ values: [Float], _ k: Int) -> Float {
        guard k <= 256 else { return values.sorted(by: >)[min(k, values.count) - 1] }
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
