import FledgeCore
import FledgeModel
import Foundation
import Testing

@Suite struct DecoderConfigurationTests {
    private let tiny = fixtures + "/tiny-llama"

    private func configuration(_ changes: JSONValue = [:]) throws -> DecoderConfiguration {
        var json = try JSONValue(contentsOf: tiny + "/sharded/config.json")
        for member in changes.members ?? [] { json[member.key] = member.value }
        return try DecoderConfiguration(json: json, file: "config.json")
    }

    private func message(_ changes: JSONValue) -> String {
        let error = #expect(throws: FledgeError.self) { try configuration(changes) }
        return error?.description ?? ""
    }

    @Test func bothSpellingsAndGGUFSayTheSame() throws {
        let new = try DecoderConfiguration(folder: tiny + "/float32")
        #expect(new.modelType == "llama")
        #expect(new.hiddenSize == 16 && new.intermediateSize == 24 && new.layerCount == 2)
        #expect(new.headCount == 4 && new.keyValueHeadCount == 2 && new.headDimension == 8)
        #expect(new.vocabularySize == 128 && new.maxPositions == 64)
        #expect(new.rmsNormEpsilon == 1e-5 && new.ropeTheta == 500)
        #expect(new.ropeScaling == .none && !new.tieWordEmbeddings && !new.attentionBias)
        #expect(new.hiddenActivation == .silu && new.declaredType == "float32")
        #expect(new.beginOfTextID == 1 && new.endOfTextIDs == [2] && new.paddingID == 0)

        let old = try DecoderConfiguration(folder: tiny + "/sharded")
        let gguf = try DecoderConfiguration(gguf: GGUFFile(path: tiny + "/model.gguf"))
        for other in [old, gguf] {
            #expect(other.hiddenSize == new.hiddenSize && other.headDimension == 8)
            #expect(other.intermediateSize == 24 && other.layerCount == 2)
            #expect(other.headCount == 4 && other.keyValueHeadCount == 2)
            #expect(other.vocabularySize == 128 && other.maxPositions == 64)
            #expect(other.rmsNormEpsilon == 1e-5 && other.ropeTheta == 500)
            #expect(other.ropeScaling == .none && !other.tieWordEmbeddings)
            #expect(other.beginOfTextID == 1 && other.endOfTextIDs == [2])
        }
    }

    @Test func whatIsWrittenIsReadAndUnknownKeysStay() throws {
        let folder = try ScratchFolder()
        for name in ["float32", "sharded"] {
            var configuration = try DecoderConfiguration(folder: tiny + "/" + name)
            configuration.vocabularySize = 192
            configuration.ropeScaling = .linear(factor: 2)
            try configuration.write(to: folder.path, elementType: "bfloat16")
            let read = try DecoderConfiguration(folder: folder.path)
            #expect(read.vocabularySize == 192 && read.ropeScaling == .linear(factor: 2))
            #expect(read.declaredType == "bfloat16" && read.ropeTheta == 500)
            let json = try JSONValue(contentsOf: folder.path + "/config.json")
            #expect(json["initializer_range"]?.doubleValue == 0.02)
            #expect(json["transformers_version"]?.stringValue == "5.6.0")
            #expect((json["rope_parameters"] != nil) == (name == "float32"))
        }
        let fromGGUF = try DecoderConfiguration(gguf: GGUFFile(path: tiny + "/model.gguf"))
        try fromGGUF.write(to: folder.path, elementType: "float32")
        let read = try DecoderConfiguration(folder: folder.path)
        #expect(read.headDimension == 8 && read.ropeTheta == 500 && read.endOfTextIDs == [2])
        let json = try JSONValue(contentsOf: folder.path + "/config.json")
        #expect(json["architectures"] == ["LlamaForCausalLM"])
    }

    @Test func readsTheKinOfLlama() throws {
        let qwen = try configuration(["model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]])
        #expect(qwen.attentionBias && !qwen.attentionOutputBias && !qwen.mlpBias)
        let mistral = try configuration([
            "model_type": "mistral", "architectures": ["MistralForCausalLM"],
            "sliding_window": nil,
        ])
        #expect(!mistral.attentionBias && mistral.window(ofLayer: 0) == nil)
        let biased = try configuration(["attention_bias": true, "mlp_bias": true])
        #expect(biased.attentionBias && biased.attentionOutputBias && biased.mlpBias)
        let several = try configuration(["eos_token_id": [7, 9], "pad_token_id": nil])
        #expect(several.endOfTextIDs == [7, 9] && several.paddingID == nil)
    }

    @Test func readsEveryKindOfScaling() throws {
        func scaling(_ json: JSONValue) throws -> RopeScaling {
            try configuration(["rope_scaling": json]).ropeScaling
        }
        #expect(try scaling(["type": "linear", "factor": 2]) == .linear(factor: 2))
        #expect(try scaling(["rope_type": "dynamic", "factor": 4.0]) == .dynamic(factor: 4))
        var yarn = RopeScaling.Yarn(factor: 4, originalMaxPositions: 64)
        yarn.betaFast = 16
        yarn.truncates = false
        #expect(
            try scaling(["rope_type": "yarn", "factor": 4, "beta_fast": 16, "truncate": false])
                == .yarn(yarn))
        var llama3 = RopeScaling.Llama3(factor: 8, originalMaxPositions: 32)
        llama3.highFrequencyFactor = 5
        #expect(
            try scaling([
                "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 5,
                "original_max_position_embeddings": 32,
            ]) == .llama3(llama3))
        #expect(message(["rope_scaling": ["rope_type": "mystery"]]).contains("mystery"))
        #expect(message(["rope_scaling": ["rope_type": "linear"]]).contains("no factor"))
        #expect(
            message(["rope_scaling": ["rope_type": "linear", "factor": -1]]).contains("positive"))
    }

    @Test func refusesWhatItDoesNotKnowByName() throws {
        #expect(message(["model_type": "gpt2"]).contains("gpt2; known are "))
        #expect(message(["architectures": ["LlamaForSequenceClassification"]]).contains("Sequence"))
        #expect(message(["hidden_act": "relu"]).contains("relu"))
        #expect(message(["hidden_size": "16"]).contains("hidden_size is \"16\""))
        #expect(message(["hidden_size": nil]).contains("hidden_size"))
        #expect(message(["num_key_value_heads": 3]).contains("share 3"))
        #expect(message(["num_attention_heads": 0]).contains("num_attention_heads"))
        #expect(message(["head_dim": 7]).contains("head_dim"))
        #expect(message(["quantization_config": ["quant_method": "gptq"]]).contains("gptq"))
        #expect(message(["partial_rotary_factor": 0.5]).contains("partial_rotary_factor"))
        #expect(message(["tie_word_embeddings": 1]).contains("tie_word_embeddings"))
    }
}

@Suite struct RopeScalingTests {
    private func expect(
        _ scaling: RopeScaling, maxPositions: Int = 2048, length: Int = 0, attention: Double = 1,
        _ expected: [Double]
    ) {
        let found = scaling.frequencies(
            dimension: 16, theta: 10000, maxPositions: maxPositions, length: length)
        #expect(found.inverse.count == expected.count)
        for (value, wanted) in zip(found.inverse, expected) {
            // The vectors are given to eight decimals.
            #expect(abs(value - wanted) <= 1e-8 + 1e-7 * wanted, "\(scaling): \(value), \(wanted)")
        }
        #expect(abs(found.attentionFactor - attention) < 1e-8)
    }

    @Test func vectorsOfTheReference() {
        let base = [1.0, 0.31622776, 0.1, 0.03162278, 0.01, 0.00316228, 0.001, 0.00031623]
        expect(.none, base)
        expect(.linear(factor: 2), base.map { $0 / 2 })
        expect(.dynamic(factor: 2), maxPositions: 1024, length: 1000, base)
        expect(
            .dynamic(factor: 2), maxPositions: 1024, length: 1536,
            [1, 0.28641495, 0.08203353, 0.02349563, 0.0067295, 0.00192743, 0.00055204, 0.00015811])
        expect(
            .yarn(.init(factor: 4, originalMaxPositions: 512)), attention: 1.13862944,
            [1, 0.25693506, 0.0625, 0.01383497, 0.0025, 0.00079057, 0.00025, 7.906e-05])
        expect(
            .llama3(.init(factor: 4, originalMaxPositions: 512)),
            [1, 0.31622776, 0.1, 0.02037183, 0.0025, 0.00079057, 0.00025, 7.906e-05])
    }

    @Test func scalingsByOneChangeNothing() {
        let base = RopeScaling.none.frequencies(dimension: 64, theta: 1e5, maxPositions: 8192)
        for scaling in [
            RopeScaling.linear(factor: 1), .dynamic(factor: 1),
            .yarn(.init(factor: 1, originalMaxPositions: 8192)),
            .llama3(.init(factor: 1, originalMaxPositions: 8192)),
        ] {
            let found = scaling.frequencies(dimension: 64, theta: 1e5, maxPositions: 8192)
            #expect(found.attentionFactor == 1)
            for (a, b) in zip(found.inverse, base.inverse) { #expect(abs(a - b) <= 2e-7 * b) }
        }
    }
}
