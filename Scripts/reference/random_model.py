"""Writes a model folder of Qwen2.5-0.5B's shape with random weights, about 1 GB, to measure memory with.

Usage: random_model.py TOKENIZER_FOLDER OUTPUT_FOLDER [float16|bfloat16|float32]

The tokenizer's files are copied; any one with at most 151936 tokens does.
"""
import json, os, shutil, sys

import torch
from safetensors.torch import save_file

source, folder = sys.argv[1:3]
name = sys.argv[3] if len(sys.argv) > 3 else "bfloat16"
hidden, inner, layers, heads, groups, vocabulary = 896, 4864, 24, 14, 2, 151936
size = hidden // heads
torch.manual_seed(0)


def random(*shape):
    return (torch.randn(*shape) * 0.02).to(getattr(torch, name))


tensors = {"model.embed_tokens.weight": random(vocabulary, hidden), "model.norm.weight": 1 + random(hidden)}
for layer in range(layers):
    path = f"model.layers.{layer}."
    for part, rows in [("q", hidden), ("k", groups * size), ("v", groups * size)]:
        tensors[f"{path}self_attn.{part}_proj.weight"] = random(rows, hidden)
        tensors[f"{path}self_attn.{part}_proj.bias"] = random(rows)
    tensors[path + "self_attn.o_proj.weight"] = random(hidden, hidden)
    tensors[path + "mlp.gate_proj.weight"] = random(inner, hidden)
    tensors[path + "mlp.up_proj.weight"] = random(inner, hidden)
    tensors[path + "mlp.down_proj.weight"] = random(hidden, inner)
    tensors[path + "input_layernorm.weight"] = 1 + random(hidden)
    tensors[path + "post_attention_layernorm.weight"] = 1 + random(hidden)
os.makedirs(folder, exist_ok=True)
save_file(tensors, folder + "/model.safetensors", {"format": "pt"})
with open(folder + "/config.json", "w") as file:
    json.dump({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": hidden,
        "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": groups, "vocab_size": vocabulary, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True, "torch_dtype": name,
    }, file, indent=2)
for file in os.listdir(source):
    if file.startswith("tokenizer") or file in ("vocab.json", "merges.txt"):
        shutil.copy(os.path.join(source, file), folder)
