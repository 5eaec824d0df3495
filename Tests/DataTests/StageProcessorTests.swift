import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// The vectors of the reference for a toy tokenizer, for the stages beside supervised fine-tuning.
@Suite struct StageProcessorTests {
    private let plain = ToyTokenizer.template(efficientEnd: false)

    private func row(_ question: String, _ answers: Message...) -> AlignedSample {
        AlignedSample(
            prompt: [Message(.user, question)], response: answers, system: "S",
            source: .init(file: "toy", line: 3))
    }

    private func answer(_ text: String) -> Message { Message(.assistant, text) }

    private func texts(_ sample: ProcessedSample) -> [String] {
        [ToyTokenizer.text(sample.inputIDs), ToyTokenizer.text(sample.labels)]
    }

    // MARK: Pairs

    @Test(arguments: [
        (100, "^sSu11aGOODGOOD$", ".......GOODGOOD$", "^sSu11abad$", ".......bad$", 0),
        (12, "^sSu11GOODGO", "......GOODGO", "^sSu11bad$", "......bad$", 1),
    ])
    func pairs(
        cutoff: Int, chosenIDs: String, chosenLabels: String, rejectedIDs: String,
        rejectedLabels: String, truncated: Int
    ) throws {
        for isEfficient in [false, true] {
            let processor = try PairwiseProcessor(
                tokenizer: ToyTokenizer(),
                template: ToyTokenizer.template(efficientEnd: isEfficient), cutoffLength: cutoff)
            let data = try processor.process([row("11", answer("GOODGOOD"), answer("bad"))])
            let pair = try #require(data.samples.first)
            #expect(texts(pair.chosen) == [chosenIDs, chosenLabels])
            #expect(texts(pair.rejected) == [rejectedIDs, rejectedLabels])
            #expect(
                pair.chosen.inputIDs.prefix(pair.promptCount)
                    == pair.rejected.inputIDs.prefix(pair.promptCount))
            #expect(data.report.truncated.count == truncated)
            #expect(data.report.equalAnswers.isEmpty)
            #expect(data.report.tokenCount == chosenIDs.utf8.count + rejectedIDs.utf8.count)
        }
    }

    @Test func pairsThatAreNoneAreNamed() throws {
        let processor = try PairwiseProcessor(tokenizer: ToyTokenizer(), template: plain)
        let same = row("1", answer("x"), answer("x"))
        let report = try processor.process([row("1", answer("x")), same]).report
        #expect(report.dropped.count == 1 && report.dropped[0].source.line == 3)
        #expect(report.dropped[0].reason.contains("one answer, expected a chosen"))
        #expect(report.equalAnswers.count == 1)
    }

    // MARK: Marked answers

    private func marked(_ question: String, _ text: String, _ isDesirable: Bool) -> AlignedSample {
        let none = answer("")
        var sample =
            isDesirable ? row(question, answer(text), none) : row(question, none, answer(text))
        sample.isDesirable = isDesirable
        return sample
    }

    @Test func feedback() throws {
        let processor = try FeedbackProcessor(
            tokenizer: ToyTokenizer(), template: plain, quirks: .all)
        let rows = [marked("1", "a", true), marked("2", "b", false), marked("3", "c", true)]
        let samples = try FeedbackPairs(processor).loaded(rows)
        #expect(
            samples.map { texts($0.target) } == [
                ["^sSu1aa$", "......a$"], ["^sSu2ab$", "......b$"], ["^sSu3ac$", "......c$"],
            ])
        #expect(
            samples.map { texts($0.mismatched) } == [
                ["^sSu1ac$", "......c$"], ["^sSu2aa$", "......a$"], ["^sSu3ab$", "......b$"],
            ])
        #expect(samples.map(\.isDesirable) == [true, false, true])
    }

    @Test func feedbackPairsAcrossBatchesUnlessAskedNot() throws {
        let rows = ["a", "b", "c", "d", "e"].map { marked("1", $0, true) }
        let others = { (quirks: ReferenceQuirks) throws -> [String] in
            let pairs = FeedbackPairs(
                try FeedbackProcessor(
                    tokenizer: ToyTokenizer(), template: plain, quirks: quirks), batchSize: 2)
            return rows.indices.map { place in
                pairs.row(at: place, of: rows.count) { rows[$0] }.other.response[0].content
            }
        }
        #expect(try others([]) == ["e", "a", "b", "c", "d"])
        #expect(try others(.ktoMapBatches) == ["b", "a", "d", "c", "e"])
    }

    @Test func brokenNeighboursAreStepped() throws {
        let broken = AlignedSample(prompt: [], response: [], fault: "broken")
        let rows = [marked("1", "a", true), broken, marked("3", "c", false), broken]
        let processor = try FeedbackProcessor(tokenizer: ToyTokenizer(), template: plain)
        let data = try FeedbackPairs(processor).loaded(rows)
        #expect(data.map { texts($0.mismatched)[0] } == ["^sSu1ac$", "^sSu3aa$"])
        #expect(data.report?.dropped.map(\.reason) == ["broken", "broken"])
    }

    @Test func aGoodAnswerMayBeEmpty() throws {
        let rows = [marked("1", "", true)]
        for quirks in [ReferenceQuirks(), .ktoEmptyAnswers] {
            let processor = try FeedbackProcessor(
                tokenizer: ToyTokenizer(), template: plain, quirks: quirks)
            let sample = try #require(try FeedbackPairs(processor).loaded(rows).first)
            #expect(sample.isDesirable == quirks.isEmpty)
        }
    }

    // MARK: Questions

    @Test(arguments: [false, true]) func questions(isEfficient: Bool) throws {
        let processor = try PromptProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: isEfficient),
            cutoffLength: 12)
        let samples = try processor.process([row("11", answer("4444")), row("11")]).samples
        #expect(ToyTokenizer.text(samples[0].promptIDs) == "^sSu11a")
        #expect(ToyTokenizer.text(samples[0].responseIDs) == "4444$")
        #expect(ToyTokenizer.text(samples[1].responseIDs) == "$")
    }

    // MARK: Plain texts

    private func blocks(
        packs: Bool, begins: Bool, quirks: ReferenceQuirks = .all, batchSize: Int = 1000
    ) throws -> [String] {
        let processor = try PretrainingProcessor(
            tokenizer: ToyTokenizer(), cutoffLength: 5, packs: packs, addsBeginOfText: begins,
            quirks: quirks)
        let rows = ["abcdefg", "hij", "klmnop"].map { row($0) }
        let texts = try processor.process(rows).samples
        let blocks = TokenBlocks(processor, batchSize: batchSize)
        return (packs ? blocks.joined(texts).map { $0.samples[0] } : texts).map {
            ToyTokenizer.text($0.inputIDs)
        }
    }

    @Test func textsAreTheReferences() throws {
        #expect(try blocks(packs: true, begins: false) == ["abcde", "fg$hi", "j$klm"])
        #expect(try blocks(packs: true, begins: true) == ["^bcde", "^g$hi", "^$klm"])
        #expect(try blocks(packs: false, begins: false) == ["abcde", "hij$", "klmno"])
        #expect(try blocks(packs: false, begins: true) == ["^abcd", "^hij$", "^klmn"])
    }

    @Test func nothingIsLeftOutUnlessAskedFor() throws {
        #expect(
            try blocks(packs: true, begins: false, quirks: []) == [
                "abcde", "fg$hi", "j$klm", "nop$",
            ])
        #expect(try blocks(packs: true, begins: false, batchSize: 1) == ["abcde", "klmno"])
        #expect(
            try blocks(packs: true, begins: false, quirks: [], batchSize: 1)
                == ["abcde", "fg$hi", "j$klm", "nop$"])
    }

    @Test func endsAreLearnedWhereverTheyPad() throws {
        struct EndPads: Tokenizer {
            let inner = ToyTokenizer()
            var vocabularyCount: Int { inner.vocabularyCount }
            var beginOfText: Int32? { inner.beginOfText }
            var endOfText: Int32? { inner.endOfText }
            var padding: Int32? { inner.endOfText }
            func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
                inner.encode(text, specials: specials)
            }
            func decode(_ ids: [Int32], skippingSpecials: Bool) -> String { "" }
            func bytes(of id: Int32) -> [UInt8] { inner.bytes(of: id) }
            func id(ofSpecial token: String) -> Int32? { nil }
            func isSpecial(_ id: Int32) -> Bool { false }
            func containsSpecial(_ text: String) -> Bool { false }
        }
        for (quirks, labels) in [(ReferenceQuirks(), "ab$"), (.padMasksEnd, "ab.")] {
            let processor = try PretrainingProcessor(
                tokenizer: EndPads(), packs: false, quirks: quirks)
            let samples = try processor.process([row("ab")]).samples
            #expect(samples.map { ToyTokenizer.text($0.labels) } == [labels])
        }
    }

    // MARK: Weights

    @Test func messagesCountAsTheyAreWeighted() throws {
        var sample = SupervisedProcessorTests.dialogue
        sample.prompt[1].weight = 0
        sample.response[0].weight = 0.5
        for (isEfficient, masks, ids, labels) in [
            (false, false, "^sSu11a22222$u333a4444$", "..................4444$"),
            (false, true, "^sSu11a22222$u333a4444$", "..................4444$"),
            (true, false, "^sSu11a22222u333a4444$", ".................4444$"),
        ] {
            let processor = try SupervisedProcessor(
                tokenizer: ToyTokenizer(),
                template: ToyTokenizer.template(efficientEnd: isEfficient), masksHistory: masks)
            let made = try #require(try processor.process([sample]).samples.first)
            #expect(texts(made) == [ids, labels])
            let weights = try #require(made.weights)
            #expect(weights.count == made.inputIDs.count)
            for (label, weight) in zip(made.labels, weights) where label >= 0 {
                #expect(weight == 0.5)
            }
            for sharesPrefixes in [false, true] {
                let batch = SupervisedCollator(sharesPrefixes: sharesPrefixes).batch([made, made])
                #expect(batch.supervision.weights.reduce(0, +) == 5)
                #expect(batch.supervision.count == (sharesPrefixes ? 5 : 10))
            }
        }
    }
}
