import FledgeCore
import FledgeData
import FledgeTokenize
import Synchronization
import Testing

/// The vectors of the reference for a toy tokenizer.
@Suite struct SupervisedProcessorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var efficientEnd = false
        var cutoff = 100
        var masksHistory = false
        var trainsOnPrompt = false
        var quirks: ReferenceQuirks = .all
        var ids: String
        var labels: String

        var testDescription: String {
            "\(efficientEnd ? "B" : "A") \(cutoff) \(masksHistory) \(trainsOnPrompt)"
        }
    }

    static let dialogue = AlignedSample(
        prompt: [Message(.user, "11"), Message(.assistant, "22222"), Message(.user, "333")],
        response: [Message(.assistant, "4444")], system: "S",
        source: FledgeError.Location(file: "toy", line: 7))

    @Test(arguments: [
        Case(ids: "^sSu11a22222$u333a4444$", labels: ".......22222$.....4444$"),
        Case(
            masksHistory: true, ids: "^sSu11a22222$u333a4444$", labels: "..................4444$"),
        Case(
            trainsOnPrompt: true, ids: "^sSu11a22222$u333a4444$", labels: "^sSu11a22222$u333a4444$"),
        Case(cutoff: 16, ids: "^sSu11a22222$u34", labels: ".......22222$..4"),
        Case(cutoff: 16, masksHistory: true, ids: "^sSu22u333a4444$", labels: "...........4444$"),
        Case(cutoff: 9, ids: "^sSu12222", labels: ".....2222"),
        Case(cutoff: 9, masksHistory: true, ids: "u333a4444", labels: ".....4444"),
        Case(efficientEnd: true, ids: "^sSu11a22222u333a4444$", labels: ".......22222$....4444$"),
        Case(
            efficientEnd: true, masksHistory: true, ids: "^sSu11a22222u333a4444$",
            labels: "$................4444$"),
        Case(
            efficientEnd: true, masksHistory: true, quirks: [], ids: "^sSu11a22222u333a4444$",
            labels: ".................4444$"),
        Case(efficientEnd: true, cutoff: 16, ids: "^sSu11a22222u34$", labels: ".......22222$.4$"),
        Case(
            efficientEnd: true, cutoff: 16, masksHistory: true, ids: "^sSu22u333a4444$",
            labels: "$..........4444$"),
        Case(efficientEnd: true, cutoff: 9, ids: "^sSu1222$", labels: ".....222$"),
        Case(
            efficientEnd: true, cutoff: 9, masksHistory: true, ids: "u333a444$",
            labels: ".....444$"),
    ])
    func vector(_ example: Case) throws {
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(),
            template: ToyTokenizer.template(efficientEnd: example.efficientEnd),
            cutoffLength: example.cutoff, masksHistory: example.masksHistory,
            trainsOnPrompt: example.trainsOnPrompt, quirks: example.quirks)
        var report = DataReport()
        let sample = try #require(try processor.sample(Self.dialogue, &report))
        #expect(ToyTokenizer.text(sample.inputIDs) == example.ids)
        #expect(ToyTokenizer.text(sample.labels) == example.labels)
        #expect(report.truncated.count == (example.cutoff < 23 ? 1 : 0))
        #expect(sample.source.line == 7)
    }

    @Test(arguments: [
        (3000, 2000, 1000, 600, 400), (2000, 3000, 1000, 400, 600), (1000, 100, 1000, 900, 100),
        (100, 1000, 1000, 100, 900), (100, 500, 1000, 100, 500), (500, 100, 1000, 500, 100),
        (10, 10, 1000, 10, 10), (7, 9, 10, 5, 5), (5, 5, 9, 5, 4), (1, 100, 2, 1, 1),
        (100, 1, 2, 2, 0), (3, 3, 5, 3, 2), (0, 8, 5, 0, 5), (8, 0, 5, 5, 0), (51, 49, 99, 50, 49),
        (5, 8, 10, 4, 6), (8, 5, 10, 7, 3),
    ])
    func budget(source: Int, target: Int, cutoff: Int, keptSource: Int, keptTarget: Int) {
        let kept = SequenceBudget.lengths(source: source, target: target, cutoff: cutoff)
        #expect(kept == (keptSource, keptTarget))
    }

    @Test func budgetsNeverExceed() {
        for source in 0...12 {
            for target in 0...12 {
                for cutoff in 0...14 {
                    let kept = SequenceBudget.lengths(
                        source: source, target: target, cutoff: cutoff)
                    #expect(kept.source <= source && kept.target <= target)
                    #expect(kept.source + kept.target <= cutoff && kept.target >= 0)
                }
            }
        }
    }

    @Test func everyRowIsAccountedFor() throws {
        func row(_ line: Int, _ prompt: [Message], _ response: [Message]) -> AlignedSample {
            AlignedSample(
                prompt: prompt, response: response,
                source: FledgeError.Location(file: "f", line: line))
        }
        let question = Message(.user, "q")
        let rows = [
            row(1, [question], [Message(.assistant, "a")]), row(2, [], []),
            row(3, [question], []),
            row(4, [Message(.user, "long question")], [Message(.assistant, "")]),
            row(5, [Message(.user, "a$b")], [Message(.assistant, "x")]),
        ]
        var template = ToyTokenizer.template(efficientEnd: false)
        template.assistant = [.text("{{content}}")]
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: template, cutoffLength: 8)
        let dataset = try processor.process(rows)
        #expect(dataset.samples.map(\.source.line) == [1, 4, 5])
        #expect(dataset.report.rowCount == 5)
        #expect(dataset.report.dropped.map(\.source.line) == [2, 3])
        #expect(dataset.report.truncated.map(\.line) == [4])
        #expect(dataset.report.unsupervised.map(\.line) == [4])
        #expect(dataset.report.controlStrings.map(\.line) == [5])
        #expect(dataset.report.tokenCount == dataset.samples.reduce(0) { $0 + $1.inputIDs.count })
    }

    @Test func threadsDoNotChangeTheOrder() throws {
        let rows = (0..<1000).map { index in
            AlignedSample(
                prompt: [Message(.user, "q\(index)")], response: [Message(.assistant, "a\(index)")])
        }
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false))
        let one = try processor.process(rows, threads: 1)
        #expect(one.samples.count == 1000)
        for threads in [2, 3, 8] {
            let many = try processor.process(rows, threads: threads)
            #expect(many.samples == one.samples && many.report == one.report)
        }
        #expect(try processor.process([]).samples.isEmpty)
        let most = Atomic<Int>(0)
        _ = try processor.process(rows) { done, total in
            if total == 1000 { most.max(done, ordering: .relaxed) }
        }
        #expect(most.load(ordering: .relaxed) == 1000)
    }

    @Test func mistakesAreErrors() throws {
        let template = ToyTokenizer.template(efficientEnd: true)
        let error = #expect(throws: FledgeError.self) {
            try SupervisedProcessor(
                tokenizer: ToyTokenizer(), template: template, trainsOnPrompt: true)
        }
        #expect(error?.code == .configuration)
        let processor = try SupervisedProcessor(tokenizer: ToyTokenizer(), template: template)
        let call = AlignedSample(
            prompt: [Message(.user, "q")], response: [Message(.function, "no json")],
            source: FledgeError.Location(file: "f", line: 3, column: 5))
        let report = try processor.process([call]).report
        #expect(report.dropped.map(\.source) == [call.source])
        #expect(report.dropped[0].reason.contains("JSON"))
    }
}
