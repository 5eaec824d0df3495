internal import FledgeCore
internal import FledgeModel
public import FledgeTensor

/// A GGUF file of the toy model, to be changed into what strangers' files are like.
public struct TinyGGUF {
    /// A value of the metadata.
    public enum Value {
        case uint32(UInt32), int32(Int32), float32(Float), bool(Bool), text(String)
        case texts([String]), int32s([Int32]), float32s([Float])
    }

    /// The entries of the header, in no order.
    public var metadata: [String: Value]
    /// The tensors by their names in the file, all float32.
    public var tensors: [String: Tensor]

    /// The toy model with 24 tokens of byte pairs: letters, `tu`, and `<s>`, `</s>`, `<pad>` at the end.
    public init() {
        let c = TinyModel.configuration
        let letters = "abcdefghijklmnopqrst".map { String($0) }
        metadata = [
            "general.architecture": .text("llama"),
            "llama.embedding_length": .uint32(UInt32(c.hiddenSize)),
            "llama.feed_forward_length": .uint32(UInt32(c.intermediateSize)),
            "llama.block_count": .uint32(UInt32(c.layerCount)),
            "llama.attention.head_count": .uint32(UInt32(c.headCount)),
            "llama.attention.head_count_kv": .uint32(UInt32(c.keyValueHeadCount)),
            "llama.context_length": .uint32(UInt32(c.maxPositions)),
            "llama.attention.layer_norm_rms_epsilon": .float32(Float(c.rmsNormEpsilon)),
            "llama.rope.freq_base": .float32(Float(c.ropeTheta)),
            "tokenizer.ggml.model": .text("gpt2"), "tokenizer.ggml.pre": .text("gpt-2"),
            "tokenizer.ggml.tokens": .texts(letters + ["ab", "<s>", "</s>", "<pad>"]),
            "tokenizer.ggml.token_type": .int32s(Array(repeating: 1, count: 21) + [3, 3, 3]),
            "tokenizer.ggml.merges": .texts(["a b"]),
            "tokenizer.ggml.bos_token_id": .uint32(21),
            "tokenizer.ggml.eos_token_id": .uint32(22),
            "tokenizer.ggml.padding_token_id": .uint32(23),
        ]
        tensors = Dictionary(
            uniqueKeysWithValues: TinyModel.tensors(c).map { (Self.storedName($0.key), $0.value) })
    }

    private static func storedName(_ name: String) -> String {
        let places = [
            ("model.layers.", "blk."), ("self_attn.q_proj", "attn_q"),
            ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
            ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"),
            ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
            ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"),
            ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"),
            ("lm_head", "output"),
        ]
        return places.reduce(name) { $0.replacing($1.0, with: $1.1) }
    }

    /// The bytes of the file.
    public var bytes: [UInt8] {
        var file = Array("GGUF".utf8)
        func add<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { file += $0 }
        }
        func add(_ text: String) {
            add(UInt64(text.utf8.count))
            file += text.utf8
        }
        func list<T>(_ kind: UInt32, _ items: [T], _ write: (T) -> Void) {
            add(UInt32(9))
            add(kind)
            add(UInt64(items.count))
            items.forEach(write)
        }
        add(UInt32(3))
        add(UInt64(tensors.count))
        add(UInt64(metadata.count))
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            add(key)
            switch value {
            case .uint32(let number):
                add(UInt32(4))
                add(number)
            case .int32(let number):
                add(UInt32(5))
                add(number)
            case .float32(let number):
                add(UInt32(6))
                add(number.bitPattern)
            case .bool(let flag):
                add(UInt32(7))
                add(UInt8(flag ? 1 : 0))
            case .text(let text):
                add(UInt32(8))
                add(text)
            case .texts(let texts): list(8, texts) { add($0) }
            case .int32s(let numbers): list(5, numbers) { add($0) }
            case .float32s(let numbers): list(6, numbers) { add($0.bitPattern) }
            }
        }
        var (data, offset) = ([UInt8](), UInt64(0))
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            add(name)
            add(UInt32(tensor.shape.count))
            tensor.shape.reversed().forEach { add(UInt64($0)) }
            add(UInt32(0))
            add(offset)
            for value in tensor.scalars() {
                withUnsafeBytes(of: value.bitPattern.littleEndian) { data += $0 }
            }
            while data.count % 32 != 0 { data.append(0) }
            offset = UInt64(data.count)
        }
        while file.count % 32 != 0 { file.append(0) }
        return file + data
    }
}
