internal import FledgeCore
internal import FledgeData
internal import FledgeTrain
internal import Foundation

/// Scores of a reference that are computed before the first step and kept for other runs
/// (`precompute_ref_log_probs`).
struct ReferencePreparation {
    /// The reference that looks scores up.
    let reference: KeptReference

    init(_ policy: any ReferencePolicy) { reference = KeptReference(policy) }

    /// Computes the scores of all batches, or takes those that an earlier run kept.
    ///
    /// What was computed is kept also where it is not all.
    ///
    /// - Parameter digest: What the scores are made of.
    /// - Throws: ``FledgeError`` when what was kept is damaged or of something else, with `interrupted`
    ///   when the run was asked to stop.
    func prepare<Batch: TokenizedBatch>(
        _ coming: ComingBatches<Batch>, _ digest: String, answers: (Batch) -> AnswerBatch
    ) throws {
        let cache = coming.cache
        let path = cache.isWritable ? cache.path + "/" + digest + ".reference" : nil
        if let path, FileManager.default.fileExists(atPath: path) {
            try reference.load(from: path, digest: digest)
            cache.touch(path)
        }
        let before = reference.count
        func keep(_ until: String) throws {
            let made = reference.count - before
            guard made > 0, let path else { return }
            try reference.save(to: path, digest: digest)
            try cache.prune(keeping: path)
            coming.announce(
                "The reference has scored \(made) answers\(until); they are kept in \(path).")
        }
        do { try ask(coming, answers) } catch {
            try? keep(" until it was stopped")
            throw error
        }
        reference.finish()
        try keep("")
        let made = reference.count - before
        if made == 0 {
            coming.announce("The scores of the reference are those of \(path ?? "an earlier run").")
        } else if path == nil {
            coming.announce("The reference has scored \(made) answers; \(cache.blockedNote)")
        }
    }

    /// Asks about every batch, and tells now and then how far that is.
    private func ask<Batch: TokenizedBatch>(
        _ coming: ComingBatches<Batch>, _ answers: (Batch) -> AnswerBatch
    ) throws {
        let all = coming.sampleCount
        var last = ContinuousClock.now
        try coming.forEach { batch, done in
            try reference.add(answers(batch))
            guard ContinuousClock.now - last >= .seconds(10) else { return }
            last = .now
            coming.announce("The reference has scored \(done) of \(all) rows.")
        }
    }
}
