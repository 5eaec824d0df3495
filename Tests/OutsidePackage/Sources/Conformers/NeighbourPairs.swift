import Fledge

/// An arrangement of one's own: what is worse than an answer is that of the row before.
struct NeighbourPairs: SampleArrangement {
    let processor: PairwiseProcessor

    func samples(of rows: RowSet) throws -> any SampleSource<PairwiseSample> {
        let count = rows.count
        return try rows.each(processor) { place, read in
            var row = try read(place)
            row.response += try read((place + count - 1) % count).response
            return row
        } sample: { pair, _ in
            pair
        }
    }
}

/// Rows of one's own that are read when their turn comes.
struct GivenRows: RowSource {
    let rows: [AlignedSample]
    var count: Int { rows.count }
    var dropsInvalidRows: Bool { false }
    var inDataOrder: GivenRows { self }

    func sample(epoch: Int, place: Int) -> AlignedSample { rows[place] }
}
