import FledgeKernels

/// Sizes of a gated delta rule.
public struct DeltaShape: Hashable, Sendable {
    /// Heads of queries and keys.
    public var keyHeads: Int
    /// Heads of values; several in turn share a key head.
    public var valueHeads: Int
    /// Channels of a key.
    public var keyChannels: Int
    /// Channels of a value.
    public var valueChannels: Int

    /// Creates sizes.
    public init(keyHeads: Int, valueHeads: Int, keyChannels: Int, valueChannels: Int) {
        (self.keyHeads, self.valueHeads) = (keyHeads, valueHeads)
        (self.keyChannels, self.valueChannels) = (keyChannels, valueChannels)
    }

    /// Columns of queries, keys and values beside one another.
    public var mixedColumns: Int {
        2 * keyHeads * keyChannels + valueHeads * valueChannels
    }
    /// The shape of what a sequence's tokens are kept as: `[valueHeads, keyChannels, valueChannels]`.
    public var state: [Int] { [valueHeads, keyChannels, valueChannels] }

    /// The most bytes of their own that all threads take for the backward pass over a run of tokens.
    public func backwardBytes(tokens: Int, _ type: ElementType) -> Int {
        var job = fledge_delta()
        (job.key_heads, job.value_heads) = (keyHeads, valueHeads)
        (job.key_channels, job.value_channels) = (keyChannels, valueChannels)
        let bytes = Kernels.of(type).delta_bytes(&job, (tokens + 63) / 64 + 1, 1)
        return min(Kernels.threads, keyHeads) * (bytes + bytes / 4)
    }
}

/// The gated delta rule along each sequence (Yang et al. 2024), by chunks of 64 tokens.
///
/// A value head's state S, `[keyChannels, valueChannels]`, is zero before a sequence. With q and k divided
/// by their lengths and q by √keyChannels too, each token makes it `S' = e^g·S`, then
/// `S'' = S' + k·β(v - S'ᵀk)ᵀ`, and gets `S''ᵀq`; g is `-e^logRate·softplus(a + bias)` and β `sigmoid(b)`.
///
/// States, sums and decays are float32. No state is kept for the backward pass; it computes them again, a
/// chunk's 64 tokens at a time.
///
/// - Parameters:
///   - mixed: Queries of all key heads, their keys, and the values of all value heads, one behind the
///     other, `[tokens, shape.mixedColumns]`.
///   - a: `[tokens, valueHeads]`.
///   - b: `[tokens, valueHeads]`.
///   - logRate: `[valueHeads]`.
///   - bias: `[valueHeads]`.
///   - layout: Which tokens follow which.
/// - Returns: `[tokens, valueHeads·valueChannels]`.
public func gatedDelta(
    _ mixed: Tensor, a: Tensor, b: Tensor, logRate: Parameter, bias: Parameter,
    _ shape: DeltaShape, layout: ScanLayout
) -> Tensor {
    let operation = GatedDelta(
        mixed: mixed.saved, a: a.detached, b: b.detached, logRate: logRate, bias: bias,
        shape: shape, layout: layout)
    let none = [Tensor?](repeating: nil, count: layout.segments.count)
    return operation.output(mixed.detached, from: none, to: none).recorded(
        [
            mixed.tapeReference, a.tapeReference, b.tapeReference, logRate.tapeReference,
            bias.tapeReference,
        ], operation)
}

/// The same for tokens that go on from states, and are gone on from.
///
/// - Parameter states: For each segment the state, of the shape `shape.state` and the type of sums, that
///   it goes on from where that is no segment of the run, nil for zeros; becomes the one behind its
///   last token.
public func gatedDelta(
    _ mixed: Tensor, a: Tensor, b: Tensor, logRate: Parameter, bias: Parameter,
    _ shape: DeltaShape, layout: ScanLayout, states: inout [Tensor?]
) -> Tensor {
    mixed.requireUntracked("gatedDelta")
    let type = mixed.elementType.accumulator
    precondition(
        states.count == layout.segments.count
            && states.allSatisfy {
                $0.map { $0.shape == shape.state && $0.elementType == type } ?? true
            },
        "gatedDelta: states of another shape")
    let operation = GatedDelta(
        mixed: mixed.saved, a: a.detached, b: b.detached, logRate: logRate, bias: bias,
        shape: shape, layout: layout)
    let ends: [Tensor?] = states.map { _ in Tensor(uninitialized: shape.state, type) }
    let output = operation.output(mixed, from: states, to: ends)
    states = ends
    return output
}

/// Keeps its inputs; see `delta_gradient.h` for the formulas.
struct GatedDelta: RecordedOperation {
    let mixed: SavedTensor
    let a: Tensor
    let b: Tensor
    let logRate: Tensor
    let bias: Tensor
    let shape: DeltaShape
    let layout: ScanLayout

    init(
        mixed: SavedTensor, a: Tensor, b: Tensor, logRate: Parameter, bias: Parameter,
        shape: DeltaShape, layout: ScanLayout
    ) {
        let gates = [layout.count, shape.valueHeads]
        precondition(
            shape.keyHeads > 0 && shape.valueHeads % shape.keyHeads == 0
                && shape.valueHeads <= 64 * shape.keyHeads && shape.keyChannels > 0
                && shape.valueChannels > 0 && mixed.shape == [layout.count, shape.mixedColumns]
                && a.shape == gates && b.shape == gates && a.elementType == mixed.elementType
                && b.elementType == mixed.elementType
                && logRate.value.shape == [shape.valueHeads]
                && bias.value.shape == [shape.valueHeads],
            "gatedDelta: \(mixed.shape), a \(a), b \(b) for \(layout.count) tokens, \(shape)")
        let type = mixed.elementType.accumulator
        (self.mixed, self.a, self.b) = (mixed, a, b)
        self.logRate = logRate.value.detached.converted(to: type)
        self.bias = bias.value.detached.converted(to: type)
        (self.shape, self.layout) = (shape, layout)
    }

    /// The segments of a tree for the kernels.
    private func segments(
        _ tree: [Int], from initial: [Tensor?], to ends: [Tensor?]
    ) -> [fledge_delta_segment] {
        tree.map { index in
            let segment = layout.segments[index]
            return fledge_delta_segment(
                start: segment.range.lowerBound, count: segment.range.count,
                parent: segment.parent.map { layout.placeInTree(of: $0) } ?? -1,
                initial: initial[index]?.pointer, end: ends[index]?.freshPointer)
        }
    }

    private func makeJob(_ mixed: Tensor) -> fledge_delta {
        var job = fledge_delta()
        (job.key_heads, job.value_heads) = (shape.keyHeads, shape.valueHeads)
        (job.key_channels, job.value_channels) = (shape.keyChannels, shape.valueChannels)
        (job.x, job.a, job.b) = (mixed.pointer, a.pointer, b.pointer)
        (job.log_rates, job.biases) = (logRate.pointer, bias.pointer)
        return job
    }

    func output(_ mixed: Tensor, from initial: [Tensor?], to ends: [Tensor?]) -> Tensor {
        let result = Tensor(
            uninitialized: [layout.count, shape.valueHeads * shape.valueChannels],
            mixed.elementType)
        var job = makeJob(mixed)
        job.output = result.freshPointer
        let kernels = Kernels.of(mixed.elementType)
        let trees = layout.trees.map { segments($0, from: initial, to: ends) }
        parallelFor(trees.count * shape.valueHeads) { index in
            let (tree, head) = (trees[index / shape.valueHeads], index % shape.valueHeads)
            tree.withUnsafeBufferPointer { segments in
                guard let first = segments.baseAddress else { return }
                var own = job
                (own.segments, own.segment_count) = (first, segments.count)
                kernels.delta_forward(&own, head)
            }
        }
        withExtendedLifetime((self, mixed, initial, ends, result)) {}
        return result
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (mixed, type) = (self.mixed.tensor, dy.elementType)
        let none = [Tensor?](repeating: nil, count: layout.segments.count)
        let trees = layout.trees.map { segments($0, from: none, to: none) }
        let targets = [mixed, a, b].map { Tensor(uninitialized: $0.shape, type) }
        // Each tree has a part of its own, so that the sum does not depend on the threads.
        let rates = Tensor(
            uninitialized: [trees.count, 2 * shape.valueHeads], type.accumulator)
        var job = makeJob(mixed)
        job.output_gradient = dy.pointer
        job.x_gradient = targets[0].freshPointer
        (job.a_gradient, job.b_gradient) = (targets[1].freshPointer, targets[2].freshPointer)
        let kernels = Kernels.of(type)
        let size = 2 * shape.valueHeads * type.accumulator.byteCount
        parallelFor(trees.count * shape.keyHeads) { index in
            let (tree, head) = (index / shape.keyHeads, index % shape.keyHeads)
            trees[tree].withUnsafeBufferPointer { segments in
                guard let first = segments.baseAddress else { return }
                var own = job
                (own.segments, own.segment_count) = (first, segments.count)
                own.rates_gradient = rates.freshPointer + tree * size
                kernels.delta_backward(&own, head)
            }
        }
        withExtendedLifetime((self, mixed, dy)) {}
        for (index, target) in targets.enumerated() { pass.add(target, to: index) }
        guard pass.wants(3) || pass.wants(4) else { return }
        var sum = Tensor(zeros: [1, 2 * shape.valueHeads], type.accumulator)
        sum.withUnsafeMutableBytes { bytes in
            guard let target = bytes.baseAddress else { return }
            Kernels.of(type.accumulator).sum_rows(
                target, rates.pointer, trees.count, 2 * shape.valueHeads)
        }
        withExtendedLifetime(rates) {}
        for part in 0..<2 where pass.wants(3 + part) {
            let heads = (part * shape.valueHeads)..<((part + 1) * shape.valueHeads)
            pass.add(sum.columns(heads).reshaped([shape.valueHeads]), to: 3 + part)
        }
    }
}
