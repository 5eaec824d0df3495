internal import FledgeColumnar
import FledgeCore

extension DatasetSource {
    /// Columns whose names say that they belong to a dialogue.
    private static let telling = [
        "instruction", "input", "output", "system", "history", "tools", "chosen", "rejected",
    ]
    /// So many rows are looked at.
    private static let lookedAt = 100

    /// A column that holds something of the dialogue and that the description does not mention, so that
    /// nothing reads it.
    var unreadColumn: DataFault? {
        let read = description.columns.names
        for index in 0..<min(count, Self.lookedAt) {
            guard let record = try? record(at: index) else { continue }
            for name in Self.telling where !read.contains(name) {
                let value = record.value[name]
                guard value?.stringValue?.isEmpty == false || value?.arrayValue?.isEmpty == false
                else { continue }
                return DataFault(
                    .unreadColumn,
                    "The column \(name) of the data set \(description.name) is not read.",
                    advice: "Name it under \"columns\" in dataset_info.json, or take it out.",
                    places: [record.location])
            }
        }
        return nil
    }
}
