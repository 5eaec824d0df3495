public import FledgeCore

/// A row of a data file, as it was read.
public struct Record: Sendable {
    /// The row's members.
    public var value: JSONValue
    /// Where the row begins.
    public var location: FledgeError.Location

    /// Creates a row.
    public init(_ value: JSONValue, at location: FledgeError.Location) {
        (self.value, self.location) = (value, location)
    }
}

/// Rows that can be read one by one, in any order, without holding all of them in memory.
///
/// Conform a type of your own to feed rows from elsewhere, a data base say, into the pipeline.
public protocol RecordSource: Sendable {
    /// Number of rows.
    var count: Int { get }

    /// The row at an index from 0 on.
    ///
    /// - Throws: ``FledgeError`` when the row is not what its file's format requires.
    func record(at index: Int) throws -> Record

    /// Where the row at an index begins, without reading it.
    func location(at index: Int) -> FledgeError.Location

    /// Whether rows in any order cost about as much as rows in their own order.
    var isRandomAccess: Bool { get }
}

extension RecordSource {
    /// True, as for everything that is indexed.
    public var isRandomAccess: Bool { true }
}

/// Rows that are in memory.
public struct RecordList: RecordSource {
    private let records: [Record]

    /// Creates a source of rows.
    public init(_ records: [Record]) { self.records = records }

    /// Number of rows.
    public var count: Int { records.count }

    /// The row at an index.
    public func record(at index: Int) throws -> Record { records[index] }

    /// Where the row begins.
    public func location(at index: Int) -> FledgeError.Location { records[index].location }
}

/// The rows of several sources, one after another.
public struct ConcatenatedRecords: RecordSource {
    private let parts: [any RecordSource]
    /// The index of each part's first row, and the number of all rows.
    private let starts: [Int]

    /// Puts sources together.
    public init(_ parts: [any RecordSource]) {
        self.parts = parts
        starts = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    }

    /// Number of rows.
    public var count: Int { starts[parts.count] }

    /// Whether all parts are.
    public var isRandomAccess: Bool { parts.allSatisfy(\.isRandomAccess) }

    /// The row at an index over all parts.
    public func record(at index: Int) throws -> Record {
        let part = part(of: index)
        return try parts[part].record(at: index - starts[part])
    }

    /// Where the row begins.
    public func location(at index: Int) -> FledgeError.Location {
        let part = part(of: index)
        return parts[part].location(at: index - starts[part])
    }

    private func part(of index: Int) -> Int {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        var (low, high) = (0, parts.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }
}
