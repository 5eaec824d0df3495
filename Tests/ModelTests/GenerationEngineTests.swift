import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Requests with options of their own join and leave a running batch, and none sees the others.
@Suite("Generation engine")
struct GenerationEngineTests {
    private let model: DecoderLM

    init() throws {
        var configuration = TinyModel.configuration
        configuration.maxPositions = 400
        model = try TinyModel.make(configuration)
    }

    private func prompt(_ count: Int, _ name: String) -> [Int32] {
        var generator = KeyedGenerator(RandomKey(seed: 3).appending(name))
        return (0..<count).map { _ in Int32.random(in: 0..<24, using: &generator) }
    }

    /// Greedy, drawn, penalised, with stop tokens, of many lengths.
    private var requests: [GenerationRequest] {
        let system = prompt(70, "system")
        var penalised = GenerationOptions.greedy(maxNewTokens: 30, stopTokens: [7])
        penalised.repetitionPenalty = 1.3
        return [
            GenerationRequest(system + prompt(5, "a"), .greedy(maxNewTokens: 12)),
            GenerationRequest(
                system + prompt(9, "b"), .init(maxNewTokens: 25, temperature: 2, topP: 1, topK: 0),
                draws: [3, 1]),
            GenerationRequest(prompt(3, "c"), penalised, measuresProbabilities: true),
            GenerationRequest(
                system + prompt(5, "a"), .init(maxNewTokens: 40, topP: 0.9), draws: [0, 2],
                measuresProbabilities: true),
            GenerationRequest(prompt(1, "d"), .greedy(maxNewTokens: 1)),
            GenerationRequest(prompt(130, "e"), .greedy(maxNewTokens: 70)),
        ]
    }

    @Test(arguments: [1, 2, 3, 8]) func requestsJoinAndLeave(concurrent: Int) throws {
        let alone = try requests.map { try GenerationEngine(model).answer($0) }
        #expect(Set(alone.map(\.ids)).count == alone.count)
        let engine = GenerationEngine(model, concurrent: concurrent)
        var answers: [GenerationEngine.Ticket: GeneratedAnswer] = [:]
        var streamed: [GenerationEngine.Ticket: [Int32]] = [:]
        var tickets: [GenerationEngine.Ticket] = []
        // One more request every third step, whatever the others are at.
        for number in 0... {
            if number.isMultiple(of: 3), tickets.count < requests.count {
                tickets.append(try engine.submit(requests[tickets.count]))
            }
            for event in try engine.step() {
                switch event {
                case .token(let ticket, let id): streamed[ticket, default: []].append(id)
                case .finished(let ticket, let answer): answers[ticket] = answer
                }
            }
            if engine.isIdle, tickets.count == requests.count { break }
        }
        #expect(tickets.map { answers[$0] } == alone)
        for (ticket, answer) in zip(tickets, alone) {
            let isStopped = answer.finishReason == .stop
            #expect(streamed[ticket] == Array(answer.ids.dropLast(isStopped ? 1 : 0)))
        }
        #expect(engine.heldRows == 0)
    }

    /// ln p of the model is that of a forward pass over the whole sequence, and that of the draw is of
    /// what top-k and top-p leave.
    @Test func probabilitiesAreThoseOfAForwardPass() throws {
        let prompt = prompt(40, "x")
        let options = GenerationOptions(
            maxNewTokens: 20, temperature: 0.7, topP: 0.8, topK: 5, repetitionPenalty: 1.2)
        let answer = try GenerationEngine(model).answer(
            GenerationRequest(prompt, options, measuresProbabilities: true))
        #expect(answer.logProbabilities.count == 20 && answer.drawnLogProbabilities.count == 20)
        let ids = prompt + answer.ids
        let hidden = model.hiddenStates(
            ids, layout: SequenceLayout(lengths: [ids.count]), ForwardPass(.float32))
        let scores = logits(
            hidden, head: model.head, rows: (0..<Int32(ids.count)).map { $0 }, order: .lanes
        ).doubles()
        let size = model.head.shape[0]
        for (index, id) in answer.ids.enumerated() {
            let row = Array(scores[(39 + index) * size..<(40 + index) * size])
            let total = log(row.reduce(0) { $0 + exp($1) })
            #expect(abs(row[Int(id)] - total - answer.logProbabilities[index]) < 1e-5)
            let seen = Set(ids[..<(40 + index)])
            let changed = row.enumerated().map { place, score in
                (seen.contains(Int32(place)) ? (score > 0 ? score / 1.2 : score * 1.2) : score)
                    / 0.7
            }
            let best = changed.sorted(by: >).prefix(5).map { exp($0) }
            var (kept, sum) = (0.0, best.reduce(0, +) * 0.8)
            for weight in best where sum > 0 {
                kept += weight
                sum -= weight
            }
            let expected = changed[Int(id)] - log(kept)
            #expect(abs(expected - answer.drawnLogProbabilities[index]) < 1e-5)
        }
        let greedy = try GenerationEngine(model).answer(
            GenerationRequest(prompt, .greedy(maxNewTokens: 4), measuresProbabilities: true))
        #expect(greedy.drawnLogProbabilities == [0, 0, 0, 0])
    }

    /// Of a dialogue only what is new is computed, and also where the history was changed the answers
    /// are those of a new beginning.
    @Test func dialoguesKeepWhatTheyHaveSeen() throws {
        let engine = GenerationEngine(model, concurrent: 3)
        let dialogue = engine.makeDialogue()
        let options = GenerationOptions.greedy(maxNewTokens: 10)
        func ask(_ prompt: [Int32], new: Int) throws -> [Int32] {
            let before = engine.prefilledTokens
            let answer = try engine.answer(GenerationRequest(prompt, options, in: dialogue))
            #expect(engine.prefilledTokens - before == new)
            #expect(answer == (try GenerationEngine(model).answer(.init(prompt, options))))
            return answer.ids
        }
        var history = prompt(100, "first")
        history += try ask(history, new: 100)
        history += prompt(8, "second")
        // The last token of an answer was not computed yet.
        history += try ask(history, new: 9)
        let changed = Array(history.prefix(90)) + prompt(20, "third")
        _ = try ask(changed, new: 20)
        _ = try ask(Array(changed.prefix(50)), new: 1)
        // Beside another request, and again after the weights may have changed.
        let ticket = try engine.submit(GenerationRequest(changed, options, in: dialogue))
        let other = try engine.submit(requests[2])
        let together = try engine.run()
        #expect(together[ticket] == (try GenerationEngine(model).answer(.init(changed, options))))
        #expect(together[other] == (try GenerationEngine(model).answer(requests[2])))
        engine.forget()
        _ = try ask(changed, new: changed.count)
        engine.close(dialogue)
        #expect(engine.heldRows == 0)
        let error = #expect(throws: FledgeError.self) {
            _ = try engine.submit(GenerationRequest([1], options, in: dialogue))
        }
        #expect(error?.message.contains("closed") == true)
    }

    @Test func requestsEndWhenTheyAreCancelled() throws {
        let engine = GenerationEngine(model, concurrent: 2)
        let dialogue = engine.makeDialogue()
        let options = GenerationOptions.greedy(maxNewTokens: 50)
        let tickets = try (0..<3).map {
            try engine.submit(
                GenerationRequest(prompt(20, "\($0)"), options, in: $0 == 1 ? dialogue : nil))
        }
        _ = try engine.step()
        _ = try engine.step()
        let busy = #expect(throws: FledgeError.self) {
            _ = try engine.submit(GenerationRequest([1], options, in: dialogue))
        }
        #expect(busy?.message.contains("under way") == true)
        #expect(engine.cancel(tickets[1])?.ids.count == 3)
        #expect(engine.cancel(tickets[1]) == nil)
        #expect(engine.cancel(tickets[2])?.ids == [])
        struct Stop: Error {}
        #expect(throws: Stop.self) { _ = try engine.run { _, _ in throw Stop() } }
        #expect(engine.isIdle)
        // What the dialogue saw of the answer that ended early is kept.
        let before = engine.prefilledTokens
        let again = try engine.answer(
            GenerationRequest(prompt(20, "1"), options, in: dialogue))
        #expect(engine.prefilledTokens - before == 1)
        #expect(again == (try GenerationEngine(model).answer(.init(prompt(20, "1"), options))))
    }

    @Test func wrongPromptsAreRefused() throws {
        let engine = GenerationEngine(model)
        for (wrong, word) in [([], "no tokens"), ([1, 99], "id 99"), ([-1], "id -1")]
            as [([Int32], String)]
        {
            let error = #expect(throws: FledgeError.self) {
                _ = try engine.submit(GenerationRequest(wrong, .greedy(maxNewTokens: 1)))
            }
            #expect(error?.message.contains(word) == true)
        }
        #expect(engine.isIdle)
    }

    @Test func scoresThatAreNoNumbersEndTheRun() throws {
        let broken = try TinyModel.make()
        for parameter in broken.parameters where parameter.name.contains("norm") {
            parameter.value = Tensor(
                [Float](repeating: .nan, count: parameter.value.count),
                shape: parameter.value.shape)
        }
        let error = #expect(throws: FledgeError.self) {
            _ = try GenerationEngine(broken).answer(.init([1, 2], .greedy(maxNewTokens: 3)))
        }
        #expect(error?.code == .notFinite)
    }

    /// Tokens come as often as their probabilities say, with what is left out never.
    @Test(arguments: [(0, 1.0), (0, 0.9), (3, 1.0), (3, 0.6)]) func drawsFollowProbabilities(
        topK: Int, topP: Double
    ) {
        let weights = [0.05, 0.4, 0.2, 0.02, 0.25, 0.08]
        var options = GenerationOptions(
            maxNewTokens: 1, temperature: 1, topP: topP, topK: topK)
        options.seed = 5
        var counts = [Double](repeating: 0, count: weights.count)
        let count = 20000
        for draw in 0..<count {
            var scores = weights.map { Float(log($0)) }
            var sampler = TokenSampler(options, draws: [draw])
            let choice = sampler.next(&scores, seen: [], measuresProbability: true)
            counts[Int(choice.id)] += 1 / Double(count)
        }
        var order = weights.indices.sorted { weights[$0] > weights[$1] }
        if topK > 0 { order = Array(order.prefix(topK)) }
        let all = order.reduce(0) { $0 + weights[$1] }
        var (kept, sum) = ([Int](), 0.0)
        for place in order where topP == 1 || sum < topP * all {
            kept.append(place)
            sum += weights[place]
        }
        for place in weights.indices {
            let expected = kept.contains(place) ? weights[place] / sum : 0
            #expect(abs(counts[place] - expected) < 0.015, "\(place)")
        }
    }
}
