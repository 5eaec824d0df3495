internal import FledgeCore

/// The order in which the rows of several data sets are read in an epoch, place by place.
///
/// Shuffled, every row of an epoch can stand anywhere: the order is a permutation of all rows of all
/// data sets. Interleaved data sets have their shares exactly, not by chance. No place needs those
/// before it, so a run is resumed wherever it stopped.
public struct StreamOrder: Sendable {
    /// Number of rows of each data set.
    public let counts: [Int]
    /// Number of rows of each data set that an epoch takes.
    public let quotas: [Int]
    /// Number of rows of an epoch.
    public let count: Int
    private let starts: [Int]
    private let key: RandomKey
    private let fixed: [(dataset: Int, row: Int)]?

    /// Creates the orders of a run.
    ///
    /// - Parameters:
    ///   - counts: The number of rows of each data set.
    ///   - probabilities: The share of each data set when they are interleaved; `nil` for equal ones.
    ///   - shuffles: Whether each epoch has a random order; otherwise it has that of ``DatasetMix``.
    public init(
        counts: [Int], mix: DatasetMix = .concat, probabilities: [Double]? = nil, seed: UInt64,
        shuffles: Bool = true
    ) {
        precondition(
            probabilities.map { $0.count == counts.count } ?? true,
            "StreamOrder: \(counts.count) data sets, \(probabilities?.count ?? 0) probabilities")
        self.counts = counts
        key = RandomKey(seed: seed).appending("streaming")
        if shuffles || mix == .concat {
            quotas = Self.quotas(counts, mix, probabilities)
            fixed = nil
        } else {
            let order = mix.order(counts: counts, probabilities: probabilities, seed: seed)
            quotas = order.reduce(into: counts.map { _ in 0 }) { $0[$1.dataset] += 1 }
            fixed = order
        }
        starts = quotas.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        count = starts[quotas.count]
        self.shuffles = shuffles
    }

    private let shuffles: Bool

    /// Which row stands at a place of an epoch.
    public func row(epoch: Int, place: Int) -> (dataset: Int, row: Int) {
        precondition(place >= 0 && place < count, "StreamOrder: place \(place) of \(count)")
        if let fixed { return fixed[place] }
        let epochKey = key.appending(epoch)
        let place = shuffles ? KeyedPermutation(count: count, key: epochKey)[place] : place
        // The last data set that begins at or before the place, past those without rows.
        let dataset = (starts.dropLast().lastIndex { $0 <= place }) ?? 0
        let index = place - starts[dataset]
        let available = counts[dataset]
        guard quotas[dataset] != available else { return (dataset, index) }
        // A part of the rows, or some of them again: another selection each time.
        let selection = KeyedPermutation(
            count: available,
            key: epochKey.appending("selection").appending(dataset).appending(index / available))
        return (dataset, selection[index % available])
    }

    private static func quotas(
        _ counts: [Int], _ mix: DatasetMix, _ probabilities: [Double]?
    ) -> [Int] {
        guard mix == .interleaveUnder || mix == .interleaveOver, counts.count > 1 else {
            return counts
        }
        let shares = probabilities ?? counts.map { _ in 1 }
        // An empty data set ends at once, and cannot be repeated.
        guard !zip(counts, shares).contains(where: { $0 == 0 && $1 > 0 }) else {
            return counts.map { _ in 0 }
        }
        // So many rows per unit of share: until the first data set ends, or the last one does.
        let lengths = zip(counts, shares).filter { $1 > 0 }.map { Double($0) / $1 }
        let isUnder = mix == .interleaveUnder
        guard let length = isUnder ? lengths.min() : lengths.max() else {
            return counts.map { _ in 0 }
        }
        return zip(counts, shares).map { count, share in
            guard share > 0 else { return 0 }
            let quota = (share * length).rounded()
            return isUnder ? min(count, Int(quota)) : max(count, Int(quota))
        }
    }
}
