internal import FledgeCore
package import FledgeData
package import FledgeModel
package import FledgeTrain
internal import Foundation
internal import Logging

/// How a run will use the machine's memory: what is predicted, and whether blocks are recomputed.
package struct MemoryPlan {
    /// The prediction for the largest micro-batch that can come.
    package let prediction: MemoryPrediction
    /// Whether blocks are computed again in the backward pass.
    package let recomputesBlocks: Bool
    /// The peak resident size of the process, in bytes; nil where the system does not tell.
    package let resident: Int?
    private let tokens: Int
    private let reason: String

    /// How much a row puts into a batch.
    package struct RowSize {
        /// Tokens of its longest sequence, which `cutoff_len` bounds.
        package var length: Int
        /// Tokens of all its sequences.
        package var tokens: Int
        /// Supervised ones among them.
        package var supervised: Int

        package init(length: Int, tokens: Int, supervised: Int) {
            (self.length, self.tokens, self.supervised) = (length, tokens, supervised)
        }
    }

    /// Plans a run.
    ///
    /// - Parameters:
    ///   - companions: Models whose weights are held beside the one that is trained.
    ///   - rows: The sizes of the rows that are known.
    ///   - merges: Whether small micro-batches of a step are computed together.
    ///   - isStreamed: Whether there are more rows than these, as long as allowed.
    ///   - available: The bytes that the process may still take; nil where that is unknown.
    package init(
        _ configuration: RunConfiguration, _ model: DecoderLM, beside companions: [DecoderLM] = [],
        rows: [RowSize],
        merges: Bool = true, isStreamed: Bool = false,
        available: Int? = ProcessMemory.availableBytes()
    ) {
        let options = configuration.training
        var (lengths, learned) = (rows.map(\.tokens), rows.map(\.supervised))
        if isStreamed {
            // As many of their size as they would have at the full length.
            let full = configuration.data.cutoffLength
            lengths = rows.map { $0.length > 0 ? full * $0.tokens / $0.length : full }
            learned = rows.map { $0.length > 0 ? full * $0.supervised / $0.length : 0 }
        }
        // Whichever rows come together, they are at most the longest ones.
        func most(_ counts: [Int], of rows: Int) -> Int {
            counts.sorted(by: >).prefix(rows).reduce(0, +)
        }
        let batch = options.trainBatchSize
        let step = batch * options.gradientAccumulationSteps
        let merged = merges ? min(configuration.mergingLimit, most(lengths, of: step)) : 0
        let tokens = max(most(lengths, of: batch), merged)
        let supervised = max(most(learned, of: batch), min(most(learned, of: step), merged))
        func predict(_ recomputes: Bool) -> MemoryPrediction {
            var prediction = MemoryPrediction(
                of: model, tokens: tokens, supervised: supervised,
                accumulates: options.gradientAccumulationSteps > 1, recomputesBlocks: recomputes,
                optimizer: configuration.optimizer(for: model.configuration))
            for companion in companions { prediction.add(companion) }
            return prediction
        }
        let kept = predict(false)
        switch configuration.finetuning.recompute {
        case .always: (recomputesBlocks, reason) = (true, "as asked")
        case .never: (recomputesBlocks, reason) = (false, "as asked")
        case .automatic:
            // Weights are loaded already; a tenth and 64 MiB are for what is not in tensors.
            let needed = kept.peak + kept.peak / 10 + 64 << 20 - kept.weights
            let fits = available.map { needed <= $0 } ?? true
            recomputesBlocks = !fits
            reason =
                fits ? "they fit" : "keeping them needs \(Self.mebibytes(kept.peak)) in all"
        }
        prediction = recomputesBlocks ? predict(true) : kept
        self.tokens = tokens
        resident = Self.resident(prediction, sizesVary: Set(lengths).count > 1 || isStreamed)
    }

    /// Code, tables and scratch of products that come with the first step.
    private static let firstStep = 40 << 20

    /// The peak resident size: what the process holds already beside tensors and weights of files,
    /// what is predicted of these, and buffers of other sizes that wait for reuse; never less than
    /// loading took.
    private static func resident(_ prediction: MemoryPrediction, sizesVary: Bool) -> Int? {
        // A model's file may have any name: in the hub's cache it is a digest. Code is what is left.
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        func isModel(_ path: String) -> Bool { !path.contains(".so") && path != program }
        guard let peak = ProcessMemory.peakResidentBytes,
            let own = ProcessMemory.residentBytes(ofFiles: { !isModel($0) }),
            let all = ProcessMemory.residentBytes(ofFiles: { _ in true })
        else { return nil }
        let tensors = BufferPool.currentBytes + BufferPool.cachedBytes
        Logger.fledge.debug(
            "memory before the first step",
            metadata: [
                "own": "\(own)", "files": "\(all - own)", "tensors": "\(BufferPool.currentBytes)",
                "kept": "\(BufferPool.cachedBytes)", "peak": "\(peak)",
            ])
        // Weights that were copied out of a file leave its pages where they are.
        let files = max(prediction.mapped, all - own)
        // Between none and all that the pool may keep.
        let kept = min(
            prediction.activations + prediction.gradients,
            BufferPool.allowance(for: prediction.peak))
        // Buffers are resident where they were written, so that the first difference may be negative.
        return max(
            peak,
            own - tensors + files + prediction.peak + (sizesVary ? kept / 2 : 0) + firstStep)
    }

    /// The plan in a sentence.
    package var summary: String {
        let p = prediction
        return "Memory: at most \(Self.mebibytes(p.peak)) of tensors in a step of \(tokens) tokens "
            + "(weights \(Self.mebibytes(p.weights)), gradients and optimizer "
            + "\(Self.mebibytes(p.gradients + p.optimizer)), activations "
            + "\(Self.mebibytes(p.activations + p.working)))"
            + (p.mapped > 0
                ? ", plus \(Self.mebibytes(p.mapped)) of the model's file, mapped" : "")
            + (resident.map { "; about \(Self.mebibytes($0)) resident in all" } ?? "")
            + "; activations are \(recomputesBlocks ? "recomputed" : "kept"), \(reason)."
    }

    /// What was predicted and what it came to, in bytes, for the results of a run.
    var results: [String: Double] {
        var results = [
            "memory_predicted_bytes": Double(prediction.peak),
            "memory_tensor_peak_bytes": Double(BufferPool.peakBytes),
            "memory_held_peak_bytes": Double(BufferPool.heldPeakBytes),
        ]
        if let resident {
            results["memory_resident_predicted_bytes"] = Double(resident)
        }
        if let resident = ProcessMemory.peakResidentBytes {
            results["memory_resident_peak_bytes"] = Double(resident)
        }
        return results
    }

    static func mebibytes(_ bytes: Int) -> String {
        bytes < 10 << 20
            ? "\((Double(bytes) / 1_048_576).rounded(places: 2)) MiB" : "\(bytes >> 20) MiB"
    }
}

extension RunConfiguration {
    /// The most tokens that small micro-batches of a step are put together to: products are at their
    /// full rate there, and a micro-batch of samples of the full length has as many.
    var mergingLimit: Int { min(training.trainBatchSize * data.cutoffLength, 1024) }
}
