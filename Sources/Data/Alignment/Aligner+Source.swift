public import FledgeColumnar
internal import FledgeCore

extension Aligner {
    /// Creates an aligner for the rows of a source, of which no more are read than it takes to find
    /// the columns that the description names.
    ///
    /// - Parameters:
    ///   - skipsBrokenRows: Whether rows that cannot be read are passed over.
    ///   - quirks: Where to be as wrong as the reference.
    /// - Throws: ``FledgeError`` when no row has one of the columns, with the description that would
    ///   fit; what reading the rows throws.
    public init(
        _ description: DatasetDescription, source: any RecordSource, skipsBrokenRows: Bool = false,
        quirks: ReferenceQuirks = []
    ) throws {
        var seen = Set<[UInt8]>()
        // Rows that brought a key no row before had.
        var representatives: [Record] = []
        var failure: (any Error)?
        for index in 0..<source.count {
            let record: Record
            do { record = try source.record(at: index) } catch {
                guard skipsBrokenRows else { throw error }
                continue
            }
            var isNew = representatives.isEmpty
            for member in record.value.members ?? [] {
                isNew = seen.insert(Array(member.key.utf8)).inserted || isNew
            }
            guard isNew else { continue }
            representatives.append(record)
            do {
                self = try Aligner(description, records: representatives, quirks: quirks)
                return
            } catch let error as FledgeError where [.data, .configuration].contains(error.code) {
                failure = error
            }
        }
        guard var error = failure as? FledgeError, let first = representatives.first else {
            self = try Aligner(description, records: representatives, quirks: quirks)
            return
        }
        if error.code == .data, let fit = DatasetFit(first.value) { error.advice = fit.advice }
        throw error
    }
}
