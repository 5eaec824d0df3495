internal import FledgeCore

/// The columns of a Parquet file as the values that rows hold, with the levels that say where a value
/// is there (Melnik et al. 2010, "Dremel").
struct ParquetSchema: Sendable {
    /// What a leaf holds.
    struct Leaf: Sendable {
        /// The place among all leaves of the file.
        var number: Int
        /// The path, for messages.
        var path: String
        var type: PhysicalType
        var length: Int
        var meaning: Meaning
        var maxDefinition: Int
        var maxRepetition: Int
    }

    /// How values are stored.
    enum PhysicalType: Int, Sendable {
        case boolean, int32, int64, int96, float, double, byteArray, fixedByteArray
    }

    /// What stored values stand for.
    enum Meaning: Sendable {
        case plain, unsigned, float16
        /// Nothing that JSON has.
        case unsupported(String)
    }

    /// A column, or a part of one.
    struct Field: Sendable {
        var name: String
        var isOptional: Bool
        /// From this definition level on the field is there.
        var definition: Int
        var shape: Shape
        /// The leaves below, as places among those that are read.
        var leaves: Range<Int>
    }

    indirect enum Shape: Sendable {
        case leaf
        case members([Field])
        /// Elements that repeat at a level, there from a definition level on.
        case list(Field, repetition: Int, definition: Int)
    }

    /// The columns that are read.
    private(set) var fields: [Field] = []
    /// The leaves that are read.
    private(set) var leaves: [Leaf] = []
    /// Number of leaves of the file.
    private(set) var leafCount = 0

    private static let maximumDepth = 48

    /// Makes sense of the schema.
    ///
    /// - Parameter columns: The names of the columns that are read; `nil` for all.
    init(
        _ elements: [ParquetMetadata.Element], columns: Set<String>?,
        fail: @escaping (String) -> FledgeError
    ) throws {
        var tree = Tree(elements: elements, next: 0, fail: fail)
        let root = try tree.node(depth: 0)
        for child in root.children {
            let isRead = columns?.contains(child.element.name) ?? true
            var builder = Builder(
                leaves: leaves, offset: leafCount - leaves.count, isRead: isRead, fail: fail)
            let field = try builder.field(child, definition: 0, repetition: 0, path: [])
            if isRead {
                fields.append(field)
                leaves = builder.leaves
            }
            leafCount += child.leafCount
        }
    }

    /// An element with those below it.
    private struct Node {
        var element: ParquetMetadata.Element
        var children: [Node]

        var leafCount: Int {
            element.type != nil ? 1 : children.reduce(0) { $0 + $1.leafCount }
        }

        /// Whether the group is annotated as a list or a map.
        var isList: Bool { element.convertedType == 3 || element.logicalType == 3 }
        var isMap: Bool {
            element.convertedType == 1 || element.convertedType == 2 || element.logicalType == 2
        }
    }

    private struct Tree {
        let elements: [ParquetMetadata.Element]
        var next: Int
        let fail: (String) -> FledgeError

        mutating func node(depth: Int) throws -> Node {
            guard next < elements.count, depth < ParquetSchema.maximumDepth else {
                throw fail("a schema that is no tree")
            }
            let element = elements[next]
            next += 1
            guard element.childCount >= 0, element.childCount <= elements.count,
                (0...2).contains(element.repetition)
            else { throw fail("a schema that is no tree") }
            var node = Node(element: element, children: [])
            guard element.type == nil else { return node }
            for _ in 0..<element.childCount {
                node.children.append(try self.node(depth: depth + 1))
            }
            return node
        }
    }

    private struct Builder {
        var leaves: [Leaf]
        /// Number of leaves of the file before those here that are not read.
        let offset: Int
        let isRead: Bool
        let fail: (String) -> FledgeError

        mutating func field(
            _ node: Node, definition: Int, repetition: Int, path: [String]
        ) throws -> Field {
            let path = path + [node.element.name]
            let first = leaves.count
            switch node.element.repetition {
            case 2:
                // A repeated field without a list around it is a list of its own.
                let element = try content(
                    node, definition + 1, repetition + 1, path, isOptional: false)
                return Field(
                    name: node.element.name, isOptional: false, definition: definition,
                    shape: .list(element, repetition: repetition + 1, definition: definition + 1),
                    leaves: first..<leaves.count)
            case 1: return try content(node, definition + 1, repetition, path, isOptional: true)
            default: return try content(node, definition, repetition, path, isOptional: false)
            }
        }

        private mutating func content(
            _ node: Node, _ definition: Int, _ repetition: Int, _ path: [String], isOptional: Bool
        ) throws -> Field {
            let first = leaves.count
            var shape = Shape.leaf
            if let type = node.element.type {
                try append(node.element, type, definition, repetition, path)
            } else if node.isList || node.isMap, node.children.count == 1,
                node.children[0].element.repetition == 2
            {
                let element = try element(
                    node.children[0], of: node, definition + 1, repetition + 1, path)
                shape = .list(element, repetition: repetition + 1, definition: definition + 1)
            } else {
                guard !node.children.isEmpty else { throw fail("a group without columns") }
                shape = .members(
                    try node.children.map {
                        try field(
                            $0, definition: definition, repetition: repetition, path: path)
                    })
            }
            return Field(
                name: node.element.name, isOptional: isOptional, definition: definition,
                shape: shape, leaves: first..<leaves.count)
        }

        /// The element of a list: the repeated child itself (two levels), or what is in it (three).
        private mutating func element(
            _ child: Node, of list: Node, _ definition: Int, _ repetition: Int, _ path: [String]
        ) throws -> Field {
            let name = child.element.name
            let isElement =
                child.element.type != nil || child.children.count != 1
                || child.children[0].element.repetition == 2 || name == "array"
                || name == list.element.name + "_tuple"
            if isElement || list.isMap {
                return try content(child, definition, repetition, path, isOptional: false)
            }
            return try field(
                child.children[0], definition: definition, repetition: repetition, path: path)
        }

        private mutating func append(
            _ element: ParquetMetadata.Element, _ type: Int, _ definition: Int, _ repetition: Int,
            _ path: [String]
        ) throws {
            guard let physical = PhysicalType(rawValue: type) else {
                throw fail("an unknown type of values")
            }
            let length = physical == .fixedByteArray ? element.typeLength : 0
            guard length >= 0, length < 1 << 24, physical != .fixedByteArray || length > 0 else {
                throw fail("a length of values that cannot be")
            }
            var meaning = Meaning.plain
            if physical == .int96 { meaning = .unsupported("times of 96 bits") }
            if element.convertedType == 5 || element.logicalType == 5 {
                meaning = .unsupported("decimal numbers")
            }
            if element.convertedType == 21 { meaning = .unsupported("intervals") }
            if element.logicalType == 15 { meaning = .float16 }
            if (11...14).contains(element.convertedType ?? 0) || element.integerIsSigned == false {
                meaning = .unsigned
            }
            leaves.append(
                Leaf(
                    number: offset + leaves.count, path: path.joined(separator: "."),
                    type: physical, length: length, meaning: meaning, maxDefinition: definition,
                    maxRepetition: repetition))
        }
    }
}
