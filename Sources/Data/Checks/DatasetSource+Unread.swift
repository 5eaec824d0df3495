internal import FledgeColumnar
import FledgeCore

extension DatasetSource {
    /// So many rows are looked at.
    private static let lookedAt = 20

    /// The columns of a columnar file that hold something and are not read; those of other files are
    /// noted row by row.
    func unreadColumns() -> [DataFault] {
        guard isColumnar, let file = try? RecordFile.files(of: description.path).first else {
            return []
        }
        let read = description.readColumns
        let unread = columnNames(of: file).filter { !read.contains($0) }
        if unread.isEmpty { return [] }
        // What is read of the first rows, which every column is compared with.
        let samples = (0..<min(source.count, Self.lookedAt)).map { index in
            try? aligner.align(source.record(at: index))
        }
        return Array(
            unread.lazy.compactMap { unreadFault(of: $0, in: file, beside: samples) }.prefix(10))
    }

    /// The names of all columns of a columnar file.
    private func columnNames(of file: String) -> [String] {
        if let parquet = try? ParquetRecords(path: file) { return parquet.columnNames }
        return (try? ArrowRecords(path: file))?.columnNames ?? []
    }

    /// A fault for a column that holds something in the first rows; nil for one that does not, and for
    /// one that has no form in JSON, which is no text either.
    private func unreadFault(
        of column: String, in file: String, beside samples: [AlignedSample?]
    ) -> DataFault? {
        var options = RecordFile.Options()
        (options.columns, options.removesPadding) = ([column], true)
        guard let values = try? RecordFile.open(file, options) else { return nil }
        var fault = DataFault.unread(.column(column), of: description.name)
        for index in 0..<min(values.count, samples.count) {
            guard let record = try? values.record(at: index) else { return nil }
            for member in record.value.members ?? [] where KnownNames.isWorthReading(member) {
                if samples[index]?.isCopied(in: member, aligner) == true {
                    continue
                }
                fault.add(record.location)
            }
        }
        return fault.count > 0 ? fault : nil
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
