internal import FledgeCore
internal import FledgeData
internal import FledgeModel

extension PolicyStage {
    /// Draws answers to the questions of some batches, those to one question one after another.
    ///
    /// - Parameter key: What draws are keyed by, before the question's place in the data and the answer's
    ///   number.
    func draw(
        _ batches: [PromptBatch], keyedBy key: [Int], _ step: StepContext,
        answersPerQuestion: Int? = nil
    ) throws -> [Rollout] {
        let count = answersPerQuestion ?? options.answersPerQuestion
        var generation = options.generation
        if let longest = model.configuration.longestSequence {
            generation.maxTotalTokens = min(generation.maxTotalTokens ?? .max, longest)
        }
        let engine = GenerationEngine(model, concurrent: options.concurrentAnswers)
        var drawn: [(question: PromptSample, index: Int, group: Int)] = []
        var tickets: [GenerationEngine.Ticket] = []
        var group = 0
        for batch in batches {
            for (question, index) in zip(batch.prompts, batch.indices) {
                for number in 0..<count {
                    tickets.append(
                        try engine.submit(
                            GenerationRequest(
                                question.promptIDs, generation, draws: key + [index, number],
                                measuresProbabilities: options.correction != nil)))
                    drawn.append((question, index, group))
                }
                group += 1
            }
        }
        let answers = try engine.run { _, _ in
            try step.checkCancellation()
            return true
        }
        return zip(drawn, tickets).compactMap { drawn, ticket in
            answers[ticket].map {
                Rollout(drawn.question, $0, index: drawn.index, group: drawn.group)
            }
        }
    }

    /// What the answers are given.
    ///
    /// - Throws: ``FledgeError`` when there is not one finite number for each; what the reward throws.
    func rewards(of rollouts: [Rollout], _ step: StepContext) throws -> [Reward] {
        guard let rewards else { return [] }
        let judged = rollouts.map { rollout in
            let texts = decode(rollout.question.promptIDs, rollout.answer)
            return JudgedAnswer(
                promptIDs: rollout.question.promptIDs, answerIDs: rollout.answer,
                text: texts.text, answer: texts.answer, finishReason: rollout.finishReason,
                row: rollout.question.row, group: rollout.group)
        }
        let found: [Reward]
        do {
            defer { messages?.deliver() }
            found = try waiting(isCancelled: { [messages] in
                messages?.deliver()
                return step.isCancelled
            }) { try await rewards.rewards(judged) }
        } catch let error as FledgeError { throw error } catch {
            try step.checkCancellation()
            throw FledgeError(
                .service, "The reward could not judge \(judged.count) answers.", cause: error)
        }
        try step.checkCancellation()
        try RewardCheck.requireScores(found.map(\.score), of: judged.count, from: "The reward")
        return found
    }
}
