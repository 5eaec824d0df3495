internal import FledgeCore
internal import FledgeData
internal import FledgeTrain
internal import Foundation

/// Scores of a reference that are computed before the first step and kept for other runs
/// (`precompute_ref_log_probs`).
struct ReferencePreparation {
    /// The reference that looks scores up.
    let reference: KeptReference
    private let folder: TokenizedCache

    init(_ policy: any ReferencePolicy, cache: TokenizedCache = TokenizedCache()) {
        (reference, folder) = (KeptReference(policy), cache)
    }

    /// Computes the scores of all batches, or takes those that an earlier run kept.
    ///
    /// - Throws: ``FledgeError`` when what was kept is damaged or of something else.
    func prepare<Batch: TokenizedBatch>(
        _ sources: [any BatchSource<Batch>], _ digest: String, _ announce: (String) -> Void,
        answers: (Batch) -> AnswerBatch
    ) throws {
        let path = folder.isWritable ? folder.path + "/" + digest + ".reference" : nil
        if let path, FileManager.default.fileExists(atPath: path) {
            try reference.load(from: path, digest: digest)
            folder.touch(path)
        }
        let before = reference.count
        for source in sources {
            for index in 0..<source.batchesPerEpoch {
                try reference.add(answers(source.batch(epoch: 0, index: index)))
            }
        }
        reference.finish()
        let made = reference.count - before
        guard made > 0 else {
            return announce("The scores of the reference are those of \(path ?? "an earlier run").")
        }
        guard let path else {
            return announce("The reference has scored \(made) answers; \(folder.blockedNote)")
        }
        try reference.save(to: path, digest: digest)
        try folder.prune(keeping: path)
        announce("The reference has scored \(made) answers; they are kept in \(path).")
    }
}
