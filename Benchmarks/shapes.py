"""Folders with random weights in the shapes of models that people fine-tune, to measure steps on.

usage: shapes.py OUT [NAME …]

Writes OUT/NAME in bfloat16 for each shape, all of them when none is named, as transformers writes them:
qwen2.5-0.5b, qwen3-0.6b, gemma-3-1b, qwen3.5-0.8b. About 6 GB together. There is no tokenizer in them:
StepBenchmark and reference/loop.py draw ids.
"""
import sys
from pathlib import Path

import torch
import transformers

# Name: class of the configuration, and what is not its default.
SHAPES = {
    "qwen2.5-0.5b": ("Qwen2Config", dict(
        vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
        num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=32768,
        rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    "qwen3-0.6b": ("Qwen3Config", dict(
        vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128,
        max_position_embeddings=40960,
        rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    "gemma-3-1b": ("Gemma3TextConfig", dict(
        vocab_size=262144, hidden_size=1152, intermediate_size=6912, num_hidden_layers=26,
        num_attention_heads=4, num_key_value_heads=1, head_dim=256, sliding_window=512,
        max_position_embeddings=32768)),
    "qwen3.5-0.8b": ("Qwen3_5TextConfig", dict(
        vocab_size=248320, hidden_size=1024, intermediate_size=3584, num_hidden_layers=24,
        num_attention_heads=8, num_key_value_heads=2, head_dim=256, linear_num_key_heads=16,
        linear_num_value_heads=16, linear_key_head_dim=128, linear_value_head_dim=128,
        max_position_embeddings=262144,
        rope_parameters=dict(
            rope_type="default", rope_theta=10000000.0, partial_rotary_factor=0.25))),
}


def make(name, out):
    kind, options = SHAPES[name]
    torch.manual_seed(0)
    config = getattr(transformers, kind)(tie_word_embeddings=True, **options)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    print(name, sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    for name in sys.argv[2:] or SHAPES:
        make(name, Path(sys.argv[1]))
