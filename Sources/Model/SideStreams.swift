public import FledgeTensor

/// What blocks of a pass hand to later ones beside the residual stream: keys and values that several
/// layers attend over, or what is known of the tokens layer by layer.
///
/// Each is a matrix with a row for each token of the run. It lives as long as the pass.
public final class SideStreams {
    private var tensors: [String: Tensor]

    /// Creates streams, none of them if they are left out.
    public init(_ tensors: [String: Tensor] = [:]) { self.tensors = tensors }

    /// A stream, shape `[tokens, channels]`.
    ///
    /// - Precondition: An earlier part of the model gave it.
    public subscript(name: String) -> Tensor {
        get {
            guard let tensor = tensors[name] else {
                preconditionFailure("SideStreams: nothing gave \(name)")
            }
            return tensor
        }
        set { tensors[name] = newValue }
    }
}

/// What is computed of tokens before all blocks, beside the stream that these go through.
public protocol SideInputs: Module {
    /// Puts what blocks read into ``ForwardPass/sides``.
    ///
    /// - Parameter x: The tokens' vectors, shape `[tokens, channels]`.
    func prepare(_ ids: [Int32], _ x: Tensor, _ pass: ForwardPass)
}

extension DecoderBlock {
    /// The states behind the block, of which nothing is kept but what it reads.
    func recomputing(_ x: consuming Tensor, _ pass: ForwardPass) -> Tensor {
        let (reads, gives) = (reads, gives)
        guard !reads.isEmpty || !gives.isEmpty else {
            return recomputed(x, parameters) { self($0, pass) }
        }
        var widths: [Int] = []
        // An operation has one result: what is given lies beside the stream in it.
        let joined = recomputed([x] + reads.map { pass.sides[$0] }, parameters) { inputs in
            var inner = pass
            inner.sides = SideStreams(
                Dictionary(uniqueKeysWithValues: zip(reads, inputs.dropFirst())))
            let parts = [self(inputs[0], inner)] + gives.map { inner.sides[$0] }
            widths = parts.map { $0.shape[1] }
            return joinedColumns(parts)
        }
        guard !gives.isEmpty else { return joined }
        var start = widths[0]
        for (name, width) in zip(gives, widths.dropFirst()) {
            pass.sides[name] = joined.columns(start..<start + width)
            start += width
        }
        return joined.columns(0..<widths[0])
    }
}
