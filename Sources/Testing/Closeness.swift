public import FledgeTensor

/// How far a tensor is from what it should be.
public struct Closeness: CustomStringConvertible {
    /// The largest |actual - expected|.
    public let largestDifference: Double
    /// |actual - expected| / |expected| in the Euclidean norm.
    public let relativeError: Double
    /// Cosine of the angle between the two.
    public let cosine: Double
    /// Whether an element is not finite where the other is, or the shapes differ.
    public let isBroken: Bool

    /// Compares two tensors of any element types.
    public init(_ actual: Tensor, _ expected: Tensor) {
        self.init(actual.doubles(), expected.doubles(), sameShape: actual.shape == expected.shape)
    }

    /// Compares two lists of numbers.
    public init(_ actual: [Double], _ expected: [Double]) {
        self.init(actual, expected, sameShape: actual.count == expected.count)
    }

    private init(_ actual: [Double], _ expected: [Double], sameShape: Bool) {
        var (largest, squares, own, others, product) = (0.0, 0.0, 0.0, 0.0, 0.0)
        var broken = !sameShape
        for (a, b) in zip(actual, expected) {
            if a == b {
                if !a.isFinite { continue }
            } else if !a.isFinite || !b.isFinite {
                broken = broken || !(a.isNaN && b.isNaN)
                continue
            }
            largest = max(largest, abs(a - b))
            squares += (a - b) * (a - b)
            own += a * a
            others += b * b
            product += a * b
        }
        largestDifference = largest
        relativeError = squares == 0 ? 0 : (squares / others).squareRoot()
        cosine = own == 0 && others == 0 ? 1 : product / (own * others).squareRoot()
        isBroken = broken
    }

    /// Whether the relative error is at most `tolerance`.
    public func isWithin(_ tolerance: Double) -> Bool { !isBroken && relativeError <= tolerance }

    /// All of it in a line.
    public var description: String {
        "relative error \(relativeError), largest difference \(largestDifference), cosine "
            + "\(cosine)" + (isBroken ? ", broken" : "")
    }
}
