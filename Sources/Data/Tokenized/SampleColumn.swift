public import FledgeCore

/// One column of a sample: its name, and what the sample has there.
public struct SampleColumn: Hashable, Sendable {
    /// What a column holds.
    public enum Kind: Hashable, Sendable {
        /// Whole numbers: tokens, labels, places.
        case integers
        /// Small whole numbers: masks.
        case marks
        /// Weights.
        case numbers
        /// A truth value.
        case flag
    }

    /// What a sample has in a column.
    public enum Values: Hashable, Sendable {
        /// Whole numbers.
        case integers([Int32])
        /// Small whole numbers.
        case marks([Int8])
        /// Weights.
        case numbers([Float])
        /// A truth value.
        case flag(Bool)

        /// Number of elements; 1 for a truth value.
        public var count: Int {
            switch self {
            case .integers(let values): values.count
            case .marks(let values): values.count
            case .numbers(let values): values.count
            case .flag: 1
            }
        }

        /// What the values are.
        public var kind: Kind {
            switch self {
            case .integers: .integers
            case .marks: .marks
            case .numbers: .numbers
            case .flag: .flag
            }
        }

        /// The values in JSON.
        public var json: JSONValue {
            switch self {
            case .integers(let values): .array(values.map { .integer(Int($0)) })
            case .marks(let values): .array(values.map { .integer(Int($0)) })
            case .numbers(let values): .array(values.map { .number(Double($0)) })
            case .flag(let value): .bool(value)
            }
        }

        /// Appends the elements as they lie in memory of a little-endian machine.
        func append(to bytes: inout [UInt8]) {
            switch self {
            case .integers(let values):
                values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .marks(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .numbers(let values): values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            case .flag(let value): bytes.append(value ? 1 : 0)
            }
        }
    }

    /// The name.
    public var name: String
    /// What the sample has there.
    public var values: Values

    /// Creates a column of a sample.
    public init(_ name: String, _ values: Values) { (self.name, self.values) = (name, values) }
}
