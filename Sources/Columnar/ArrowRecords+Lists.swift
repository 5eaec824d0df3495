internal import FledgeCore

/// Lists of numbers, read as they lie in the file.
extension ArrowRecords {
    /// The names of the columns that are read.
    public var columnNames: [String] { fields.map(\.name) }

    /// The whole numbers of a list; `nil` where there is no such column.
    ///
    /// - Throws: ``FledgeError`` when the column is something else, or a number is too large.
    public func integers(_ column: String, at row: Int) throws -> [Int32]? {
        let fail = failure
        return try cell(column, row).map { try $0.integers(at: $1, fail) }
    }

    /// The floating-point numbers of a list.
    public func numbers(_ column: String, at row: Int) throws -> [Float]? {
        let fail = failure
        return try cell(column, row).map { try $0.numbers(at: $1, fail) }
    }

    /// A truth value.
    public func flag(_ column: String, at row: Int) throws -> Bool? {
        guard let (column, row) = cell(column, row) else { return nil }
        var budget = 1
        guard case .bool(let value) = try column.value(at: row, &budget, failure) else {
            throw failure("no truth value")
        }
        return value
    }

    private func cell(_ name: String, _ row: Int) -> (ArrowColumn, Int)? {
        guard let field = fields.first(where: { $0.name == name }) else { return nil }
        let (batch, row) = place(of: row)
        return (batches[batch].columns[field.place], row)
    }
}

extension ArrowColumn {
    /// The whole numbers of a list.
    fileprivate func integers(
        at row: Int, _ fail: (String) -> FledgeError
    ) throws -> [Int32] {
        let (values, range) = try elements(row, fail)
        guard case .whole(let size, let isSigned) = values.layout else {
            throw fail("a list of something else than whole numbers")
        }
        if size == 4, isSigned { return values.load(Int32.self, range) }
        return try range.map {
            guard let value = Int32(exactly: try values.whole(at: $0)) else {
                throw fail("a number beyond 32 bits")
            }
            return value
        }
    }

    /// The floating-point numbers of a list.
    fileprivate func numbers(
        at row: Int, _ fail: (String) -> FledgeError
    ) throws -> [Float] {
        let (values, range) = try elements(row, fail)
        guard case .number(let size) = values.layout, size == 4 else {
            throw fail("a list of something else than numbers of 32 bits")
        }
        return values.load(Int32.self, range).map { Float(bitPattern: UInt32(bitPattern: $0)) }
    }

    private func elements(
        _ row: Int, _ fail: (String) -> FledgeError
    ) throws -> (ArrowColumn, Range<Int>) {
        guard case .list(let offset) = layout, dictionary == nil, isValid(row) else {
            throw fail("no list")
        }
        let range = try range(row, offset, limit: children[0].count, fail)
        guard children[0].validity == nil, children[0].dictionary == nil else {
            throw fail("a list without values")
        }
        return (children[0], range)
    }

    private func isValid(_ row: Int) -> Bool {
        validity.map { $0[row / 8] >> (row % 8) & 1 == 1 } ?? true
    }

    private func load<Number: FixedWidthInteger>(
        _: Number.Type, _ range: Range<Int>
    ) -> [Number] {
        let size = MemoryLayout<Number>.size
        let bytes = UnsafeRawBufferPointer(
            rebasing: buffers[0][range.lowerBound * size..<range.upperBound * size])
        return [Number](unsafeUninitializedCapacity: range.count) { target, count in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
            count = range.count
        }
    }
}
