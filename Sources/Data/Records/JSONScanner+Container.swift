internal import FledgeCore

/// Files that are one object, which holds the rows.
extension JSONScanner {
    /// Where in the object the rows are.
    enum Container {
        /// In an array, at which the scanner stands.
        case array(JSONScanner)
        /// The values of all its members are rows.
        case members
    }

    /// Members that hold the rows, whatever else there is.
    private static let datas = ["data"]
    /// Members that hold the rows where they are the only ones.
    private static let alone = [
        "train", "rows", "examples", "samples", "items", "records", "instances", "dataset",
    ]

    /// A member of the object.
    private struct Entry {
        let key: String
        /// The first byte of the value, and of what is inside of it.
        let first: UInt8
        let inner: UInt8?
        /// The first key of an object.
        let innerKey: String?
        let value: JSONScanner

        /// Whether it is an array of texts or numbers.
        var holdsValues: Bool {
            guard first == UInt8(ascii: "["), let inner else { return false }
            return ![UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "]")].contains(inner)
        }
    }

    /// Where the rows of a file are that is a single object; nil where the object is itself a row, or
    /// the file is something else.
    ///
    /// - Throws: ``FledgeError`` when the object is a table written column by column.
    func container() throws -> Container? {
        var whole = self
        guard next == UInt8(ascii: "{") else { return nil }
        whole.skipBrackets()
        guard whole.position <= bytes.count else { return nil }
        whole.skipBlanks()
        guard whole.next == nil else { return nil }
        let (entries, count, isUniform) = entries()
        guard let first = entries.first else { return nil }
        let (brace, bracket) = (UInt8(ascii: "{"), UInt8(ascii: "["))
        let rows = entries.filter { $0.first == bracket && $0.inner == brace }
        if let found = rows.first(where: { Self.datas.contains($0.key) })
            ?? (count == 1 ? rows.first { Self.alone.contains($0.key) } : nil)
        {
            try requireOnly(found, among: rows)
            return .array(found.value)
        }
        guard isUniform, count > 1 || first.key.isNumber else { return nil }
        let isTable =
            first.first == brace
            ? !first.key.isNumber && first.innerKey?.isNumber == true
            : entries.allSatisfy { $0.holdsValues }
        if isTable {
            throw FledgeError(
                .data,
                "The file is a table written column by column (\(entries.map(\.key).listed)), expected "
                    + "rows.",
                advice:
                    "Write it row by row: pandas' to_json(path, orient=\"records\", lines=True).",
                at: location)
        }
        // Messages by themselves are columns of one row.
        let isMessage = entries.contains {
            ["role", "from", "content", "value"].contains($0.innerKey)
        }
        return first.first == brace && !isMessage ? .members : nil
    }

    /// Refuses further lists whose rows have keys of the first one: nothing would read them.
    private func requireOnly(_ found: Entry, among rows: [Entry]) throws {
        func keys(_ entry: Entry) -> Set<String> {
            var inside = entry.value
            inside.position += 1
            inside.skipBlanks()
            return Set(inside.entries().entries.map(\.key))
        }
        let wanted = keys(found)
        let others = rows.filter { $0.key != found.key && !keys($0).isDisjoint(with: wanted) }
        guard !others.isEmpty else { return }
        throw FledgeError(
            .data,
            "The file holds rows under \(found.key), and others under \(others.map(\.key).listed): "
                + "expected one list.",
            advice: "Put the rows of each list into a file of its own.", at: location)
    }

    /// The first members and those that may hold rows, the number of all, and whether all are objects
    /// or all are arrays.
    private func entries() -> (entries: [Entry], count: Int, isUniform: Bool) {
        var (entries, count, isUniform) = ([Entry](), 0, true)
        var scanner = self
        scanner.position += 1
        scanner.skipBlanks()
        while let key = scanner.skipKey(), let first = scanner.next {
            let isNested = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
            let value = scanner
            var inside = scanner
            if isNested {
                inside.position += 1
                inside.skipBlanks()
                scanner.skipBrackets()
            } else if first == UInt8(ascii: "\"") {
                guard scanner.skipString() != nil else { break }
            } else {
                while let byte = scanner.next, byte != UInt8(ascii: ","),
                    byte != UInt8(ascii: "}")
                {
                    scanner.position += 1
                }
            }
            isUniform = isUniform && isNested && (entries.first.map { $0.first == first } ?? true)
            count += 1
            let name = String(decoding: Array(key), as: UTF8.self)
            if entries.count < 16 || Self.datas.contains(name) {
                let inner = isNested ? inside.next : nil
                let innerKey = first == UInt8(ascii: "{") ? inside.skipString() : nil
                entries.append(
                    Entry(
                        key: name, first: first, inner: inner,
                        innerKey: innerKey.map { String(decoding: Array($0), as: UTF8.self) },
                        value: value))
            }
            scanner.skipBlanks()
            guard scanner.next == UInt8(ascii: ",") else { break }
            scanner.position += 1
            scanner.skipBlanks()
        }
        return (entries, count, isUniform)
    }

    /// Adds the values of all members of the object at the position, and moves behind it.
    mutating func scanMembers(_ builder: inout RowIndex.Builder) throws {
        position += 1
        skipBlanks()
        while skipKey() != nil {
            try scanValue(&builder)
            guard next == UInt8(ascii: ",") else { break }
            position += 1
            skipBlanks()
        }
        guard next == UInt8(ascii: "}") else { throw unexpected("',' or '}'") }
        position += 1
        skipBlanks()
    }
}

extension String {
    /// Whether it is nothing but digits.
    fileprivate var isNumber: Bool {
        !utf8.isEmpty && utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
