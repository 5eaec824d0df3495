internal import FledgeCore

/// Samples in the orders of epochs: what trainers and plans read, whether the samples are in memory
/// (``LoadedSamples``) or made when their turn comes (``SampleStream``).
///
/// A sample is a function of epoch and place, so that nothing is read again when a run is resumed.
public protocol SampleSource<Sample>: Sendable {
    /// What is trained on.
    associatedtype Sample: Sendable

    /// Number of samples of an epoch.
    var count: Int { get }

    /// Whether rows that do not fit are dropped; otherwise they are errors.
    var dropsInvalidRows: Bool { get }

    /// What happened to all rows; nil where they were not all looked at yet.
    var report: DataReport? { get }

    /// The number of the sample at a place of an epoch, which keyed randomness uses.
    func index(epoch: Int, place: Int) -> Int

    /// Gives the sample at a place of an epoch, both counted from 0; nil for a row that does not fit,
    /// which the report then names.
    ///
    /// Whoever reads samples calls ``sample(epoch:place:_:)``.
    func make(epoch: Int, place: Int, _ report: inout DataReport) throws -> Sample?
}

extension SampleSource {
    /// The place itself.
    public func index(epoch: Int, place: Int) -> Int { place }

    /// The sample at a place of an epoch; nil for a row that is dropped.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it does not fit and may not be dropped.
    public func sample(
        epoch: Int, place: Int, _ report: inout DataReport
    ) throws -> Sample? {
        precondition(place >= 0 && place < count, "SampleSource: place \(place) of \(count)")
        let known = report.dropped.count
        if let sample = try make(epoch: epoch, place: place, &report) { return sample }
        guard !dropsInvalidRows, report.dropped.count > known else { return nil }
        throw FledgeError(
            .data, "The row does not fit: \(report.dropped[known].reason).",
            advice: report.dropped[known].remedy("Correct it"), at: report.dropped[known].source)
    }
}
