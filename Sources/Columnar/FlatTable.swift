internal import FledgeCore

/// A table of a FlatBuffers message, in which Arrow files describe themselves.
///
/// Every place is checked against the end of the bytes before it is read.
struct FlatTable {
    private let bytes: UnsafeRawBufferPointer
    private let position: Int
    private let fail: (String) -> FledgeError

    private init(
        _ bytes: UnsafeRawBufferPointer, at position: Int, fail: @escaping (String) -> FledgeError
    ) {
        (self.bytes, self.position, self.fail) = (bytes, position, fail)
    }

    /// The table that a message begins with.
    init(root bytes: UnsafeRawBufferPointer, fail: @escaping (String) -> FledgeError) throws {
        let origin = FlatTable(bytes, at: 0, fail: fail)
        self = FlatTable(bytes, at: Int(try origin.load(UInt32.self, at: 0)), fail: fail)
    }

    private func load<Number: FixedWidthInteger>(_: Number.Type, at place: Int) throws -> Number {
        guard place >= 0, place <= bytes.count - MemoryLayout<Number>.size else {
            throw fail("a place outside of the description")
        }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Number.self))
    }

    /// The place of a field; `nil` where it has its default.
    private func place(_ slot: Int) throws -> Int? {
        let table = position - Int(try load(Int32.self, at: position))
        let size = Int(try load(UInt16.self, at: table))
        guard 4 + 2 * slot + 2 <= size else { return nil }
        let offset = Int(try load(UInt16.self, at: table + 4 + 2 * slot))
        return offset == 0 ? nil : position + offset
    }

    /// A number of a field.
    func number<Number: FixedWidthInteger>(_ slot: Int, default value: Number) throws -> Number {
        try place(slot).map { try load(Number.self, at: $0) } ?? value
    }

    /// A truth value of a field.
    func flag(_ slot: Int) throws -> Bool { try number(slot, default: UInt8(0)) != 0 }

    /// A table of a field.
    func table(_ slot: Int) throws -> FlatTable? {
        try place(slot).map {
            FlatTable(bytes, at: $0 + Int(try load(UInt32.self, at: $0)), fail: fail)
        }
    }

    /// A text of a field.
    func text(_ slot: Int) throws -> String {
        guard let (start, count) = try vector(slot, size: 1) else { return "" }
        return String(decoding: bytes[start..<start + count], as: UTF8.self)
    }

    /// The tables of a field.
    func tables(_ slot: Int) throws -> [FlatTable] {
        guard let (start, count) = try vector(slot, size: 4) else { return [] }
        return try (0..<count).map { index in
            let at = start + 4 * index
            return FlatTable(bytes, at: at + Int(try load(UInt32.self, at: at)), fail: fail)
        }
    }

    /// The numbers of a field whose elements are `words` numbers of 64 bits each.
    func longs(_ slot: Int, words: Int) throws -> [Int64] {
        guard let (start, count) = try vector(slot, size: 8 * words) else { return [] }
        return try (0..<count * words).map { try load(Int64.self, at: start + 8 * $0) }
    }

    private func vector(_ slot: Int, size: Int) throws -> (start: Int, count: Int)? {
        guard let place = try place(slot) else { return nil }
        let start = place + Int(try load(UInt32.self, at: place))
        let count = Int(try load(UInt32.self, at: start))
        guard count <= (bytes.count - start - 4) / size else {
            throw fail("a list that is longer than the description")
        }
        return (start + 4, count)
    }
}
