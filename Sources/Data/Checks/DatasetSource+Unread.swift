internal import FledgeColumnar
import FledgeCore

extension DatasetSource {
    /// So many rows are looked at.
    private static let lookedAt = 20

    /// The columns of a columnar file that hold something and are not read; those of other files are
    /// noted row by row.
    func unreadColumns() -> [DataFault] {
        guard isColumnar, let whole = try? RecordFile.open(description.path) else {
            return []
        }
        let read = description.columns.names.union([Aligner.lossMaskColumn])
        var found: [(name: String, places: [FledgeError.Location])] = []
        for index in 0..<min(whole.count, Self.lookedAt) {
            // A column that has no form in JSON is no text either.
            guard let record = try? whole.record(at: index) else { return [] }
            for member in record.value.members ?? [] where !read.contains(member.key) {
                guard KnownNames.isWorthReading(member) else { continue }
                if let place = found.firstIndex(where: { $0.name == member.key }) {
                    found[place].places.append(record.location)
                } else {
                    found.append((member.key, [record.location]))
                }
            }
        }
        return found.prefix(10).map {
            .unread(column: $0.name, of: description.name, places: $0.places)
        }
    }
}

extension DataFault {
    /// A column that nothing reads.
    static func unread(
        column: String, of dataset: String? = nil, places: [FledgeError.Location]
    ) -> DataFault {
        DataFault(
            .unreadColumn,
            "The column \(column)\(dataset.map { " of the data set \($0)" } ?? "") is not read.",
            advice: "Name it under \"columns\" in dataset_info.json, or take it out.",
            places: places)
    }
}
