internal import FledgeCore
internal import Synchronization

/// Samples that are in memory: a collection in the order of the data, and the source of epochs in an
/// order that follows from a seed alone.
///
/// Shuffled epochs have the order that PyTorch's random sampler gives the reference, so a run can be
/// compared with it sample by sample.
public struct LoadedSamples<Sample: Sendable>: SampleSource, RandomAccessCollection {
    /// What happened to the rows that the samples are made of; nil where that is not known.
    public let report: DataReport?
    private let samples: [Sample]
    private let order: EpochOrder?

    /// Keeps samples.
    ///
    /// - Parameters:
    ///   - seed: The seed of the orders, of which epoch `e` uses `seed + e`; nil keeps the order of the
    ///     data.
    ///   - report: What happened to the rows that the samples are made of.
    public init(_ samples: [Sample], seed: UInt64? = nil, report: DataReport? = nil) {
        (self.samples, self.report) = (samples, report)
        order = seed.map { EpochOrder(TrainingOrder(count: samples.count, seed: $0)) }
    }

    /// Keeps the samples of any source in the order of its first epoch; those that are in memory stay as
    /// they are.
    ///
    /// - Throws: ``FledgeError`` of the first row that does not fit and may not be dropped.
    public init(keeping source: any SampleSource<Sample>, threads: Int = 2) throws {
        if let loaded = source as? LoadedSamples<Sample> {
            self = loaded
            return
        }
        let size = 64
        let starts = Array(stride(from: 0, to: source.count, by: size))
        let parts = try concurrentMap(starts, threads: threads, chunkSize: 1) { start in
            var (samples, report) = ([Sample](), DataReport())
            for place in start..<Swift.min(start + size, source.count) {
                samples += [try source.sample(epoch: 0, place: place, &report)].compactMap(\.self)
            }
            return ProcessedDataset(samples: samples, report: report)
        }
        var report = DataReport()
        for part in parts { report.append(part.report) }
        self.init(parts.flatMap(\.samples), report: source.report ?? report)
    }

    /// The same samples in orders of another seed; nil for the order of the data.
    public func ordered(seed: UInt64?) -> LoadedSamples {
        LoadedSamples(samples, seed: seed, report: report)
    }

    /// True: what did not fit was left out.
    public var dropsInvalidRows: Bool { true }

    /// The number of the sample in the data.
    public func index(epoch: Int, place: Int) -> Int { order?.index(epoch, place) ?? place }

    /// The sample at a place of an epoch.
    public func make(epoch: Int, place: Int, _ report: inout DataReport) -> Sample? {
        samples[index(epoch: epoch, place: place)]
    }

    /// The first sample of the data.
    public var startIndex: Int { 0 }

    /// Behind the last sample of the data.
    public var endIndex: Int { samples.count }

    /// The sample of that number in the data.
    public subscript(index: Int) -> Sample { samples[index] }
}

/// Remembers the order of the epoch that is under way.
private final class EpochOrder: Sendable {
    private let order: TrainingOrder
    private let current = Mutex<(epoch: Int, indices: [Int])?>(nil)

    init(_ order: TrainingOrder) { self.order = order }

    /// The number of the sample at a place of an epoch.
    func index(_ epoch: Int, _ place: Int) -> Int {
        current.withLock { current in
            if let current, current.epoch == epoch { return current.indices[place] }
            let indices = order.indices(epoch: epoch)
            current = (epoch, indices)
            return indices[place]
        }
    }
}
