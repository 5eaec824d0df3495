internal import FledgeCore
internal import FledgeData
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
    /// What needs most of the memory.
    package let most: Part

    /// What a run does with its model.
    package enum Part: Hashable, Sendable {
        case step, evaluation, generation, scoring

        /// Where the memory is needed, for a sentence.
        var words: String {
            switch self {
            case .step: ""
            case .evaluation: "or in evaluation "
            case .generation: "or in generation "
            case .scoring: "or in judging answers "
            }
        }
    }

    private let tokens: Int
    private let reason: String

    /// Plans a run.
    ///
    /// - Parameters:
    ///   - companions: Models whose weights are held beside the one that is trained.
    ///   - largest: The largest micro-batches of training.
    ///   - evaluated: The largest batch of evaluation; nil where nothing is evaluated.
    ///   - generated: How many answers are generated at once, and the most tokens of one with its
    ///     question; nil where none are.
    ///   - scored: What judges answers, and the most tokens that it computes at once; nil where no model
    ///     does.
    ///   - sizesVary: Whether batches have tensors of many sizes.
    ///   - available: The bytes that the process may still take; nil where that is unknown.
    package init(
        _ configuration: RunConfiguration, _ model: DecoderLM, beside companions: [DecoderLM] = [],
        largest: LargestBatches, evaluated: LargestBatches.Size? = nil,
        generated: (answers: Int, length: Int)? = nil,
        scored: (model: DecoderLM, tokens: Int)? = nil, sizesVary: Bool = false,
        available: Int? = ProcessMemory.availableBytes()
    ) {
        func predictStep(_ recomputes: Bool) -> (MemoryPrediction, tokens: Int) {
            func prediction(_ size: LargestBatches.Size, accumulates: Bool) -> MemoryPrediction {
                MemoryPrediction(
                    of: model, tokens: size.tokens, supervised: size.supervised,
                    accumulates: accumulates, recomputesBlocks: recomputes,
                    optimizer: configuration.optimizer(for: model.configuration))
            }
            var most = (prediction(largest.first, accumulates: false), largest.first.tokens)
            if let later = largest.later {
                let other = prediction(later, accumulates: true)
                if other.peak > most.0.peak { most = (other, later.tokens) }
            }
            for companion in companions { most.0.add(companion) }
            return most
        }
        // What is computed again makes steps smaller, and evaluations not.
        let kept = predictStep(false)
        switch configuration.finetuning.recompute {
        case .always: (recomputesBlocks, reason) = (true, "as asked")
        case .never: (recomputesBlocks, reason) = (false, "as asked")
        case .automatic:
            // Weights are loaded already; a tenth and 64 MiB are for what is not in tensors.
            let needed = kept.0.peak + kept.0.peak / 10 + 64 << 20 - kept.0.weights
            let fits = available.map { needed <= $0 } ?? true
            recomputesBlocks = !fits
            reason =
                fits ? "they fit" : "keeping them needs \(Self.mebibytes(kept.0.peak)) in all"
        }
        var (prediction, tokens) = recomputesBlocks ? predictStep(true) : kept
        let stepPeak = prediction.peak
        if let evaluated {
            prediction.include(
                evaluationOf: evaluated.tokens, supervised: evaluated.supervised, in: model)
        }
        if let generated {
            prediction.include(
                generationOf: generated.answers, length: generated.length, in: model)
        }
        let answerPeak = prediction.peak
        if let scored { prediction.include(scoringOf: scored.tokens, in: scored.model) }
        most =
            prediction.peak == stepPeak
            ? .step
            : prediction.peak > answerPeak
                ? .scoring : generated == nil ? .evaluation : .generation
        (self.prediction, self.tokens) = (prediction, tokens)
        resident = Self.resident(prediction, sizesVary: sizesVary)
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
            + most.words
            + "(weights \(Self.mebibytes(p.weights)), gradients and optimizer "
            + "\(Self.mebibytes(p.gradients + p.optimizer)), activations "
            + "\(Self.mebibytes(max(p.activations + p.working, p.evaluation))))"
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
