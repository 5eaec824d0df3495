internal import FledgeColumnar
internal import FledgeCore

/// Where the rows of a text file begin: byte, line and column of each.
///
/// An entry is 16 bytes, written as they are, so that the index of a large file can be a file too.
struct RowIndex: Sendable {
    /// Number of rows.
    let count: Int
    private let store: ByteStore
    private let start: Int

    static let entrySize = 16

    /// Reads entries, one more than there are rows, from `start` on.
    init(count: Int, in store: ByteStore, from start: Int) {
        precondition(store.bytes.count >= start + (count + 1) * Self.entrySize)
        (self.count, self.store, self.start) = (count, store, start)
    }

    /// The bytes from a row's first one to the next row's.
    func range(of row: Int) -> Range<Int> {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        let first = offset(row)
        return first..<max(first, offset(row + 1))
    }

    /// Line and column of a row, counted from 1.
    func place(of row: Int) -> (line: Int, column: Int) {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        let at = start + row * Self.entrySize
        return (
            Int(
                UInt32(
                    littleEndian: store.bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt32.self)
                )),
            Int(
                UInt32(
                    littleEndian: store.bytes.loadUnaligned(
                        fromByteOffset: at + 12, as: UInt32.self)))
        )
    }

    private func offset(_ row: Int) -> Int {
        let value = store.bytes.loadUnaligned(
            fromByteOffset: start + row * Self.entrySize, as: UInt64.self)
        return Int(clamping: UInt64(littleEndian: value))
    }

    /// Collects the entries of an index.
    struct Builder {
        private(set) var count = 0
        private var entries: [UInt64] = []
        private let write: ((UnsafeRawBufferPointer) throws -> Void)?

        /// Starts an index in memory, or one that is handed over piece by piece.
        init(write: ((UnsafeRawBufferPointer) throws -> Void)? = nil) { self.write = write }

        /// Adds a row.
        mutating func append(offset: Int, line: Int, column: Int) throws {
            put(offset, line, column)
            count += 1
            if write != nil, entries.count >= 1 << 16 { try flush() }
        }

        /// Adds where the last row ends; nothing may follow.
        mutating func finish(end: Int) throws {
            put(end, 0, 0)
            if write != nil { try flush() }
        }

        private mutating func put(_ offset: Int, _ line: Int, _ column: Int) {
            entries.append(UInt64(offset).littleEndian)
            let place = UInt64(UInt32(clamping: column)) << 32 | UInt64(UInt32(clamping: line))
            entries.append(place.littleEndian)
        }

        private mutating func flush() throws {
            try entries.withUnsafeBytes { try write?($0) }
            entries.removeAll(keepingCapacity: true)
        }

        /// The index that was collected in memory.
        var index: RowIndex {
            precondition(write == nil, "RowIndex: the entries were handed over")
            let store = entries.withUnsafeBytes { ByteStore(copying: $0) }
            return RowIndex(count: count, in: store, from: 0)
        }
    }
}
