package import FledgeCore
internal import FledgeData
package import FledgeTrain

/// The micro-batches of a run that decide how much memory its steps take.
///
/// Which rows come together follows from the seed, so that the batches of a run are known before it:
/// the longest rows of a data set rarely meet, and a run of a few steps sees few of them.
package struct LargestBatches {
    /// What the memory of a micro-batch follows from.
    package struct Size: Hashable {
        /// Tokens that are computed; what samples begin with counts once where it is shared.
        package var tokens = 0
        /// Tokens that are learned.
        package var supervised = 0

        package init(tokens: Int = 0, supervised: Int = 0) {
            (self.tokens, self.supervised) = (tokens, supervised)
        }
    }

    /// The largest of those that a step begins with.
    package private(set) var first = Size()
    /// The largest of those that find the gradients of others; nil where no step has a second one.
    package private(set) var later: Size?

    /// The most micro-batches that are looked at one by one.
    private static let mostBatches = 1 << 18
    /// The most steps whose batches are made to see what their samples share.
    private static let mostCollated = 64

    /// Looks through the batches of a run; nil when there are too many of them.
    ///
    /// - Parameters:
    ///   - sizes: Those of the samples, by themselves.
    ///   - sharesPrefixes: Whether what samples begin with is computed once.
    package init?<Sample: Sendable, Batch: TokenizedBatch>(
        _ epochs: Epochs<Sample, Batch>, _ plan: TrainingPlan, sizes: [Size],
        sharesPrefixes: Bool
    ) {
        let (batches, isTooLarge) = plan.totalSteps.multipliedReportingOverflow(
            by: min(plan.accumulation, max(1, plan.batchesPerEpoch)))
        guard !isTooLarge, batches <= Self.mostBatches else { return nil }
        let (lengths, learned) = (sizes.map(\.tokens), sizes.map(\.supervised))
        var (firsts, laters) = ([Candidate](), [Candidate]())
        for step in 0..<plan.totalSteps {
            let (epoch, indices) = plan.batches(ofStep: step)
            guard let groups = try? epochs.groups(epoch: epoch, indices: Array(indices)) else {
                return nil
            }
            for (place, samples) in groups.enumerated() {
                let size = Size(
                    tokens: samples.reduce(0) { $0 + lengths[$1] },
                    supervised: samples.reduce(0) { $0 + learned[$1] })
                let candidate = Candidate(step: step, place: place, size: size)
                if place == 0 { firsts.append(candidate) } else { laters.append(candidate) }
            }
        }
        func shared(_ candidate: Candidate) -> Int? {
            let (epoch, indices) = plan.batches(ofStep: candidate.step)
            let batches = try? epochs.batches(epoch: epoch, indices: Array(indices))
            return batches?.dropFirst(candidate.place).first?.tokens.ids.count
        }
        let left = sharesPrefixes ? shared : nil
        first = Self.largest(firsts, shared: left) ?? Size()
        later = Self.largest(laters, shared: left)
    }

    /// What batches of any rows come to at most.
    ///
    /// - Parameters:
    ///   - sizes: Those of the rows.
    ///   - batch: Rows of a micro-batch.
    ///   - step: Rows of an optimizer step.
    ///   - limit: The most tokens that micro-batches are put together to.
    package init(anyOf sizes: [Size], batch: Int, step: Int, limit: Int) {
        func most(_ counts: [Int], of rows: Int) -> Int {
            counts.sorted(by: >).prefix(rows).reduce(0, +)
        }
        let (tokens, learned) = (sizes.map(\.tokens), sizes.map(\.supervised))
        let merged = min(limit, most(tokens, of: step))
        first = Size(
            tokens: max(most(tokens, of: batch), merged),
            supervised: max(most(learned, of: batch), min(most(learned, of: step), merged)))
        later = step > batch ? first : nil
    }

    private struct Candidate {
        let step: Int
        let place: Int
        let size: Size
    }

    /// The most tokens and the most learned ones, which may be of two batches.
    ///
    /// - Parameter shared: Counts the tokens that are left of a batch when what its samples share
    ///   is there once; nil for no sharing.
    private static func largest(_ candidates: [Candidate], shared: ((Candidate) -> Int?)?) -> Size?
    {
        guard let supervised = candidates.map(\.size.supervised).max() else { return nil }
        guard let shared else {
            return Size(
                tokens: candidates.map(\.size.tokens).max() ?? 0, supervised: supervised)
        }
        var (tokens, collated) = (0, 0)
        // Sharing makes batches smaller: those that are no larger without it need no look.
        for candidate in candidates.sorted(by: { $0.size.tokens > $1.size.tokens }) {
            guard candidate.size.tokens > tokens else { break }
            collated += 1
            let own = collated > mostCollated ? nil : shared(candidate)
            tokens = max(tokens, own ?? candidate.size.tokens)
        }
        return Size(tokens: tokens, supervised: supervised)
    }
}
