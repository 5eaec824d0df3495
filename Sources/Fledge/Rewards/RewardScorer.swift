internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTrain

/// A model with a value head: scores sequences by the value of their last token, without dropout.
struct RewardScorer {
    let model: any CausalLM
    private let head: ValueHead

    init(_ model: any CausalLM, _ head: ValueHead) { (self.model, self.head) = (model, head) }

    /// - Throws: ``FledgeError`` when the folder has no value head of this model.
    init(_ model: any CausalLM, headFolder: String) throws {
        self.init(
            model,
            try ValueHead(folder: headFolder, channels: model.configuration.hiddenSize))
    }

    /// The scores of sequences that are computed together; what they begin with is computed once.
    ///
    /// - Precondition: None is empty.
    /// - Throws: What went wrong in the model beside the numbers.
    func scores(of samples: [ProcessedSample]) throws -> [Double] {
        guard !samples.isEmpty else { return [] }
        let batch = AnswerCollator(supervised: .lastTokens).batch(
            samples, indices: Array(samples.indices), epoch: 0,
            forest: AnswerCollator.forest(
                of: samples, angleThreshold: model.configuration.angleThreshold))
        let scores = untracked(model.parameters + head.parameters) {
            RewardRanking(head: head).scores(model, batch)
        }
        try model.requireSound()
        return scores
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
