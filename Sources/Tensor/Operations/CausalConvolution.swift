import FledgeKernels

/// A short causal convolution of each channel by itself along each sequence:
/// `y[t] = act(b + Σ w[k]·x[t - K + 1 + k])`, K the weight's width.
///
/// Rows before a sequence's first are zeros.
///
/// - Parameters:
///   - x: `[tokens, channels]`.
///   - weight: `[channels, 1, K]`, K from 1 to 16, the last tap for the token itself.
///   - bias: `[channels]`.
///   - activates: Whether SiLU follows.
///   - layout: Which tokens follow which.
///   - kept: For each segment the last K - 1 rows, `[K - 1, channels]`, of what it goes on from
///     where that is no segment of the run; nil for zeros. Nothing is recorded through them.
/// - Returns: `[tokens, channels]`.
public func causalConvolution(
    _ x: Tensor, _ weight: Parameter, bias: Parameter? = nil, activates: Bool, layout: ScanLayout,
    from kept: [Tensor?]? = nil
) -> Tensor {
    let shape = weight.value.shape
    precondition(
        x.shape.count == 2 && x.shape[0] == layout.count && shape.count == 3 && shape[1] == 1
            && shape[0] == x.shape[1] && (1...16).contains(shape[2])
            && bias.map { $0.value.shape == [shape[0]] } ?? true
            && kept.map { $0.count == layout.segments.count } ?? true,
        "causalConvolution: x \(x.shape), \(weight.name) \(shape), \(layout.count) tokens")
    let type = x.elementType.accumulator
    let operation = CausalConvolution(
        x: x.detached, taps: weight.value.detached.converted(to: type).transposedTaps(),
        bias: bias?.value.detached.converted(to: type), activates: activates, layout: layout,
        kept: kept ?? Array(repeating: nil, count: layout.segments.count))
    return operation.convolved()
        .recorded([x.tapeReference, weight.tapeReference, bias?.tapeReference], operation)
        .derivable(by: operation.convolved)
}

/// The last `count` rows of what each segment ends with, `[count, channels]`: what the next run's
/// ``causalConvolution(_:_:bias:activates:layout:from:)`` goes on from.
public func convolutionEnds(
    _ x: Tensor, count: Int, layout: ScanLayout, from kept: [Tensor?]
) -> [Tensor] {
    x.requireUntracked("convolutionEnds")
    let row = x.shape[1] * x.elementType.byteCount
    return layout.segments.indices.map { index in
        let end = Tensor(zeros: [count, x.shape[1]], x.elementType)
        let own = layout.segments[index].range
        for distance in 1...max(1, count) where distance <= count {
            let target = end.freshPointer + (count - distance) * row
            var source: UnsafeRawPointer?
            if distance <= own.count {
                source = x.pointer + (own.upperBound - distance) * row
            } else {
                source = CausalConvolution.pointer(
                    layout, distance - own.count, before: index, x, kept)
            }
            if let source { target.copyMemory(from: source, byteCount: row) }
        }
        withExtendedLifetime((x, kept)) {}
        return end
    }
}

/// With z what goes into the activation: dz = dy·act'(z), dx[t] = Σ w[K-1-j]·dz[t + j],
/// dw[k] = Σ x[t - K + 1 + k]·dz[t], db = Σ dz.
struct CausalConvolution: RecordedOperation {
    let x: Tensor
    /// The weights, `[K, channels]`.
    let taps: Tensor
    let bias: Tensor?
    let activates: Bool
    let layout: ScanLayout
    let kept: [Tensor?]

    private var width: Int { taps.shape[0] }

    /// Where a row before a segment's first one lies; nil for zeros.
    static func pointer(
        _ layout: ScanLayout, _ distance: Int, before segment: Int, _ x: Tensor, _ kept: [Tensor?]
    ) -> UnsafeRawPointer? {
        let row = x.shape[1] * x.elementType.byteCount
        switch layout.row(distance, before: segment) {
        case .row(let index, let fromEnd):
            return x.pointer + (layout.segments[index].range.upperBound - 1 - fromEnd) * row
        case .kept(let index, let fromEnd):
            guard let rows = kept[index], fromEnd < rows.shape[0] else { return nil }
            return rows.pointer + (rows.shape[0] - 1 - fromEnd) * row
        }
    }

    /// A segment's job; `history` holds its pointers.
    private func makeJob(
        _ segment: Int, _ output: UnsafeMutableRawPointer?,
        _ history: UnsafeMutablePointer<UnsafeRawPointer?>
    ) -> fledge_convolution {
        let range = layout.segments[segment].range
        let row = x.shape[1] * x.elementType.byteCount
        for place in 0..<(width - 1) {
            history[place] = Self.pointer(
                layout, width - 1 - place, before: segment, x, kept)
        }
        return fledge_convolution(
            rows: range.count, columns: x.shape[1], width: width, activates: activates ? 1 : 0,
            x: x.pointer + range.lowerBound * row, history: UnsafePointer(history),
            weight: taps.pointer, bias: bias?.pointer,
            output: output.map { $0 + range.lowerBound * row })
    }

    private static let most = 16

    func convolved() -> Tensor {
        let result = Tensor(uninitialized: x.shape, x.elementType)
        let kernels = Kernels.of(x.elementType)
        let rows = max(1, 16384 / max(1, x.shape[1]))
        let chunks = layout.segments.enumerated().flatMap { index, segment in
            stride(from: 0, to: segment.range.count, by: rows).map { (index, $0) }
        }
        parallelFor(chunks.count) { place in
            let (index, first) = chunks[place]
            let count = min(rows, layout.segments[index].range.count - first)
            withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: Self.most) {
                guard let history = $0.baseAddress else { return }
                var job = makeJob(index, result.freshPointer, history)
                kernels.convolution_forward(&job, first, count)
            }
        }
        withExtendedLifetime((self, result)) {}
        return result
    }

    /// Channels that go through all rows together.
    private static let block = 256

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (type, sums, columns) = (x.elementType, x.elementType.accumulator, x.shape[1])
        let dx = pass.wants(0) ? Tensor(uninitialized: x.shape, type) : nil
        let dtaps = pass.wants(1) ? Tensor(zeros: taps.shape, sums) : nil
        let dbias = pass.wants(2) ? Tensor(zeros: [columns], sums) : nil
        // What a segment's last rows get from those that go on from it, the last row first.
        let isForest = layout.segments.contains { $0.parent != nil }
        let later =
            isForest && dx != nil
            ? Tensor(zeros: [layout.segments.count, width - 1, columns], sums) : nil
        let kernels = Kernels.of(type)
        let row = columns * type.byteCount
        parallelFor((columns + Self.block - 1) / Self.block) { block in
            let (begin, end) = (block * Self.block, min(columns, (block + 1) * Self.block))
            withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: Self.most) { rows in
                withUnsafeTemporaryAllocation(
                    of: UnsafeMutableRawPointer?.self, capacity: Self.most
                ) { targets in
                    guard let rows = rows.baseAddress, let targets = targets.baseAddress
                    else { return }
                    for index in layout.segments.indices.reversed() {
                        var job = makeJob(index, nil, rows)
                        let start = layout.segments[index].range.lowerBound * row
                        for place in 0..<(width - 1) {
                            targets[place] = nil
                            guard let later,
                                case .row(let segment, let fromEnd) = layout.row(
                                    width - 1 - place, before: index)
                            else { continue }
                            targets[place] =
                                later.freshPointer
                                + (segment * (width - 1) + fromEnd) * columns * sums.byteCount
                        }
                        var part = fledge_convolution_gradient(
                            output: dy.pointer + start, x: dx.map { $0.freshPointer + start },
                            later: later.map {
                                $0.pointer + index * (width - 1) * columns * sums.byteCount
                            },
                            history: later == nil ? nil : UnsafePointer(targets),
                            weight: dtaps?.freshPointer, bias: dbias?.freshPointer)
                        kernels.convolution_backward(&job, &part, begin, end)
                    }
                }
            }
        }
        withExtendedLifetime((self, dy, later)) {}
        if let dx { pass.add(dx, to: 0) }
        if let dtaps {
            pass.add(dtaps.transposedTaps().reshaped([columns, 1, width]), to: 1)
        }
        if let dbias { pass.add(dbias, to: 2) }
    }
}

extension Tensor {
    /// `[K, channels]` of `[channels, 1, K]`, and the other way round.
    fileprivate func transposedTaps() -> Tensor {
        let (rows, columns) = (shape[0], shape[shape.count - 1])
        let result = Tensor(uninitialized: [columns, rows], elementType)
        func copy<Element>(_: Element.Type) {
            let source = pointer.assumingMemoryBound(to: Element.self)
            let target = result.freshPointer.assumingMemoryBound(to: Element.self)
            for row in 0..<rows {
                for column in 0..<columns {
                    target[column * rows + row] = source[row * columns + column]
                }
            }
        }
        if elementType.byteCount == 8 { copy(UInt64.self) } else { copy(UInt32.self) }
        withExtendedLifetime(self) {}
        return result
    }
}
