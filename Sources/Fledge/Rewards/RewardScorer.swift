internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTrain

/// A model with a value head: scores sequences by the value of their last token, without dropout.
struct RewardScorer {
    let model: DecoderLM
    private let head: ValueHead

    init(_ model: DecoderLM, _ head: ValueHead) { (self.model, self.head) = (model, head) }

    /// - Throws: ``FledgeError`` when the folder has no value head of this model.
    init(_ model: DecoderLM, headFolder: String) throws {
        self.init(
            model,
            try ValueHead(folder: headFolder, channels: model.configuration.hiddenSize))
    }

    /// The scores of sequences that are computed together; what they begin with is computed once.
    ///
    /// - Precondition: None is empty.
    /// - Throws: ``FledgeError`` when one is longer than what the model sees.
    func scores(of samples: [ProcessedSample]) throws -> [Double] {
        guard !samples.isEmpty else { return [] }
        let longest = model.configuration.longestSequence ?? .max
        for sample in samples where sample.inputIDs.count > longest {
            throw FledgeError(
                .unsupported,
                "The row has \(sample.inputIDs.count) tokens; the model sees at most \(longest).",
                advice: "Set cutoff_len to \(longest) or less.", at: sample.source)
        }
        let batch = AnswerCollator(supervised: .lastTokens).batch(
            samples, indices: Array(samples.indices), epoch: 0,
            forest: AnswerCollator.forest(of: samples))
        return untracked(model.parameters + head.parameters) {
            RewardRanking(head: head).scores(model, batch)
        }
    }

    /// The scores of any number of sequences, some of which are computed at a time.
    ///
    /// - Parameter check: Called before each batch; what it throws ends the work.
    func scores(
        ofIDs sequences: [[Int32]], batchSize: Int, check: () throws -> Void = {}
    ) throws -> [Double] {
        try stride(from: 0, to: sequences.count, by: batchSize).flatMap { begin in
            try check()
            let part = sequences[begin..<min(begin + batchSize, sequences.count)]
            return try scores(
                of: part.map {
                    ProcessedSample(inputIDs: $0, labels: $0, source: .init(file: ""))
                })
        }
    }
}
