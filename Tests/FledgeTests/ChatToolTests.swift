import Fledge
import FledgeTesting
import Testing

/// A model that gives the answers it was told, whatever it is asked.
private final class ScriptedModel: CausalLM {
    let configuration: DecoderConfiguration
    let elementType = ElementType.float32
    let head: LanguageHead
    let blocks: [any DecoderBlock] = []
    private var answers: [[Int32]]
    private var answer: ArraySlice<Int32> = []
    /// What it was asked.
    private(set) var prompts: [[Int32]] = []

    init(_ answers: [[Int32]]) {
        var configuration = TinyProject.configuration
        configuration.maxPositions = 4096
        self.configuration = configuration
        self.answers = answers
        let count = configuration.vocabularySize
        var identity = [Float](repeating: 0, count: count * count)
        for index in 0..<count { identity[index * count + index] = 1 }
        head = .plain(Parameter("head", Tensor(identity, shape: [count, count])))
    }

    func describe(to description: inout ModuleDescription) { description.add(head.matrix) }

    func hiddenStates(_ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass) -> Tensor {
        Tensor(zeros: [ids.count, configuration.vocabularySize])
    }

    func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor {
        // Questions are shorter than what is computed in one run.
        if ids.count > 1 {
            prompts.append(ids)
            answer = answers.isEmpty ? [] : answers.removeFirst()[...]
        }
        let count = configuration.vocabularySize
        var states = [Float](repeating: 0, count: ids.count * count)
        states[(ids.count - 1) * count + Int(answer.popFirst() ?? 0)] = 10
        return Tensor(states, shape: [ids.count, count])
    }
}

/// Dialogues in which a model calls tools.
@Suite struct ChatToolTests {
    private let tools: JSONValue = [
        [
            "name": "weather", "description": "Tells the weather.",
            "parameters": ["type": "object", "properties": ["city": ["type": "string"]]],
        ]
    ]
    private let calls = """
        Action: weather
        Action Input: {"city": "Rome"}
        Action: weather
        Action Input: {"city": "Oslo"}
        """

    private func session(_ answers: [String]) throws -> (ChatSession, ScriptedModel, TextSide) {
        let project = try TinyProject()
        let run = try RunConfiguration(
            yaml: """
                model_name_or_path: \(project.file("model"))
                template: chatml
                do_sample: false
                max_new_tokens: 200
                """, file: "chat.yaml", purpose: .inference)
        let text = try TextSide(run)
        let end = try #require(text.stopTokens.min())
        let model = ScriptedModel(
            answers.map { text.tokenizer.encode($0, specials: .text) + [end] })
        return (ChatSession(run, text, model), model, text)
    }

    @Test func resultsOfCallsAreTheNextLines() throws {
        var (session, model, text) = try session(["I look.\n" + calls, "Hot, and cold."])
        try session.use(tools: tools)
        let reply = try #require(try session.send("Rome and Oslo?"))
        let rome = FunctionCall("weather", ["city": "Rome"])
        let oslo = FunctionCall("weather", ["city": "Oslo"])
        #expect(reply.answer == ParsedAnswer(text: "I look.", calls: [rome, oslo]))
        #expect(reply.text == "I look.\n" + calls && reply.finishReason == .stop)
        #expect(session.openCalls == [rome, oslo])
        #expect(try session.send("31") == nil)
        #expect(session.openCalls == [oslo])
        let last = try #require(try session.send("4"))
        #expect(last.answer == ParsedAnswer(text: "Hot, and cold."))
        #expect(session.openCalls.isEmpty)
        #expect(session.messages.map(\.role) == [.user, .function, .observation, .assistant])
        // The model sees what it wrote, and both results.
        let asked = text.tokenizer.decode(try #require(model.prompts.last), skippingSpecials: false)
        #expect(asked.contains("Tool Name: weather"))
        #expect(
            asked.contains("<|im_start|>assistant\nI look.\n" + calls + "<|im_end|>"), "\(asked)")
        #expect(
            asked.hasSuffix(
                "<|im_start|>tool\n31<|im_end|>\n<|im_start|>tool\n4<|im_end|>\n<|im_start|>assistant\n"
            ), "\(asked)")
    }

    @Test func questionsMayStandInPlaceOfResults() throws {
        var (session, model, _) = try session([calls, "Never mind."])
        try session.use(tools: tools)
        _ = try session.ask("Rome and Oslo?")
        #expect(session.openCalls.count == 2)
        _ = try session.send("31")
        _ = try session.ask("Leave it.")
        #expect(session.openCalls.isEmpty && model.prompts.count == 2)
        session.clear()
        #expect(session.messages.isEmpty)
    }

    @Test func withoutToolsNothingIsACall() throws {
        var (session, _, _) = try session([calls])
        let reply = try session.ask("Rome and Oslo?")
        #expect(reply.answer == ParsedAnswer(text: calls))
        #expect(session.openCalls.isEmpty && session.messages.last?.role == .assistant)
    }

    @Test func whatIsNoListOfToolsIsRefused() throws {
        var (session, _, _) = try session([])
        for wrong: JSONValue in [[], "weather", ["name": "f"], [["description": "x"]], [1]] {
            let error = #expect(throws: FledgeError.self) { try session.use(tools: wrong) }
            #expect(error?.advice.contains("\"function\"") == true)
        }
        // This format needs to know the parameters.
        #expect(throws: FledgeError.self) { try session.use(tools: [["name": "f"]]) }
    }
}
