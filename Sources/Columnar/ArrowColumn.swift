internal import FledgeCore

/// The values of a column in a batch, where they lie in the file.
struct ArrowColumn {
    private let field: ArrowField
    let layout: ArrowField.Layout
    let count: Int
    let validity: UnsafeRawBufferPointer?
    let buffers: [UnsafeRawBufferPointer]
    let children: [ArrowColumn]
    let dictionary: [ArrowColumn]?

    /// The buffers and lengths of a batch, taken one after another.
    struct Parts {
        var nodes: ArraySlice<(count: Int, nullCount: Int)>
        var buffers: ArraySlice<UnsafeRawBufferPointer>
        var viewCounts: ArraySlice<Int64>
        let dictionaries: [Int64: [ArrowColumn]]
        let fail: (String) -> FledgeError

        mutating func buffer() throws -> UnsafeRawBufferPointer {
            guard let buffer = buffers.popFirst() else { throw fail("fewer buffers than columns") }
            return buffer
        }
    }

    /// Takes a column's parts.
    ///
    /// - Parameter isValue: Whether the column is a dictionary's values, which are no places in it.
    init(_ field: ArrowField, _ parts: inout Parts, isValue: Bool = false) throws {
        self.field = field
        guard let node = parts.nodes.popFirst() else {
            throw parts.fail("fewer lengths than columns")
        }
        count = node.count
        let encoding = isValue ? nil : field.dictionary
        layout = encoding?.index ?? field.layout
        dictionary = encoding.map { parts.dictionaries[$0.id] ?? [] }
        func part(_ buffer: UnsafeRawBufferPointer, _ size: Int) throws -> UnsafeRawBufferPointer {
            guard buffer.count >= size else { throw parts.fail("a buffer that is too short") }
            return buffer
        }
        var kept: [UnsafeRawBufferPointer] = []
        var hasValidity = true
        switch layout {
        case .null: hasValidity = false
        case .unsupported(_, let buffers):
            for _ in 0..<buffers { _ = try parts.buffer() }
            hasValidity = false
        default: break
        }
        var validity: UnsafeRawBufferPointer?
        if hasValidity {
            let bits = try parts.buffer()
            if node.nullCount != 0 { validity = try part(bits, (count + 7) / 8) }
        }
        self.validity = validity
        switch layout {
        case .null, .members, .fixedList, .unsupported: break
        case .truth: kept = [try part(parts.buffer(), (count + 7) / 8)]
        case .whole(let size, _), .number(let size):
            kept = [try part(parts.buffer(), count * size)]
        case .fixedText(let size):
            let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw parts.fail("a length that cannot be") }
            kept = [try part(parts.buffer(), bytes)]
        case .text(let offset), .list(let offset):
            // A column without rows may have no offsets at all.
            kept = [try part(parts.buffer(), count == 0 ? 0 : (count + 1) * offset)]
            if case .text = layout { kept.append(try parts.buffer()) }
        case .view:
            kept = [try part(parts.buffer(), count * 16)]
            guard let more = parts.viewCounts.popFirst(), more >= 0 else {
                throw parts.fail("no count of buffers")
            }
            for _ in 0..<min(more, Int64(parts.buffers.count + 1)) {
                kept.append(try parts.buffer())
            }
        }
        buffers = kept
        if encoding != nil {
            children = []
        } else {
            children = try field.children.map { try ArrowColumn($0, &parts) }
        }
        for child in children {
            var needed = 0
            if case .members = layout { needed = count }
            if case .fixedList(let size) = layout {
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow else { throw parts.fail("a length that cannot be") }
                needed = product
            }
            guard child.count >= needed else { throw parts.fail("fewer values than rows") }
        }
    }

    /// The value of a row.
    ///
    /// - Parameter budget: Number of values that may still be read.
    func value(
        at row: Int, _ budget: inout Int, _ fail: (String) -> FledgeError
    ) throws -> JSONValue {
        budget -= 1
        guard budget >= 0 else { throw fail("more values in a row than the file can hold") }
        guard row >= 0, row < count else { throw fail("a place outside of a column") }
        if let validity, validity[row / 8] >> (row % 8) & 1 == 0 { return .null }
        if let dictionary {
            var place = try whole(at: row)
            for part in dictionary {
                guard place >= part.count else { return try part.value(at: place, &budget, fail) }
                place -= part.count
            }
            throw fail("a place outside of the dictionary")
        }
        switch layout {
        case .null: return .null
        case .truth: return .bool(buffers[0][row / 8] >> (row % 8) & 1 == 1)
        case .whole(let size, let isSigned):
            guard size == 8, !isSigned else { return .integer(try whole(at: row)) }
            let value = load(UInt64.self, row)
            return Int(exactly: value).map { .integer($0) } ?? .largeInteger(String(value))
        case .number(let size):
            switch size {
            case 2: return .number(Double(Float16(bitPattern: load(UInt16.self, row))))
            case 4: return .number(Double(Float(bitPattern: load(UInt32.self, row))))
            default: return .number(Double(bitPattern: load(UInt64.self, row)))
            }
        case .text(let offset):
            let range = try range(row, offset, limit: buffers[1].count, fail)
            return try text(buffers[1][range], fail)
        case .view: return try text(try viewed(row, fail), fail)
        case .fixedText(let size):
            return try text(buffers[0][row * size..<(row + 1) * size], fail)
        case .list(let offset):
            let range = try range(row, offset, limit: children[0].count, fail)
            return .array(try range.map { try children[0].value(at: $0, &budget, fail) })
        case .fixedList(let size):
            return .array(
                try (row * size..<(row + 1) * size).map {
                    try children[0].value(at: $0, &budget, fail)
                })
        case .members:
            return .object(
                try zip(field.children, children).map {
                    .init($0.name, try $1.value(at: row, &budget, fail))
                })
        case .unsupported(let what, _): throw unsupported(what, fail)
        }
    }

    private func load<Number: FixedWidthInteger>(_: Number.Type, _ row: Int) -> Number {
        Number(
            littleEndian: buffers[0].loadUnaligned(
                fromByteOffset: row * MemoryLayout<Number>.size, as: Number.self))
    }

    func whole(at row: Int) throws -> Int {
        guard case .whole(let size, let isSigned) = layout else { return 0 }
        switch (size, isSigned) {
        case (1, true): return Int(load(Int8.self, row))
        case (1, false): return Int(load(UInt8.self, row))
        case (2, true): return Int(load(Int16.self, row))
        case (2, false): return Int(load(UInt16.self, row))
        case (4, true): return Int(load(Int32.self, row))
        case (4, false): return Int(load(UInt32.self, row))
        default: return Int(load(Int64.self, row))
        }
    }

    func range(
        _ row: Int, _ size: Int, limit: Int, _ fail: (String) -> FledgeError
    ) throws -> Range<Int> {
        func offset(_ index: Int) -> Int {
            size == 4 ? Int(load(Int32.self, index)) : Int(load(Int64.self, index))
        }
        let (start, end) = (offset(row), offset(row + 1))
        guard start >= 0, start <= end, end <= limit else { throw fail("offsets that go wrong") }
        return start..<end
    }

    private func viewed(
        _ row: Int, _ fail: (String) -> FledgeError
    ) throws -> Slice<UnsafeRawBufferPointer> {
        func part(_ place: Int) -> Int {
            Int(
                Int32(
                    littleEndian: buffers[0].loadUnaligned(
                        fromByteOffset: row * 16 + place, as: Int32.self)))
        }
        let count = part(0)
        guard count >= 0 else { throw fail("a negative length") }
        if count <= 12 { return buffers[0][row * 16 + 4..<row * 16 + 4 + count] }
        let (buffer, start) = (part(8), part(12))
        guard buffer >= 0, buffer + 1 < buffers.count, start >= 0,
            count <= buffers[buffer + 1].count - start
        else { throw fail("a text outside of its buffer") }
        return buffers[buffer + 1][start..<start + count]
    }

    private func text(
        _ bytes: Slice<UnsafeRawBufferPointer>, _ fail: (String) -> FledgeError
    ) throws -> JSONValue {
        let view = UnsafeRawBufferPointer(rebasing: bytes)
        guard let text = String(validating: view, as: UTF8.self) else {
            throw unsupported("bytes that are no text", fail)
        }
        return .string(text)
    }

    private func unsupported(_ what: String, _ fail: (String) -> FledgeError) -> FledgeError {
        var error = fail("")
        error.code = .unsupported
        error.message = "The column \(field.name) holds \(what), which cannot be read."
        error.advice = "Name the columns to read in dataset_info.json, without this one."
        return error
    }
}
