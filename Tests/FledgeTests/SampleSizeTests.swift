import Fledge
import FledgeTesting
import Testing

/// What a sample puts into a batch, as memory and merging are planned by it, is what its batch has.
@Suite struct SampleSizeTests {
    private let project: ToyProject

    init() throws {
        project = try ToyProject()
        // Questions and answers that are long enough to be shared, and of many lengths.
        func words(_ count: Int, _ first: Int) -> String {
            (0..<count).map { String(UnicodeScalar(UInt8(97 + (first + 7 * $0) % 20))) }.joined(
                separator: " ")
        }
        func write(_ name: String, _ row: (Int) -> JSONValue) throws {
            try AtomicFile.write(
                JSONValue.array((0..<9).map(row)).serialized(), to: "\(project.path)/\(name).json")
        }
        try write("texts") { ["text": .string(words(30, $0 % 2))] }
        try write("dialogues") {
            [
                "instruction": .string(words(10, $0 % 2)), "output": .string(words(2 + $0 % 3, 1)),
                "system": .string(words(9, 3)),
            ]
        }
        try write("pairs") {
            [
                "prompt": .string(words($0, 1)), "chosen": .string(words(12, 2)),
                "rejected": .string(words(12 + $0 % 2, $0 % 3 == 0 ? 2 : 5)),
            ]
        }
        try write("marks") {
            [
                "prompt": .string(words(8 + $0, 1)),
                "completion": .string(words(6 + 3 * $0, 2 + $0)),
                "label": .bool($0 % 2 == 0),
            ]
        }
    }

    private func configuration(_ words: String) throws -> RunConfiguration {
        let keys = words.replacing("@", with: project.path + "/").split(separator: " ")
        let quirks = words.contains("reference_quirks") ? [] : ["reference_quirks=none"]
        return try project.configuration(["cutoff_len=96"] + quirks + keys.map(String.init))
    }

    /// The tokens of samples by themselves, with what they begin with once.
    @discardableResult private func sizes(_ configuration: RunConfiguration) throws -> [Int] {
        func sizes<Method: TrainingMethod>(_ method: Method) throws -> [Int] {
            let text = try TextSide(configuration)
            let data = try StageData(
                configuration, text, method.recipe(configuration, text), threads: 2, cache: nil)
            #expect(!data.known.isEmpty)
            return try data.known.map { sample in
                var tokens = 0
                for shares in [false, true] {
                    let size = method.size(of: sample, sharesPrefixes: shares, configuration)
                    let batch = try method.collate(
                        [(0, sample)], epoch: 0, sharesPrefixes: shares, configuration
                    ).tokens
                    #expect(size.tokens == batch.ids.count)
                    #expect(size.supervised == batch.supervision.count)
                    tokens = size.tokens
                }
                return tokens
            }
        }
        return try sizes(configuration.method)
    }

    @Test(arguments: [
        "stage=pt dataset=@texts.json", "stage=pt dataset=@texts.json packing=false",
        "dataset=@dialogues.json", "dataset=@dialogues.json train_on_prompt=true",
        "dataset=@dialogues.json packing=true neat_packing=true",
        "dataset=@dialogues.json packing=true neat_packing=true compute_accuracy=true",
        "dataset=@dialogues.json packing=true reference_quirks=packing_attention train_on_prompt=true",
        "stage=rm dataset=@pairs.json", "stage=dpo dataset=@pairs.json",
        "stage=kto dataset=@marks.json", "stage=kto dataset=@marks.json finetuning_type=full",
        "stage=ppo dataset=@dialogues.json",
    ]) func sizesAreThoseOfBatches(_ words: String) throws { try sizes(configuration(words)) }

    /// Where the backward pass makes gradients of weights too, sharing is worth it more rarely.
    @Test func whatIsSharedFollowsFromWhatIsTrained() throws {
        let adapters = try sizes(configuration("stage=kto dataset=@marks.json"))
        let weights = try sizes(
            configuration("stage=kto dataset=@marks.json finetuning_type=full"))
        #expect(
            adapters != weights && zip(adapters, weights).allSatisfy { $0 <= $1 },
            "\(adapters) \(weights)")
    }

    /// Samples that are packed into a row share what they begin with.
    @Test func packedSamplesShareTheirBeginnings() throws {
        let packed = "dataset=@dialogues.json packing=true neat_packing=true"
        let shared = try sizes(configuration(packed))
        let configuration = try configuration(packed)
        let text = try TextSide(configuration)
        let rows = try StageData(
            configuration, text, SupervisedFineTuning().recipe(configuration, text), threads: 2,
            cache: nil
        ).known.map(\.length)
        #expect(shared.reduce(0, +) < rows.reduce(0, +), "\(shared) \(rows)")
    }
}
