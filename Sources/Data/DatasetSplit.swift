/// A part of a data set's rows, as `split` names it: `train`, `train[:1000]`, `train[10%:20%]`.
public struct DatasetSplit: Hashable, Sendable {
    /// Where a part begins or ends.
    private enum Boundary: Hashable {
        case row(Int)
        case percent(Int)

        init?(_ text: Substring) {
            let isPercent = text.utf8.last == UInt8(ascii: "%")
            let digits = text.filter { $0 != "_" }.dropLast(isPercent ? 1 : 0)
            guard let number = Int(digits) else { return nil }
            guard !isPercent || (-100...100).contains(number) else { return nil }
            self = isPercent ? .percent(number) : .row(number)
        }

        /// The row of the boundary; negative ones count from the end.
        func row(of count: Int) -> Int {
            let row =
                switch self {
                case .row(let number): number
                // Halves go to the even number, as Python rounds.
                case .percent(let number):
                    Int((Double(number) * Double(count) / 100).rounded(.toNearestOrEven))
                }
            return min(max(row < 0 ? row + count : row, 0), count)
        }
    }

    private var start: Boundary?
    private var end: Boundary?

    /// All rows.
    public init() {}

    /// Reads a split; `nil` for anything but `train` and parts of it.
    public init?(_ text: String) {
        guard text != "train" else { return }
        guard text.hasPrefix("train["), text.hasSuffix("]") else { return nil }
        let inside = text.dropFirst(6).dropLast()
        let parts = inside.split(separator: ":", omittingEmptySubsequences: false).map {
            $0.drop { $0 == " " }
        }
        guard parts.count == 2 else { return nil }
        if !parts[0].isEmpty {
            guard let boundary = Boundary(parts[0]) else { return nil }
            start = boundary
        }
        if !parts[1].isEmpty {
            guard let boundary = Boundary(parts[1]) else { return nil }
            end = boundary
        }
    }

    /// The rows of the part.
    public func rows(of count: Int) -> Range<Int> {
        let first = start?.row(of: count) ?? 0
        return first..<max(first, end?.row(of: count) ?? count)
    }
}
