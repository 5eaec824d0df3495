public import FledgeAdapters
public import FledgeCore
public import FledgeModel
internal import FledgeTensor

/// What every adapter method has to satisfy, as findings: an empty list is a pass.
public enum AdapterChecks {
    /// Runs all checks on models that `make` gives, each fresh and without adapters.
    ///
    /// - Parameters:
    ///   - make: Gives a model; all models have the same weights.
    ///   - attach: Attaches the adapters that are checked.
    ///   - change: Makes the adapters' update non-zero.
    ///   - batch: Tokens to compare hidden states on.
    ///   - tolerance: The largest absolute difference that counts as equal.
    ///   - prepare: What has to be done with a model before adapters can be merged into it.
    public static func findings(
        make: () throws -> DecoderLM, attach: (DecoderLM) throws -> AdapterSet,
        change: (AdapterSet) -> Void, batch: TokenBatch, tolerance: Float = 1e-5,
        beforeMerging prepare: (DecoderLM) -> Void = { _ in }
    ) throws -> [String] {
        var findings: [String] = []
        func states(_ model: DecoderLM) -> [Float] {
            model.hiddenStates(batch, ForwardPass(.float32)).scalars()
        }
        func isEqual(_ a: [Float], _ b: [Float]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
        }
        let base = states(try make())

        let model = try make()
        let adapters = try attach(model)
        if !isEqual(states(model), base) { findings.append("a fresh adapter changes the model") }
        if Set(model.trainableParameters.map(\.name)) != Set(adapters.parameters.map(\.name)) {
            findings.append("parameters beside the adapters' are trainable")
        }
        change(adapters)
        let adapted = states(model)
        if isEqual(adapted, base) { findings.append("the changed adapter changes nothing") }
        if !isEqual(adapters.withoutAdapters { states(model) }, base) {
            findings.append("the disabled adapter changes the model")
        }
        if states(model) != adapted { findings.append("enabling again gives another model") }

        let folder = try TemporaryFolder()
        try adapters.save(to: folder.path)
        let reloaded = try make()
        _ = try reloaded.attachAdapter(folder: folder.path)
        if states(reloaded) != adapted { findings.append("a saved and loaded adapter differs") }

        prepare(model)
        adapters.merge()
        if !isEqual(states(model), adapted) { findings.append("the merged model differs") }
        if model.linears.contains(where: { $0.adapter != nil }) {
            findings.append("merging leaves adapters behind")
        }
        return findings
    }
}
