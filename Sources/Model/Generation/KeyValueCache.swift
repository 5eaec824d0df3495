internal import FledgeTensor

/// What a model keeps of the tokens that it has seen: keys and values, or what else a layer needs.
///
/// The cache holds a forest of sequences: a branch continues another one and sees what that holds,
/// so a prompt that several answers follow is there once. Rows are handed out in pages; those of
/// branches that were released serve the next ones.
public final class KeyValueCache {
    /// A part of a sequence, from where it leaves its parent.
    public struct Branch: Hashable, Sendable {
        let index: Int

        fileprivate init(index: Int) { self.index = index }
    }

    /// Tokens that a run adds to a branch.
    public struct Extension: Hashable, Sendable {
        /// Where they are added.
        public var branch: Branch
        /// How many they are.
        public var count: Int
        /// The length that the sequence is known to get, where a prompt is computed in parts: angles may
        /// follow from it.
        public var knownLength = 0

        /// Creates an extension.
        public init(_ branch: Branch, by count: Int) { (self.branch, self.count) = (branch, count) }
    }

    struct Node {
        var parent: Int?
        var pages: [Int] = []
        var length = 0
        var children = 0
        var isReleased = false
        /// What layers that carry a state have behind the last token.
        var states: [ObjectIdentifier: [Tensor]] = [:]
    }

    /// Rows of a page; a tile of attention, so that only a branch's first tile has a seam.
    static let pageLength = 64

    /// Rows that there is room for at first; what layers keep grows.
    let initialRows: Int
    private var states: [ObjectIdentifier: Any] = [:]
    private var owner: ObjectIdentifier?
    private(set) var nodes: [Node] = []
    private var freePages: [Int] = []
    private var pageCount = 0
    /// The branch of the methods that know one sequence only.
    public let trunk = Branch(index: 0)

    /// Creates a cache that holds nothing, with room for `capacity` tokens; it grows.
    public init(capacity: Int = 0) {
        initialRows = Self.rows(capacity)
        nodes.append(Node())
    }

    private static func rows(_ tokens: Int) -> Int {
        (tokens + pageLength - 1) / pageLength * pageLength
    }

    /// Bytes of what blocks keep in a cache that is made with room for one sequence and grows to hold
    /// several.
    static func bytes(
        of blocks: [any DecoderBlock], sequences: Int, length: Int, _ type: ElementType
    ) -> Int {
        var size = CacheSize(rows: rows(length), sequences: sequences)
        let needed = sequences * size.rows
        while size.rows < needed { size.rows *= 2 }
        let bytes = blocks.map { $0.stateBytes(size, type) }
        // One tensor, of keys or values, is there twice while it grows.
        return bytes.reduce(0, +) + (sequences > 1 ? (bytes.max() ?? 0) / 2 : 0)
    }

    /// Says whose tokens the cache holds.
    ///
    /// - Precondition: It is no other model's.
    func requireOwner(_ model: some AnyObject) {
        precondition(
            owner == nil || owner == ObjectIdentifier(model), "KeyValueCache: of another model")
        owner = ObjectIdentifier(model)
    }

    /// Gives a layer what it keeps, to be read and changed.
    ///
    /// - Parameter new: What it has at first.
    func withState<State, Result>(
        of layer: some AnyObject, orNew new: @autoclosure () -> State,
        _ body: (inout State) -> Result
    ) -> Result {
        // Taken out, so that a change in place finds no second owner.
        let kept = states.removeValue(forKey: ObjectIdentifier(layer))
        var state = kept as? State ?? new()
        defer { states[ObjectIdentifier(layer)] = state }
        return body(&state)
    }

    /// What a node has of a layer's states.
    func nodeStates(_ node: Int, _ key: ObjectIdentifier, isTaken: Bool) -> [Tensor] {
        guard let states = nodes[node].states[key] else { return [] }
        if isTaken { nodes[node].states[key] = nil }
        return states
    }

    /// Sets what a node has of a layer's states.
    func setStates(_ states: [Tensor], of node: Int, _ key: ObjectIdentifier) {
        nodes[node].states[key] = states
    }

    /// Number of tokens that the trunk holds.
    public var length: Int { length(of: trunk) }

    /// Forgets everything in the trunk after the first `length` tokens.
    public func truncate(to length: Int) { truncate(trunk, to: length) }

    /// Starts a branch that holds nothing yet.
    ///
    /// - Parameter parent: What it continues, with all that this holds; nil for a new sequence.
    public func branch(from parent: Branch? = nil) -> Branch {
        if let parent { nodes[parent.index].children += 1 }
        nodes.append(Node(parent: parent?.index))
        return Branch(index: nodes.count - 1)
    }

    /// Number of tokens of the sequence up to the branch's end.
    public func length(of branch: Branch) -> Int {
        path(to: branch).reduce(0) { $0 + nodes[$1].length }
    }

    /// Forgets everything in a sequence after the first `length` tokens.
    ///
    /// - Precondition: The branch has no children, and begins at `length` or before; a layer that carries
    ///   a state can go on from there, see ``resumableLength(of:atMost:)``.
    public func truncate(_ branch: Branch, to length: Int) {
        let own = length - (self.length(of: branch) - nodes[branch.index].length)
        precondition(
            own >= 0 && own <= nodes[branch.index].length && nodes[branch.index].children == 0,
            "KeyValueCache: truncate a branch to \(length) of \(self.length(of: branch)) tokens")
        if own < nodes[branch.index].length {
            precondition(
                own == 0 || nodes[branch.index].states.isEmpty,
                "KeyValueCache: truncate a branch to \(length), behind which no state is kept")
            nodes[branch.index].states = [:]
        }
        nodes[branch.index].length = own
        let kept = (own + Self.pageLength - 1) / Self.pageLength
        freePages += nodes[branch.index].pages[kept...]
        nodes[branch.index].pages.removeLast(nodes[branch.index].pages.count - kept)
    }

    /// Says that a branch will neither be extended nor branched from any more; its rows are free
    /// once its children are released too.
    public func release(_ branch: Branch) {
        nodes[branch.index].isReleased = true
        var next: Int? = branch.index
        while let index = next, nodes[index].isReleased, nodes[index].children == 0 {
            freePages += nodes[index].pages
            nodes[index].pages = []
            nodes[index].states = [:]
            nodes[index].length = 0
            next = nodes[index].parent
            if let next { nodes[next].children -= 1 }
        }
    }

    /// Number of rows that branches hold.
    package var heldRows: Int { (pageCount - freePages.count) * Self.pageLength }

    /// Makes room for new tokens and says where they go.
    ///
    /// A branch may be extended in the same run as its parent, behind it.
    ///
    /// - Precondition: No branch is there twice, was released, or has children that hold tokens.
    func extend(_ extensions: [Extension]) -> CachedRun {
        for (branch, count) in extensions.lazy.map({ ($0.branch.index, $0.count) }) {
            precondition(
                !nodes[branch].isReleased && count >= 0, "KeyValueCache: extend a released branch")
            nodes[branch].length += count
            while nodes[branch].pages.count * Self.pageLength < nodes[branch].length {
                nodes[branch].pages.append(newPage())
            }
        }
        return CachedRun(extensions.map { .init(count: $0.count, rows: rows(of: $0.branch)) })
    }

    private func newPage() -> Int {
        // The last one that was freed is still near.
        if let page = freePages.popLast() { return page }
        pageCount += 1
        return pageCount - 1
    }

    private func path(to branch: Branch) -> [Int] {
        var result = [branch.index]
        while let parent = nodes[result[result.count - 1]].parent { result.append(parent) }
        return result.reversed()
    }

    /// The rows of a sequence in its order, neighbours joined.
    private func rows(of branch: Branch) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for node in path(to: branch).map({ nodes[$0] }) {
            for (number, page) in node.pages.enumerated() {
                let start = page * Self.pageLength
                let count = min(Self.pageLength, node.length - number * Self.pageLength)
                if let last = result.last, last.upperBound == start {
                    result[result.count - 1] = last.lowerBound..<(start + count)
                } else {
                    result.append(start..<(start + count))
                }
            }
        }
        return result
    }
}
