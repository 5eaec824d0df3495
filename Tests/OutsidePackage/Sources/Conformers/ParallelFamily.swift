import Fledge
import FledgeTesting
import Foundation

/// A family of one's own: attention and MLP read the same norm and are added together.
struct ParallelFamily: ModelFamily {
    let modelTypes = ["parallel": "Parallel"]

    func configuration(_ json: ConfigurationReader) throws -> DecoderConfiguration {
        guard try json.flag("parallel") ?? false else {
            throw json.wrong("parallel", "true")
        }
        return try json.decoder()
    }

    func block(_ index: Int, _ weights: inout WeightReader) throws -> any DecoderBlock {
        let name = "model.layers.\(index)"
        let attention = try weights.attention(
            index, SelfAttention.Options(rotary: weights.rotary()), biasSetting: nil)
        return ParallelBlock(
            norm: try weights.norm("\(name).input_layernorm"), attention: attention,
            mlp: try weights.gatedMLP("\(name).mlp"))
    }
}

private final class ParallelBlock: DecoderBlock {
    let norm: RMSNorm
    let attention: SelfAttention
    let mlp: GatedMLP

    init(norm: RMSNorm, attention: SelfAttention, mlp: GatedMLP) {
        (self.norm, self.attention, self.mlp) = (norm, attention, mlp)
    }

    func describe(to description: inout ModuleDescription) {
        description.add(norm)
        description.add(attention)
        description.add(mlp)
    }

    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let normed = norm(x)
        return x + attention(normed, pass) + mlp(normed, pass)
    }

    func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let (attended, gated) = (attention.activationBytes(run), mlp.activationBytes(run))
        return ActivationBytes(
            kept: attended.kept + gated.kept + run.bytes(norm.channelCount),
            forward: attended.forward + gated.forward + 2 * run.bytes(norm.channelCount),
            backward: attended.backward + gated.backward + 2 * run.bytes(norm.channelCount))
    }

    func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        attention.stateBytes(cache, type)
    }
}

/// Writes a model of the family, trains it from a file of keys, and opens and asks what came out.
func trainParallelFamily(in project: TinyProject) throws {
    var tensors = TinyModel.tensors(TinyProject.configuration)
    for name in tensors.keys where name.contains("post_attention_layernorm") { tensors[name] = nil }
    var configuration = TinyProject.configuration
    (configuration.family, configuration.modelType) = (ParallelFamily(), "parallel")
    let made = try DecoderLM(configuration, InMemoryTensors(tensors), storing: .float32)
    let folder = project.file("parallel")
    let files = FileManager.default
    try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try made.save(to: folder, as: .float32)
    try TinyProject.tokenizer().save(to: folder)
    var json = try JSONValue(contentsOf: folder + "/config.json")
    json["parallel"] = true
    try AtomicFile.write(json.serialized(), to: folder + "/config.json")

    let data = project.file("parallel-data")
    try files.createDirectory(atPath: data, withIntermediateDirectories: true)
    let rows: JSONValue = [
        ["instruction": "so?", "output": "ab"], ["instruction": "no?", "output": "cd"],
    ]
    try AtomicFile.write(rows.serialized(), to: data + "/rows.json")
    try AtomicFile.write(
        """
        {"rows": {"file_name": "rows.json",
         "columns": {"prompt": "instruction", "response": "output"}}}
        """, to: data + "/dataset_info.json")

    let families: [any ModelFamily] = .standard + [ParallelFamily()]
    var run = try RunConfiguration(
        yaml: """
            stage: sft
            model_name_or_path: \(folder)
            template: chatml
            do_train: true
            finetuning_type: lora
            lora_rank: 2
            dataset_dir: \(data)
            dataset: rows
            max_steps: 2
            per_device_train_batch_size: 2
            learning_rate: 0.05
            output_dir: \(project.file("parallel-out"))
            """, file: "parallel.yaml")
    run.families = families
    try TrainingRecipe(run).run()

    let model = try Checkpoint(path: folder, families: families).causalLM()
    let before = try TokenGenerator(model).generate([3, 4, 5], .greedy(maxNewTokens: 4)).ids
    let adapters = try model.attachAdapter(folder: project.file("parallel-out"))
    check(adapters.layers.count == 14, "not every projection has an adapter")
    adapters.merge()
    let merged = project.file("parallel-merged")
    try files.createDirectory(atPath: merged, withIntermediateDirectories: true)
    try model.save(to: merged)
    let again = try Checkpoint(path: merged, families: families).causalLM()
    let ids: [Int32] = [3, 4, 5, 6]
    func states(_ model: DecoderLM) -> [Float] {
        model.hiddenStates(ids, layout: SequenceLayout(lengths: [4]), ForwardPass(.float32))
            .scalars()
    }
    check(states(again) == states(model), "the saved model is another one")
    check(before.count == 4, "the family does not generate")
    do {
        _ = try Checkpoint(path: folder)
        check(false, "a model of an unknown family is opened")
    } catch let error as FledgeError {
        check(error.message.contains("parallel"), "the type is not named: \(error)")
    }
}
