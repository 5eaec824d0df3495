"""GGUF files of models with experts, as llama.cpp's converter writes them.

    python expert_gguf.py Tests/ModelTests/Fixtures/families OUT

Makes of the tiny models of `families.py` files with the names and forms that gguf's own tables give them
(experts in stacks, gates of shared experts as vectors, rows of rotary pairs next to each other in the
architecture `llama`; layers without experts, which llama.cpp does not know there, are left out), and `blocks.gguf`: random experts in blocks, with what gguf expands some of them to.
"""
import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, RopeScalingType, TokenType
from gguf.constants import GGMLQuantizationType as Type, MODEL_ARCH
from gguf.quants import dequantize, quantize
from gguf.tensor_mapping import get_tensor_name_map
from safetensors.numpy import load_file, save_file

ARCHITECTURES = {
    "qwen2-moe": MODEL_ARCH.QWEN2MOE, "qwen3-moe": MODEL_ARCH.QWEN3MOE,
    "mixtral": MODEL_ARCH.LLAMA, "gpt-oss": MODEL_ARCH.GPT_OSS,
}
NAMES = {MODEL_ARCH.QWEN2MOE: "qwen2moe", MODEL_ARCH.QWEN3MOE: "qwen3moe",
         MODEL_ARCH.LLAMA: "llama", MODEL_ARCH.GPT_OSS: "gpt-oss"}


def permuted(rows, heads):
    return (rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
            .swapaxes(1, 2).reshape(rows.shape))


def stacked(tensors, config):
    """Experts one behind the other, under the names that the converter gives them."""
    result, stacks = {}, {}
    for name, value in tensors.items():
        parts = name.split(".")
        if "experts" in parts and parts[parts.index("experts") + 1].isdigit():
            place = parts.index("experts") + 1
            ending = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}.get(parts[-2], parts[-2])
            whole = ".".join([*parts[:3], "mlp", "experts", ending, "weight"])
            stacks.setdefault(whole, {})[int(parts[place])] = value
        elif name.endswith("gate_up_proj"):
            for part, index in (("gate_proj", 0), ("up_proj", 1)):
                result[name.replace("gate_up_proj", part + ".weight")] = (
                    value.swapaxes(-1, -2)[:, index::2])
        elif name.endswith("gate_up_proj_bias"):
            for part, index in (("gate_proj", 0), ("up_proj", 1)):
                result[name.replace("gate_up_proj_bias", part + ".bias")] = value[:, index::2]
        elif name.endswith("experts.down_proj"):
            result[name + ".weight"] = value.swapaxes(-1, -2)
        elif name.endswith("down_proj_bias"):
            result[name.replace("down_proj_bias", "down_proj.bias")] = value
        elif name.endswith("sinks"):
            result[name + ".weight"] = value
        else:
            result[name] = value
    for name, experts in stacks.items():
        result[name] = np.stack([experts[index] for index in range(len(experts))])
    return result


def with_experts(tensors, config):
    """Without the layers that have a gated MLP."""
    kept = sorted({int(n.split(".")[2]) for n in tensors if n.startswith("model.layers.")
                   and ".experts" in n})
    config["num_hidden_layers"] = len(kept)
    result = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if name.startswith("model.layers."):
            if int(parts[2]) not in kept:
                continue
            parts[2] = str(kept.index(int(parts[2])))
        result[".".join(parts)] = value
    return result


def settings(writer, config):
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    writer.add_expert_count(config.get("num_local_experts", config.get("num_experts")))
    writer.add_expert_used_count(config["num_experts_per_tok"])
    if "moe_intermediate_size" in config:
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    if "shared_expert_intermediate_size" in config:
        writer.add_expert_shared_feed_forward_length(config["shared_expert_intermediate_size"])
    if config["model_type"] == "gpt_oss":
        writer.add_sliding_window(config["sliding_window"])
        writer.add_expert_feed_forward_length(config["intermediate_size"])
        rope = config["rope_parameters"]
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])


def vocabulary(writer, count):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([f"t{index}" for index in range(count)])
    writer.add_token_types([TokenType.NORMAL] * count)
    writer.add_token_merges(["t 0"])


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def convert(name, families, out):
    folder = families / name
    config = json.loads((folder / "config.json").read_text())
    arch = ARCHITECTURES[name]
    tensors = with_experts(load_file(folder / "model.safetensors"), config)
    writer = GGUFWriter(out / f"{name}.gguf", NAMES[arch])
    settings(writer, config)
    vocabulary(writer, config["vocab_size"])
    table = get_tensor_name_map(arch, config["num_hidden_layers"])
    for key, value in stacked(tensors, config).items():
        if arch == MODEL_ARCH.LLAMA and key.endswith("q_proj.weight"):
            value = permuted(value, config["num_attention_heads"])
        if arch == MODEL_ARCH.LLAMA and key.endswith("k_proj.weight"):
            value = permuted(value, config["num_key_value_heads"])
        found = table.get_name(key, try_suffixes=(".weight", ".bias"))
        assert found, key
        writer.add_tensor(found, np.ascontiguousarray(value.squeeze()))
    finish(writer)


def blocks(out):
    """Experts in blocks, which rows of 32 channels fill."""
    random = np.random.default_rng(11)
    count, channels, inner, heads, size = 3, 32, 64, 2, 40
    writer = GGUFWriter(out / "blocks.gguf", "qwen3moe")
    settings(writer, dict(
        num_hidden_layers=1, max_position_embeddings=64, hidden_size=channels,
        intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=heads,
        rms_norm_eps=1e-5, rope_parameters=dict(rope_theta=1000.0), vocab_size=size,
        head_dim=channels // heads, num_experts=count, num_experts_per_tok=2,
        moe_intermediate_size=inner, model_type="qwen3_moe"))
    vocabulary(writer, size)
    expanded = {}

    def add(name, shape, kind=Type.F32):
        values = random.normal(0, 0.3, shape).astype(np.float32)
        if len(shape) == 1:
            values = np.abs(values) + 0.7
        data = values if kind == Type.F32 else quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        if len(shape) == 3:
            expanded[name] = dequantize(data, kind).astype(np.float32)

    add("token_embd.weight", (size, channels))
    add("output.weight", (size, channels))
    add("output_norm.weight", (channels,))
    for part in ("attn_norm", "ffn_norm"):
        add(f"blk.0.{part}.weight", (channels,))
    for part in ("attn_q_norm", "attn_k_norm"):
        add(f"blk.0.{part}.weight", (channels // heads,))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{part}.weight", (channels, channels), Type.Q8_0)
    add("blk.0.ffn_gate_inp.weight", (count, channels))
    add("blk.0.ffn_gate_exps.weight", (count, inner, channels), Type.Q8_0)
    add("blk.0.ffn_up_exps.weight", (count, inner, channels), Type.Q4_0)
    add("blk.0.ffn_down_exps.weight", (count, channels, inner), Type.MXFP4)
    finish(writer)
    save_file(expanded, out / "blocks.safetensors")


if __name__ == "__main__":
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name in ARCHITECTURES:
        if (Path(sys.argv[1]) / name).exists():
            convert(name, Path(sys.argv[1]), out)
    blocks(out)
