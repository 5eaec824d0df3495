import FledgeModel

let configuration = DecoderConfiguration(
    hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
    headDimension: 4, vocabularySize: 24, rmsNormEpsilon: 1e-5, ropeTheta: 10_000, maxPositions: 64)
precondition(configuration.headCount == 4)
do {
    _ = try Checkpoint(path: "nowhere")
    preconditionFailure("a model was found where there is none")
} catch { print("FledgeModel: \(error)") }
