internal import FledgeKernels

/// The loss of one prediction as a function of its logits, to be fused with the head by
/// `headLoss`.
///
/// It sees one row of logits at a time and says what the loss is and how steep; weights are no matter
/// of its.
public protocol TokenLoss: Sendable {
    /// Whether ``TokenSlope/uniform`` or ``TokenSlope/reference`` may be other than zero. Gradients are
    /// then as wide as the logits, also where narrower ones would be multiplied faster.
    var spreads: Bool { get }

    /// The loss of a row of logits, with its gradient.
    func slope(of row: LogitRow) -> TokenSlope
}

extension TokenLoss {
    /// The gradient pulls towards the target alone.
    public var spreads: Bool { false }
}

/// A loss of a row of logits and its gradient, which is a sum of pulls: each from the model's
/// distribution `p` towards another one, times a factor.
public struct TokenSlope: Hashable, Sendable {
    /// The loss.
    public var value: Double
    /// The factor of `p − onehot(target)`.
    public var target: Double
    /// The factor of `p − 1/V`.
    public var uniform: Double
    /// The factor of `p − q` with the distribution `q` of the reference.
    public var reference: Double

    /// Creates a slope.
    public init(
        value: Double, target: Double = 0, uniform: Double = 0, reference: Double = 0
    ) {
        (self.value, self.target, self.uniform) = (value, target, uniform)
        self.reference = reference
    }
}

/// The logits of one prediction, before they are overwritten by their gradient.
public struct LogitRow {
    let logits: UnsafeRawPointer
    let type: ElementType
    /// Number of tokens of the vocabulary.
    public let count: Int
    /// ln Σ exp(logit).
    public let logSum: Double
    /// The logit of the token that should come.
    public let targetLogit: Double
    /// Σ q·(ln q − ln p) with the distribution `q` of the reference; 0 where there is none.
    public let divergence: Double

    init(
        _ logits: UnsafeRawPointer, _ type: ElementType, count: Int, logSum: Double,
        targetLogit: Double, divergence: Double
    ) {
        (self.logits, self.type, self.count) = (logits, type, count)
        (self.logSum, self.targetLogit, self.divergence) = (logSum, targetLogit, divergence)
    }

    /// −ln p(target).
    public var crossEntropy: Double { logSum - targetLogit }

    /// The mean over the vocabulary of −ln p.
    public var meanCrossEntropy: Double {
        logSum - Kernels.of(type).sum(logits, count) / Double(count)
    }

    /// Whether the target is the token that a greedy choice takes: the first of the largest logits.
    public func choosesTarget(_ target: Int) -> Bool {
        precondition((0..<count).contains(target), "choosesTarget: \(target) of \(count) tokens")
        return type == .float64
            ? isLargest(target, logits.assumingMemoryBound(to: Double.self))
            : isLargest(target, logits.assumingMemoryBound(to: Float.self))
    }

    private func isLargest<Scalar: Comparable>(
        _ target: Int, _ logits: UnsafePointer<Scalar>
    ) -> Bool {
        let value = logits[target]
        for index in 0..<target where !(logits[index] < value) { return false }
        for index in target..<count where logits[index] > value { return false }
        // A number that is none is chosen by nobody.
        return value == value
    }

    /// The largest logits, in no order; all where there are no more.
    public func largest(_ wanted: Int) -> [Double] {
        precondition(wanted > 0, "largest: \(wanted) logits")
        return type == .float64
            ? largest(wanted, logits.assumingMemoryBound(to: Double.self)) { $0 }
            : largest(wanted, logits.assumingMemoryBound(to: Float.self)) { Double($0) }
    }

    private func largest<Scalar: Comparable>(
        _ wanted: Int, _ logits: UnsafePointer<Scalar>, _ widened: (Scalar) -> Double
    ) -> [Double] {
        var found: [Scalar] = []
        for index in 0..<count {
            let value = logits[index]
            // Few of many pass: the list is short and the least of it stands last.
            if found.count == wanted {
                guard value > found[wanted - 1] else { continue }
                found.removeLast()
            }
            let place = found.firstIndex { value > $0 } ?? found.count
            found.insert(value, at: place)
        }
        return found.map(widened)
    }
}
