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
        return found.prefix(10).map { name, places in
            var fault = DataFault.unread(.column(name), of: description.name)
            for place in places { fault.add(place) }
            return fault
        }
    }
}

extension DataFault {
    /// Something that nothing reads, of rows that are still to be added.
    static func unread(_ name: UnreadName, of dataset: String? = nil) -> DataFault {
        let owner = dataset.map { " of the data set \($0)" } ?? ""
        switch name {
        case .column(let column):
            return DataFault(
                .unreadColumn, "The column \(column)\(owner) is not read.",
                advice: "Name it under \"columns\" in dataset_info.json, or take it out.")
        case .member(let member):
            return DataFault(
                .unreadMember, "Messages\(owner) have \(member), which nothing reads.",
                advice: "Take it out, or move what shall be learned into the content.")
        }
    }

    /// Counts a row.
    mutating func add(_ place: FledgeError.Location) {
        count += 1
        if places.count < 3 { places.append(place) }
    }
}
