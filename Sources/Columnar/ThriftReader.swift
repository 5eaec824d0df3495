internal import FledgeCore

/// Reads Thrift's compact protocol, in which Parquet files describe themselves.
struct ThriftReader {
    private let bytes: UnsafeRawBufferPointer
    private let fail: (String) -> FledgeError
    /// The next byte.
    private(set) var position: Int

    /// The types of fields.
    enum Kind: UInt8 {
        case stop, yes, no, byte, short, int, long, double, binary, list, set, map, structure
    }

    /// Reads from `start` on.
    init(
        _ bytes: UnsafeRawBufferPointer, from start: Int, fail: @escaping (String) -> FledgeError
    ) {
        (self.bytes, position, self.fail) = (bytes, start, fail)
    }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw fail("a description that ends too early") }
        position += 1
        return bytes[position - 1]
    }

    mutating func unsigned() throws -> UInt64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while true {
            let byte = try byte()
            guard shift < 64 else { throw fail("a number that is too long") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    mutating func integer() throws -> Int {
        let value = try unsigned()
        return Int(bitPattern: UInt(value >> 1)) ^ -Int(value & 1)
    }

    mutating func binary() throws -> UnsafeRawBufferPointer {
        let count = try unsigned()
        guard count <= UInt64(bytes.count - position) else {
            throw fail("a text that is longer than the file")
        }
        position += Int(count)
        return UnsafeRawBufferPointer(rebasing: bytes[position - Int(count)..<position])
    }

    mutating func text() throws -> String {
        String(decoding: try binary(), as: UTF8.self)
    }

    /// Reads the fields of a structure; those that `body` does not take are skipped.
    ///
    /// - Parameter body: Gets number and type; returns whether it read the value.
    mutating func structure(
        _ body: (inout ThriftReader, _ field: Int, _ kind: Kind) throws -> Bool
    ) throws {
        var field = 0
        while true {
            let header = try byte()
            guard let kind = Kind(rawValue: header & 15) else { throw fail("an unknown type") }
            if kind == .stop { return }
            let step = Int(header >> 4)
            field = try step == 0 ? integer() : field &+ step
            if try !body(&self, field, kind) { try skip(kind, depth: 0) }
        }
    }

    /// Reads a list; gives `body` each element's turn to be read.
    mutating func list(_ body: (inout ThriftReader) throws -> Void) throws {
        let (count, _) = try listHeader()
        for _ in 0..<count { try body(&self) }
    }

    private mutating func listHeader() throws -> (count: Int, kind: Kind) {
        let header = try byte()
        guard let kind = Kind(rawValue: header & 15) else { throw fail("an unknown type") }
        let count = try header >> 4 == 15 ? unsigned() : UInt64(header >> 4)
        // Every element takes a byte at least.
        guard count <= UInt64(bytes.count - position) else {
            throw fail("a list that is longer than the file")
        }
        return (Int(count), kind)
    }

    private mutating func skip(_ kind: Kind, depth: Int) throws {
        guard depth < 32 else { throw fail("too deep a description") }
        switch kind {
        case .stop, .yes, .no: break
        case .byte: _ = try byte()
        case .short, .int, .long: _ = try unsigned()
        case .double: for _ in 0..<8 { _ = try byte() }
        case .binary: _ = try binary()
        case .list, .set:
            let (count, element) = try listHeader()
            for _ in 0..<count {
                // Truth values in lists take a byte.
                try skip(element == .yes || element == .no ? .byte : element, depth: depth + 1)
            }
        case .map:
            let count = try unsigned()
            guard count <= UInt64(bytes.count - position) else {
                throw fail("a map that is longer than the file")
            }
            guard count > 0 else { return }
            let kinds = try byte()
            guard let key = Kind(rawValue: kinds >> 4), let value = Kind(rawValue: kinds & 15)
            else { throw fail("an unknown type") }
            for _ in 0..<count {
                try skip(key == .yes || key == .no ? .byte : key, depth: depth + 1)
                try skip(value == .yes || value == .no ? .byte : value, depth: depth + 1)
            }
        case .structure:
            while true {
                let header = try byte()
                guard let kind = Kind(rawValue: header & 15) else { throw fail("an unknown type") }
                if kind == .stop { return }
                if header >> 4 == 0 { _ = try integer() }
                try skip(kind, depth: depth + 1)
            }
        }
    }
}
