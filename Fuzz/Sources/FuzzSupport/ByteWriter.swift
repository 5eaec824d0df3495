/// Makes the bytes of small binary files.
public struct ByteWriter {
    /// What was written.
    public private(set) var bytes: [UInt8] = []

    /// Creates an empty file.
    public init() {}

    /// Some bytes.
    public mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    /// A number, lowest byte first.
    public mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A number in groups of seven bits.
    public mutating func append(variable number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A field of a protocol buffer that is a number.
    public mutating func field(_ field: UInt64, number: UInt64) {
        append(variable: field << 3)
        append(variable: number)
    }

    /// A field of a protocol buffer that is a run of bytes.
    public mutating func field(_ field: UInt64, bytes content: [UInt8]) {
        append(variable: field << 3 | 2)
        append(variable: UInt64(content.count))
        append(content)
    }

    /// A field of a protocol buffer that is a single-precision number.
    public mutating func field(_ field: UInt64, float number: Float) {
        append(variable: field << 3 | 5)
        append(number.bitPattern)
    }
}
