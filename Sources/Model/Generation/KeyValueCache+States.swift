internal import FledgeTensor

/// What layers keep that carry a state from token to token: of each branch the state behind its last
/// token, and none before it.
extension KeyValueCache {
    /// Which stretches of a run go on from where.
    struct Continuations {
        /// The stretches, with those of the same run that they go on from.
        let layout: ScanLayout
        /// The branches whose tokens they are.
        let branches: [Branch]
        /// The node whose state each goes on from where that is no stretch of the run.
        let sources: [Int?]
    }

    /// The longest sequence, of the first tokens of a branch and no longer than `length`, that the branch
    /// can be truncated to: a state in the middle of what was computed is not there any more.
    public func resumableLength(of branch: Branch, atMost length: Int) -> Int {
        let (all, node) = (self.length(of: branch), nodes[branch.index])
        guard length < all, !node.states.isEmpty else { return min(length, all) }
        return min(length, all - node.length)
    }

    /// Looks up what a run goes on from, before it extends the branches.
    func continuations(of extensions: [Extension]) -> Continuations {
        var (segments, sources, start) = ([ScanLayout.Segment](), [Int?](), 0)
        var stretches: [Int: Int] = [:]
        for (place, added) in extensions.enumerated() {
            // The first node with tokens on the way up: the branch itself, or one that it continues.
            var (node, parent) = (Optional(added.branch.index), Int?.none)
            while let index = node, nodes[index].length == 0 {
                node = nodes[index].parent
                parent = node.flatMap { stretches[$0] }
                if parent != nil { node = nil }
            }
            segments.append(.init(start..<start + added.count, parent: parent))
            sources.append(node)
            start += added.count
            if added.count > 0 { stretches[added.branch.index] = place }
        }
        return Continuations(
            layout: ScanLayout(segments), branches: extensions.map(\.branch), sources: sources)
    }

    /// The states that a layer's run goes on from; those of a branch that it extends are taken out.
    func takeStates(
        of layer: some AnyObject, _ continuations: Continuations
    ) -> [[Tensor]] {
        let key = ObjectIdentifier(layer)
        return zip(continuations.sources, continuations.branches).map { source, branch in
            guard let source else { return [] }
            return nodeStates(source, key, isTaken: source == branch.index)
        }
    }

    /// Keeps the states behind the last tokens of a layer's run.
    func keep(
        _ states: [[Tensor]], of layer: some AnyObject, _ continuations: Continuations
    ) {
        precondition(
            states.count == continuations.branches.count,
            "KeyValueCache: \(states.count) states of \(continuations.branches.count) stretches")
        let key = ObjectIdentifier(layer)
        for (place, branch) in continuations.branches.enumerated() {
            let isOwn = continuations.sources[place] == branch.index
            if !continuations.layout.segments[place].range.isEmpty || isOwn {
                setStates(states[place], of: branch.index, key)
            }
        }
    }
}
