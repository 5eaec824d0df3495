internal import FledgeCore

/// A column of an Arrow file, or a part of one, as its schema describes it.
struct ArrowField {
    /// How values are laid out.
    enum Layout {
        case null, truth
        case whole(size: Int, isSigned: Bool)
        case number(size: Int)
        /// Offsets of 4 or 8 bytes into bytes.
        case text(offset: Int)
        /// Sixteen bytes that hold a short text or point to a long one.
        case view
        case fixedText(Int)
        /// Offsets of 4 or 8 bytes into elements.
        case list(offset: Int)
        case fixedList(Int)
        case members
        /// Something without a form in JSON, with this many buffers.
        case unsupported(String, buffers: Int)
    }

    var name: String
    var layout: Layout
    var children: [ArrowField]
    /// The dictionary that the column's numbers point into.
    var dictionary: (id: Int64, index: Layout)?

    private static let maximumDepth = 48

    /// Reads a field of a schema.
    ///
    /// - Parameter budget: Number of fields that may still be read: a small file can refer to the same
    ///   field again and again.
    init(
        _ table: FlatTable, depth: Int = 0, budget: inout Int,
        fail: @escaping (String) -> FledgeError
    ) throws {
        budget -= 1
        guard depth < Self.maximumDepth, budget >= 0 else { throw fail("too large a schema") }
        name = try table.text(0)
        children = try table.tables(5).map {
            try ArrowField($0, depth: depth + 1, budget: &budget, fail: fail)
        }
        let kind = try table.number(2, default: UInt8(0))
        layout = try Self.layout(kind, table.table(3), childCount: children.count, fail)
        if let encoding = try table.table(4) {
            let index = try encoding.table(1)
            dictionary = (
                try encoding.number(0, default: Int64(0)),
                try index.map { try Self.whole($0, fail) } ?? .whole(size: 4, isSigned: true)
            )
        }
    }

    private static func whole(
        _ type: FlatTable, _ fail: (String) -> FledgeError
    ) throws -> Layout {
        let bits = try type.number(0, default: Int32(0))
        guard [8, 16, 32, 64].contains(bits) else { throw fail("whole numbers of \(bits) bits") }
        return .whole(size: Int(bits) / 8, isSigned: try type.flag(1))
    }

    private static func layout(
        _ kind: UInt8, _ type: FlatTable?, childCount: Int, _ fail: (String) -> FledgeError
    ) throws -> Layout {
        guard let type else { throw fail("a column without a type") }
        func children(_ count: Int) throws {
            guard childCount == count else { throw fail("a list without elements") }
        }
        switch kind {
        case 1: return .null
        case 2: return try whole(type, fail)
        case 3:
            let precision = try type.number(0, default: Int16(0))
            guard (0...2).contains(precision) else { throw fail("an unknown precision") }
            return .number(size: 2 << Int(precision))
        case 4, 5: return .text(offset: 4)
        case 6: return .truth
        case 7: return .unsupported("decimal numbers", buffers: 2)
        case 8:
            return .whole(size: try type.number(0, default: Int16(1)) == 0 ? 4 : 8, isSigned: true)
        case 9:
            let bits = try type.number(1, default: Int32(32))
            return .whole(size: bits == 64 ? 8 : 4, isSigned: true)
        case 10, 18: return .whole(size: 8, isSigned: true)
        case 11: return .unsupported("intervals", buffers: 2)
        case 12, 17, 21:
            try children(1)
            return .list(offset: kind == 21 ? 8 : 4)
        case 13: return .members
        case 14:
            let isDense = try type.number(0, default: Int16(0)) == 1
            return .unsupported("unions", buffers: isDense ? 2 : 1)
        case 15:
            let size = Int(try type.number(0, default: Int32(0)))
            guard size >= 0 else { throw fail("a negative length") }
            return .fixedText(size)
        case 16:
            try children(1)
            let size = Int(try type.number(0, default: Int32(0)))
            guard size >= 0 else { throw fail("a negative length") }
            return .fixedList(size)
        case 19, 20: return .text(offset: 8)
        case 22: return .unsupported("runs of equal values", buffers: 0)
        case 23, 24: return .view
        case 25, 26: return .unsupported("views of lists", buffers: 3)
        default: throw fail("an unknown type")
        }
    }
}
