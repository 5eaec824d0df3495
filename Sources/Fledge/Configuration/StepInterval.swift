/// A number of optimizer steps, or a part of all of them.
public enum StepInterval: Hashable, Sendable {
    /// So many steps.
    case steps(Int)
    /// This part of all steps.
    case ratio(Double)

    /// Reads a number as the reference does: below 1 it is a part, from 1 on a count.
    public init(_ number: Double) {
        self = number < 1 && number > 0 ? .ratio(number) : .steps(Int(min(number, 1e15)))
    }

    /// The number of steps out of all, rounded up.
    public func count(of total: Int) -> Int {
        switch self {
        case .steps(let count): count
        case .ratio(let part): Int((Double(total) * part).rounded(.up))
        }
    }
}
