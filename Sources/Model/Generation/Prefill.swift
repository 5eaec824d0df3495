internal import FledgeCore
internal import FledgeTensor

/// Prompts that are computed together: those of dialogues behind what these hold, the others as a forest
/// of what they begin with, but for those whose angles follow from their length.
struct Prefill {
    /// A part that fits one pass.
    struct Run {
        var tokens: Range<Int>
        var extensions: [KeyValueCache.Extension] = []
    }

    private let prompts: [[Int32]]
    private let threshold: Int
    private var kept: [Int: (branch: KeyValueCache.Branch, length: Int)] = [:]
    /// All tokens to compute.
    private(set) var ids: [Int32] = []
    /// For each prompt the place of its last token among them.
    private(set) var ends: [Int]
    /// Branches that prompts continue, which nothing else holds.
    private(set) var innerBranches: [KeyValueCache.Branch] = []
    private var stretches: [(branch: KeyValueCache.Branch, count: Int, length: Int)] = []
    private var branches: [KeyValueCache.Branch?]

    /// - Parameter threshold: The longest prompt that has the angles of all shorter ones; nil where length
    ///   does not matter to them.
    init(_ prompts: [[Int32]], angleThreshold threshold: Int? = nil) {
        (self.prompts, self.threshold) = (prompts, threshold ?? .max)
        ends = Array(repeating: 0, count: prompts.count)
        branches = Array(repeating: nil, count: prompts.count)
    }

    /// Says that a prompt continues a branch that holds its first tokens.
    mutating func continues(_ index: Int, _ branch: KeyValueCache.Branch, behind length: Int) {
        kept[index] = (branch, length)
    }

    /// Lays out the tokens, and starts the branches that are not there yet.
    mutating func makeBranches(in cache: KeyValueCache) {
        let unkept = prompts.indices.filter { kept[$0] == nil }
        let fresh = unkept.filter { prompts[$0].count <= threshold }
        let forest = PrefixForest(fresh.map { prompts[$0] })
        var made: [KeyValueCache.Branch] = []
        for segment in forest.layout.segments {
            made.append(cache.branch(from: segment.parent.map { made[$0] }))
        }
        ids = forest.ids
        stretches = zip(made, forest.layout.segments).map { ($0, $1.length, $1.endPosition) }
        for (index, leaf) in zip(fresh, forest.leaves) {
            branches[index] = made[leaf]
            // What others share may end where a prompt does.
            ends[index] = (forest.layout.ranges(to: leaf).last?.upperBound ?? 1) - 1
        }
        let leaves = Set(forest.leaves)
        innerBranches = made.indices.filter { !leaves.contains($0) }.map { made[$0] }
        for index in unkept where prompts[index].count > threshold {
            let branch = cache.branch()
            branches[index] = branch
            ids += prompts[index]
            stretches.append((branch, prompts[index].count, prompts[index].count))
            ends[index] = ids.count - 1
        }
        for (index, place) in kept.sorted(by: { $0.key < $1.key }) {
            branches[index] = place.branch
            ids += prompts[index][place.length...]
            stretches.append(
                (place.branch, prompts[index].count - place.length, prompts[index].count))
            ends[index] = ids.count - 1
        }
    }

    /// The branch that holds a prompt.
    func branch(of index: Int) -> KeyValueCache.Branch {
        guard let branch = branches[index] else {
            preconditionFailure("Prefill: prompt \(index) has no branch yet")
        }
        return branch
    }

    /// The tokens in passes of limited length.
    func runs(of most: Int) -> [Run] {
        var (runs, run) = ([Run](), Run(tokens: 0..<0))
        for (branch, count, length) in stretches {
            var rest = count
            while rest > 0 {
                let taken = min(rest, most - run.tokens.count)
                var added = KeyValueCache.Extension(branch, by: taken)
                added.knownLength = length
                run.extensions.append(added)
                run.tokens = run.tokens.lowerBound..<run.tokens.upperBound + taken
                rest -= taken
                guard run.tokens.count == most else { continue }
                runs.append(run)
                run = Run(tokens: run.tokens.upperBound..<run.tokens.upperBound)
            }
        }
        return run.tokens.isEmpty ? runs : runs + [run]
    }
}
