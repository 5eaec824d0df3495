import FledgeCore
import FledgeModel
import FledgeTesting
import Foundation
import Testing

/// Every key of a config.json is used, known to mean nothing to the numbers, or named.
@Suite struct UnreadSettingsTests {
    private func unread(_ json: JSONValue) throws -> [String] {
        try DecoderConfiguration(json: json, file: "config.json").unreadSettings
    }

    private func configuration(_ name: String) throws -> JSONValue {
        try JSONValue(contentsOf: fixtures + "/families/\(name)/config.json")
    }

    /// What transformers writes is known whole.
    @Test(arguments: FamilyFixture.names) func nothingIsSaidOfWhatTransformersWrites(
        _ name: String
    ) throws {
        #expect(try unread(configuration(name)) == [])
        #expect(try Checkpoint(path: fixtures + "/families/" + name).notes == [])
    }

    /// Settings that older versions and other programs write.
    @Test func whatOthersWrite() throws {
        var json = try configuration("llama-biases")
        for key in [
            "_name_or_path", "auto_map", "torch_dtype", "unsloth_version", "pretraining_tp",
            "use_cache", "output_attentions", "id2label", "max_length", "temperature",
            "_attn_implementation_autoset",
        ] {
            json[key] = 3
        }
        for key in ["hidden_dropout", "resid_pdrop", "use_sliding_window", "is_decoder"] {
            json[key] = key.contains("drop") ? 0.0 : false
        }
        (json["some_new_key"], json["torch_dtype"]) = (.null, json["dtype"])
        #expect(try unread(json) == [])
    }

    /// What would change numbers elsewhere is computed, refused, or named.
    @Test(arguments: FamilyFixture.names) func nothingIsSilentlyIgnored(_ name: String) throws {
        let json = try configuration(name)
        let before = try DecoderConfiguration(json: json, file: "config.json")
        for (key, value) in [
            ("attention_dropout", 0.1), ("mlp_bias", true), ("attention_bias", true),
            ("use_sliding_window", true), ("resid_pdrop", 0.1), ("embd_pdrop", 0.1),
            ("hidden_dropout", 0.1), ("residual_dropout", 0.1), ("clip_qkv", 8.0),
            ("use_qk_norm", true), ("attn_logit_softcapping", 30.0), ("router_jitter_noise", 0.1),
            ("expert_bias", true), ("is_decoder", true), ("rope_interleaved", true),
        ] as [(String, JSONValue)] where json[key] != value {
            var changed = json
            changed[key] = value
            guard let after = try? DecoderConfiguration(json: changed, file: "config.json") else {
                continue
            }
            var (left, right) = (before, after)
            (left.original, right.original) = (nil, nil)
            // What differs in the family's own settings shows in what it asks for.
            #expect(
                left != right || isRead(key, by: name), "\(name): \(key) = \(value) is ignored")
        }
    }

    /// Settings that blocks ask for, which change nothing of what decoders have in common.
    private func isRead(_ key: String, by name: String) -> Bool {
        key == "attn_logit_softcapping" && name.hasPrefix("gemma2")
            // Beside layer_types it says nothing, as in transformers.
            || key == "use_sliding_window" && (name.hasPrefix("qwen") || name == "smollm3")
    }

    @Test func namesAreInANote() throws {
        let folder = try ScratchFolder()
        let path = fixtures + "/families/qwen2"
        for file in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                atPath: path + "/" + file, toPath: folder.path + "/" + file)
        }
        var json = try configuration("qwen2")
        (json["some_scale"], json["mlp_bias"]) = (2.5, true)
        json["rope_parameters"]?["new_factor"] = 3
        try FileManager.default.removeItem(atPath: folder.path + "/config.json")
        try Data(json.serialized().utf8).write(to: URL(filePath: folder.path + "/config.json"))
        let notes = try Checkpoint(path: folder.path).notes
        #expect(notes.count == 1)
        for word in ["config.json", "some_scale", "mlp_bias", "rope_parameters.new_factor"] {
            #expect(notes.first?.contains(word) == true, "\(notes)")
        }
    }
}
