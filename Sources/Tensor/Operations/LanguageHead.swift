import FledgeKernels

/// From hidden states to logits: `softCap(scale·(h·Wᵀ))`.
public struct LanguageHead {
    /// The matrix, shape `[vocabulary, channels]`; the embedding table itself where it is tied.
    public var matrix: LinearMatrix
    /// What products are multiplied by.
    public var scale: Double
    /// A bound that logits come near to and never reach, `c·tanh(z/c)`; nil for none.
    public var softCap: Double?

    /// Creates a head.
    public init(_ matrix: LinearMatrix, scale: Double = 1, softCap: Double? = nil) {
        precondition(
            scale.isFinite && softCap.map { $0.isFinite && $0 > 0 } ?? true,
            "LanguageHead: scale \(scale), cap \(softCap ?? 0)")
        (self.matrix, self.scale, self.softCap) = (matrix, scale, softCap)
    }

    /// A head of a plain matrix alone.
    public static func plain(_ matrix: Parameter) -> LanguageHead {
        LanguageHead(.plain(matrix))
    }

    /// `[vocabulary, channels]`.
    public var shape: [Int] { matrix.shape }
    /// The matrix's name in checkpoints.
    public var name: String { matrix.name }
    /// The matrix where it is plain.
    public var parameter: Parameter? { matrix.parameter }

    /// Whether logits are the products themselves.
    var isPlain: Bool { scale == 1 && softCap == nil }

    /// From products to logits, in place.
    ///
    /// - Parameter rows: How many rows of `shape[0]` numbers there are.
    func finish(_ logits: UnsafeMutableRawPointer, rows: Int, _ type: ElementType) {
        guard !isPlain else { return }
        let (count, size) = (shape[0], type.byteCount)
        let kernels = Kernels.of(type)
        parallelFor(rows) { row in
            kernels.soft_cap(logits + row * count * size, count, scale, softCap ?? 0)
        }
    }
}
