internal import FledgeColumnar
internal import FledgeCore

/// The rows of a columnar file without what is null inside of its columns.
///
/// Columns of Parquet and Arrow have one type for all rows: a member that any row has is null in every
/// other one. Null means there that nothing is there, and would be read as a value otherwise, in the
/// arguments of calls and in the descriptions of tools.
struct UnpaddedRecords: RecordSource {
    private let original: any RecordSource

    init(_ original: any RecordSource) { self.original = original }

    var count: Int { original.count }
    var isRandomAccess: Bool { original.isRandomAccess }

    func location(at row: Int) -> FledgeError.Location { original.location(at: row) }

    func record(at row: Int) throws -> Record {
        var record = try original.record(at: row)
        guard let members = record.value.members else { return record }
        // Columns stay, so that those that are there are known.
        record.value = .object(members.map { .init($0.key, Self.unpadded($0.value)) })
        return record
    }

    private static func unpadded(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): .array(items.map(unpadded))
        case .object(let members):
            .object(
                members.compactMap {
                    $0.value.isNull ? nil : .init($0.key, unpadded($0.value))
                })
        default: value
        }
    }
}
