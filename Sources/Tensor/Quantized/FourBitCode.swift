/// The sixteen values that four bits stand for, before they are multiplied by a block's scale.
public enum FourBitCode: String, Hashable, Sendable, CaseIterable {
    /// Quantiles of the normal distribution (Dettmers et al. 2023).
    case nf4
    /// Floating point of one sign, two exponent and one mantissa bit, divided by its largest value.
    case fp4

    /// The value of each code.
    public var values: [Float] {
        switch self {
        case .nf4:
            [
                -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
                -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
                0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
                0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
            ]
        case .fp4:
            [0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3].map { $0 / 12 }
        }
    }

    /// The codes in the order of their values, and the middles between neighbours.
    ///
    /// A number gets the code at the place that counts the middles below it.
    var thresholds: (order: [UInt8], middles: [Float]) {
        let values = values
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        let middles = (1..<order.count).map { (values[order[$0 - 1]] + values[order[$0]]) / 2 }
        return (order.map(UInt8.init), middles)
    }
}

/// The signed 256 values that nested scales are quantised to (Dettmers et al. 2021): fractions whose
/// precision grows with their exponent.
enum DynamicMap {
    static let values: [Float] = {
        var result: [Float] = [0, 1]
        for exponent in 0..<7 {
            let count = 1 << exponent
            let power = Float([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1][exponent])
            let (first, last) = (Float(0.1), Float(1))
            let step = (last - first) / Float(count)
            // The second half is counted from the end and products are fused: last bits matter.
            let bounds = (0...count).map { index in
                index < (count + 1) / 2
                    ? first.addingProduct(step, Float(index))
                    : last.addingProduct(-step, Float(count - index))
            }
            for index in 0..<count {
                let value = power * ((bounds[index] + bounds[index + 1]) / 2)
                result += [value, -value]
            }
        }
        return result.sorted()
    }()
}
