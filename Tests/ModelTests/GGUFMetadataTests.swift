import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// What strangers' GGUF files lack or say wrongly is named as the file names it.
@Suite struct GGUFMetadataTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func load(_ change: (inout TinyGGUF) -> Void) throws -> (DecoderLM, [String]) {
        var file = TinyGGUF()
        change(&file)
        let checkpoint = try Checkpoint(path: folder.write(file.bytes, "m.gguf"))
        return (try checkpoint.causalLM(), checkpoint.notes)
    }

    private func message(_ change: (inout TinyGGUF) -> Void) -> String {
        let error = #expect(throws: FledgeError.self) { _ = try load(change) }
        return error?.description ?? ""
    }

    private func message(_ key: String, _ value: TinyGGUF.Value?) -> String {
        message { $0.metadata[key] = value }
    }

    @Test func whatIsRightLoadsWithoutAWord() throws {
        let (model, notes) = try load { _ in }
        #expect(notes.isEmpty && model.configuration.endOfTextIDs == [22])
    }

    @Test(arguments: [Float.infinity, -.infinity, .nan, -1, 0])
    func numbersThatAreNone(_ value: Float) {
        for key in ["llama.rope.freq_base", "llama.attention.layer_norm_rms_epsilon"] {
            #expect(message(key, .float32(value)).contains(key), "\(key) \(value)")
        }
        for type in ["linear", "yarn"] {
            let text = message {
                $0.metadata["llama.rope.scaling.type"] = .text(type)
                $0.metadata["llama.rope.scaling.factor"] = .float32(value)
            }
            #expect(text.contains("llama.rope.scaling.factor"), "\(type) \(value)")
        }
        guard value != 0 else { return }
        #expect(message("llama.rope.scale_linear", .float32(value)).contains("scale_linear"))
    }

    @Test func sizesThatAreNone() {
        for (key, most) in [
            ("block_count", 4_000_000_000), ("embedding_length", 0), ("feed_forward_length", 0),
            ("attention.head_count", 0), ("attention.head_count_kv", 0), ("context_length", 0),
        ] as [(String, UInt32)] {
            let text = message("llama." + key, .uint32(most))
            #expect(text.contains("llama.\(key) is \(most)"), "\(text)")
        }
        #expect(message("llama.block_count", .int32(-2)).contains("llama.block_count is -2"))
        let text = message("llama.block_count", .text("two"))
        #expect(text.contains("llama.block_count is the text 'two'"))
    }

    @Test func headsThatDoNotDivide() {
        let text = message {
            $0.metadata["llama.attention.head_count"] = .uint32(3)
            $0.metadata["llama.attention.head_count_kv"] = .uint32(3)
        }
        #expect(text.contains("llama.attention.head_count, 3, does not divide"), "\(text)")
        #expect(message("llama.attention.head_count_kv", .uint32(3)).contains("share 3"))
    }

    @Test func listsOfOneNumberForEachLayer() throws {
        let whole = try load { _ in }.0.configuration
        let keys =
            [
                ("attention.head_count", 4), ("attention.head_count_kv", 2),
                ("feed_forward_length", 24),
            ] as [(String, Int32)]
        for (key, value) in keys {
            let listed = try load { $0.metadata["llama." + key] = .int32s([value, value]) }.0
            #expect(listed.configuration == whole)
            let unequal = message("llama." + key, .int32s([value, 2 * value]))
            #expect(unequal.contains("llama.\(key) is \(value) for layer 0"), "\(unequal)")
            for count in [0, 1, 3] {
                let text = message(
                    "llama." + key, .int32s(Array(repeating: value, count: count)))
                #expect(text.contains("list of \(count)"), "\(text)")
            }
        }
    }

    @Test func layersThatAreMissingOrLeftOver() {
        for count in [1, 3, 60] as [UInt32] {
            let text = message("llama.block_count", .uint32(count))
            #expect(
                text.contains("The weights have 2 layers, llama.block_count is \(count)"),
                "\(text)")
        }
    }

    @Test func tensorsAreNamedAsTheFileNamesThem() {
        for name in [
            "blk.1.attn_q.weight", "blk.0.ffn_norm.weight", "blk.1.ffn_down.weight",
            "output_norm.weight", "blk.0.attn_output.weight",
        ] {
            let missing = message { $0.tensors[name] = nil }
            #expect(missing.contains("The tensor \(name), shape"), "\(missing)")
            let wrong = message { $0.tensors[name] = Tensor(zeros: [4]) }
            #expect(wrong.contains(name) && !wrong.contains("model.layers"), "\(wrong)")
            let spoiled = message { file in
                guard let tensor = file.tensors[name] else { return }
                let values = Array(repeating: Float.nan, count: tensor.count)
                file.tensors[name] = Tensor(values, shape: tensor.shape)
            }
            #expect(spoiled.contains(name) && !spoiled.contains("model."), "\(spoiled)")
        }
        let one = message { $0.tensors["output_norm.weight2"] = Tensor(zeros: [16]) }
        #expect(one.contains("1 tensor belongs") && one.contains("output_norm.weight2."))
        let two = message {
            $0.tensors["output_norm.weight2"] = Tensor(zeros: [16])
            $0.tensors["blk.0.attn_q.scale"] = Tensor(zeros: [16])
        }
        #expect(two.contains("2 tensors belong") && !two.contains("…"))
        let bias = message { $0.tensors["blk.0.attn_q.bias"] = Tensor(zeros: [16]) }
        #expect(bias.contains("blk.0.attn_k.bias"), "\(bias)")
    }

    @Test func tokensThatTheMetadataDoNotName() throws {
        let eos = "tokenizer.ggml.eos_token_id"
        func end(_ value: TinyGGUF.Value?, _ model: String = "gpt2") throws -> ([Int], [String]) {
            let (model, notes) = try load {
                $0.metadata[eos] = value
                $0.metadata["tokenizer.ggml.model"] = .text(model)
            }
            return (model.configuration.endOfTextIDs, notes)
        }
        for value in [nil, .uint32(24), .uint32(999_999), .int32(-1), .int32(-7)]
            as [TinyGGUF.Value?]
        {
            let (ids, notes) = try end(value)
            #expect(ids.isEmpty && notes.count == 1 && notes.first?.contains(eos) == true)
            // llama.cpp has a number of its own for this kind.
            let (usual, said) = try end(value, "llama")
            #expect(usual == [2] && said.first?.contains("2 (c) counts") == true, "\(said)")
        }
        #expect(message(eos, .text("</s>")).contains("\(eos) is the text '</s>'"))
        for role in ["bos", "padding", "unknown"] {
            let key = "tokenizer.ggml.\(role)_token_id"
            let (_, notes) = try load { $0.metadata[key] = .uint32(999_999) }
            #expect(notes.count == 1 && notes.first?.contains(key) == true)
            #expect(try load { $0.metadata[key] = nil }.1.isEmpty)
            #expect(message(key, .text("x")).contains("\(key) is the text 'x'"))
        }
    }

    @Test func aWayOfCuttingWordsThatIsNotNamed() throws {
        let key = "tokenizer.ggml.pre"
        let (_, notes) = try load { $0.metadata[key] = nil }
        #expect(notes.count == 1 && notes.first?.contains(key) == true)
        // Other kinds of vocabularies have none.
        let (_, others) = try load {
            $0.metadata[key] = nil
            $0.metadata["tokenizer.ggml.model"] = .text("llama")
        }
        #expect(others.isEmpty)
    }
}
