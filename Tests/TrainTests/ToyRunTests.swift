import FledgeAdapters
import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// Complete runs of the reference on eight samples, four optimizer steps each: loss and norm.
@Suite("Toy runs against the reference")
struct ToyRunTests {
    @Test func lowRankFineTuning() throws {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        let reports = try ToyData.train(model, rate: 0.01)
        expect(
            reports,
            [
                (3.1523557, 0.5059173), (3.0961943, 1.2694485), (3.0714595, 0.8291204),
                (3.0029101, 0.6278504),
            ])
    }

    @Test func fullFineTuning() throws {
        let model = try TinyModel.make()
        for parameter in model.parameters { parameter.isTrainable = true }
        let reports = try ToyData.train(model, rate: 0.001)
        expect(
            reports,
            [
                (3.2152715, 2.7180388), (3.0573626, 2.7880008), (3.0394747, 2.2860317),
                (3.0395598, 2.4329438),
            ])
    }

    @Test func fullFineTuningWithDecayAndCosine() throws {
        let model = try TinyModel.make()
        for parameter in model.parameters { parameter.isTrainable = true }
        let reports = try ToyData.train(
            model, optimizer: AdamW(weightDecay: 0.1),
            schedule: .cosine(peak: 0.001, warmup: 1, total: 4))
        expect(
            reports,
            [
                (3.2152715, 2.7180388), (3.0773995, 2.8566082), (3.061558, 2.3183947),
                (3.0841537, 2.6807804),
            ])
        #expect(reports.map(\.learningRate).first == 0)
    }

    @Test func aWrongLearningRateIsSeen() throws {
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        let reports = try ToyData.train(model, rate: 0.009)
        #expect(abs(reports[3].loss - 3.0029101) > 1e-3)
    }

    private func expect(_ reports: [StepReport], _ expected: [(loss: Double, norm: Double)]) {
        #expect(reports.count == expected.count)
        for (report, expected) in zip(reports, expected) {
            #expect(abs(report.loss / expected.loss - 1) < 2e-6, "step \(report.step)")
            #expect(abs(report.gradientNorm / expected.norm - 1) < 1e-5, "step \(report.step)")
        }
    }
}

/// The eight samples of the specification in template `default`.
enum ToyData {
    static let rows = [
        ("a b c", "d e f", "s"), ("g h", "i j k l", ""), ("b d f h j l", "a", ""),
        ("m n o p", "q r s t", "k"), ("t s r", "q p o n m", ""), ("c c d", "e e", ""),
        ("f a c e", "b e d", ""), ("l o g", "h i t", ""),
    ]

    /// Ids and the index of the first answer token, for every sample.
    static let samples: [(ids: [Int32], answer: Int)] = rows.map { prompt, answer, system in
        var ids: [Int32] = []
        if !system.isEmpty { ids += [3] + words(system) + [2] }
        // "Human:" and "Assistant:" are unknown words; the empty newline piece has no tokens.
        ids += [3] + words(prompt) + [2, 3]
        return (ids + words(answer) + [2], ids.count)
    }

    static func words(_ text: String) -> [Int32] {
        text.split(separator: " ").map { Int32($0.utf8.first.map { $0 - 97 + 4 } ?? 3) }
    }

    static func collate(_ picked: [(index: Int, sample: (ids: [Int32], answer: Int))], _ epoch: Int)
        -> TokenBatch
    {
        var batch = TokenBatch(
            ids: picked.flatMap(\.sample.ids),
            layout: SequenceLayout(lengths: picked.map(\.sample.ids.count)),
            samples: picked.map(\.index), epoch: epoch)
        for (segment, (_, sample)) in picked.enumerated() {
            let start = batch.layout.segments[segment].start
            for position in sample.answer..<sample.ids.count {
                batch.supervision.append(
                    row: start + position - 1, target: sample.ids[position], sample: segment)
            }
        }
        return batch
    }

    static func epochs(batchSize: Int = 2, shuffles: Bool = true) -> Epochs<
        (ids: [Int32], answer: Int), TokenBatch
    > {
        Epochs(samples, batchSize: batchSize, seed: 42, shuffles: shuffles, collate: collate)
    }

    /// The specification's adapter: rank 4, alpha 8 on `q_proj` and `v_proj`, both factors non-zero.
    @discardableResult
    static func attachAdapter(to model: DecoderLM, dropout: Double = 0) throws -> AdapterSet {
        let adapters = try model.attach(
            LoRA(rank: 4, alpha: 8, dropout: dropout, targets: .named(["q_proj", "v_proj"])),
            seed: 1)
        for parameter in adapters.parameters {
            parameter.value = TinyModel.tensor(parameter.name, parameter.value.shape)
        }
        return adapters
    }

    static func train(
        _ model: DecoderLM, optimizer: any Optimizer = AdamW(), rate: Double = 0,
        schedule: (any LearningRateSchedule)? = nil, batchSize: Int = 2, accumulation: Int = 2,
        communicator: any Communicator = SingleProcess(), callbacks: [any Callback] = []
    ) throws -> [StepReport] {
        let recorder = StepRecorder()
        let linear = Warmup(0, LinearSchedule(peak: rate, steps: 4))
        let rates: any LearningRateSchedule = schedule ?? linear
        let trainer = Trainer(
            ObjectiveStage(model, TokenCrossEntropy()), optimizer: optimizer,
            schedule: rates, accumulation: accumulation,
            logging: .every(1), callbacks: [recorder] + callbacks, communicator: communicator)
        try trainer.fit(epochs(batchSize: batchSize), steps: 4)
        return recorder.reports
    }
}

final class StepRecorder: Callback {
    private(set) var reports: [StepReport] = []
    func didFinishStep(_ report: StepReport, _ run: TrainingRun) { reports.append(report) }
}
