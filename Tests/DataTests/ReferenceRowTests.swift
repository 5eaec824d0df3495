import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Rows processed as by LLaMA-Factory, from the file to the labels, compared by digests.
@Suite(.enabled(if: ReferenceFiles.hasModel && ReferenceFiles.hasData))
struct ReferenceRowTests {
    private static let cases: [JSONValue] =
        (try? ReferenceFiles.fixture("stage_rows.json"))?["cases"]?.arrayValue ?? []
    private static let tokenizer = Result { try TokenizerFile.load(ReferenceFiles.model) }

    /// The digest that the reference script writes.
    static func digest(_ columns: [[Int32]]) -> String {
        var digest = SHA256()
        for column in columns { column.withUnsafeBytes { digest.update($0) } }
        return String(digest.hexadecimal().prefix(16))
    }

    @Test(arguments: 0..<35) func rowsAreTheReferences(index: Int) throws {
        try #require(index < Self.cases.count)
        let entry = Self.cases[index]
        for quirks in [ReferenceQuirks.all, .all.subtracting(.contentSpecials)] {
            let result = try process(entry["options"] ?? .null, quirks)
            let expected = entry["train"]?.stringValue?.split(separator: " ").map(String.init)
            #expect(result.train.count == expected?.count)
            let wrong = zip(result.train, expected ?? []).enumerated().filter { $1.0 != $1.1 }
            let first = wrong.first?.offset ?? -1
            #expect(wrong.count == 0, "first \(first) of \(entry["options"] ?? .null)")
            let held = entry["validation"]?.stringValue?.split(separator: " ").map(String.init)
            #expect(result.validation == held ?? [])
        }
    }

    @Test func allCasesAreThere() { #expect(Self.cases.count == 35) }

    @Test func aWrongOptionIsNoticed() throws {
        var options = try #require(Self.cases.first?["options"])
        options["cutoff_len"] = 100
        let expected = Self.cases[0]["train"]?.stringValue?.split(separator: " ").map(String.init)
        let rows = try process(options, .all).train
        #expect(rows.count == 999 && rows != expected)
    }

    private func process(
        _ options: JSONValue, _ quirks: ReferenceQuirks
    ) throws -> (train: [String], validation: [String]) {
        var dataset = DatasetOptions()
        dataset.folder = ReferenceFiles.data
        dataset.dropsInvalidRows = true
        dataset.names = DatasetOptions.names(in: options["dataset"]?.stringValue ?? "")
        dataset.sampleLimit = options["max_samples"]?.intValue
        dataset.validationSize = options["val_size"]?.doubleValue ?? 0
        if let mix = options["mix_strategy"]?.stringValue.flatMap(DatasetMix.init(rawValue:)) {
            dataset.mix = mix
        }
        dataset.probabilities = options["interleave_probs"]?.stringValue?.split(separator: ",")
            .compactMap { Double($0) }
        var template = try TemplateCatalog.named(options["template"]?.stringValue ?? "")
        if let format = options["tool_format"]?.stringValue {
            template.setToolFormat(try ToolFormat.named(format))
        }
        if let text = options["default_system"]?.stringValue { template.defaultSystem = text }
        if let flag = options["enable_thinking"]?.boolValue { template.enablesThinking = flag }
        var tokenizer = try Self.tokenizer.get()
        _ = try template.prepare(&tokenizer)
        dataset.usesRanking = ["rm", "dpo"].contains(options["stage"]?.stringValue)
        dataset.quirks = quirks
        let loaded = try DatasetLoader(dataset).load()
        let digests = try Self.stage(options, tokenizer, template, quirks)
        return (
            try digests(loaded.train),
            try loaded.evaluations.first.map { try digests($0.samples) } ?? []
        )
    }

    /// What makes rows of a stage, as digests of their columns.
    private static func stage(
        _ options: JSONValue, _ tokenizer: TextTokenizer, _ template: ChatTemplate,
        _ quirks: ReferenceQuirks
    ) throws -> ([AlignedSample]) throws -> [String] {
        let stage = options["stage"]?.stringValue ?? "sft"
        let batchSize = options["preprocessing_batch_size"]?.intValue ?? 1000
        var length = options["cutoff_len"]?.intValue ?? 2048
        let packing = options["packing"]?.boolValue
        if packing == true, quirks.contains(.cutoffMinusOne) { length -= 1 }
        switch stage {
        case "sft":
            let processor = try SupervisedProcessor(
                tokenizer: tokenizer, template: template, cutoffLength: length,
                masksHistory: options["mask_history"]?.boolValue ?? false,
                trainsOnPrompt: options["train_on_prompt"]?.boolValue ?? false, quirks: quirks)
            return { rows in
                let samples = try processor.process(rows).samples
                guard packing == true else {
                    return samples.map { digest([$0.inputIDs, $0.labels]) }
                }
                return Packing(capacity: length, batchSize: batchSize).joined(samples).map {
                    let row = $0.columns(
                        length: length + 1, padding: tokenizer.padding ?? 0,
                        neat: options["neat_packing"]?.boolValue ?? false)
                    return digest([row.inputIDs, row.labels, row.positions])
                }
            }
        case "pt":
            let packs = packing ?? true
            let processor = try PretrainingProcessor(
                tokenizer: tokenizer, templateName: template.name, cutoffLength: length,
                packs: packs, quirks: quirks)
            return { rows in
                let texts = try processor.process(rows).samples
                let blocks = TokenBlocks(processor, batchSize: batchSize)
                return (packs ? blocks.joined(texts).map { $0.samples[0] } : texts)
                    .map { digest([$0.inputIDs]) }
            }
        case "rm", "dpo":
            let processor = try PairwiseProcessor(
                tokenizer: tokenizer, template: template, cutoffLength: length, quirks: quirks)
            return { rows in
                try processor.process(rows).samples.map {
                    digest([
                        $0.chosen.inputIDs, $0.chosen.labels, $0.rejected.inputIDs,
                        $0.rejected.labels,
                    ])
                }
            }
        case "kto":
            let processor = try FeedbackProcessor(
                tokenizer: tokenizer, template: template, cutoffLength: length, quirks: quirks)
            return { rows in
                try FeedbackPairs(processor, batchSize: batchSize).loaded(rows).map {
                    digest([
                        $0.target.inputIDs, $0.target.labels, $0.mismatched.inputIDs,
                        $0.mismatched.labels, [$0.isDesirable ? 1 : 0],
                    ])
                }
            }
        default:
            let processor = try PromptProcessor(
                tokenizer: tokenizer, template: template, cutoffLength: length, quirks: quirks)
            return { rows in
                try processor.process(rows).samples.map {
                    digest([$0.promptIDs, $0.responseIDs])
                }
            }
        }
    }
}
