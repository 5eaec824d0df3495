"""Folders of models with the shape of published ones and random weights, for measuring.

Usage: shapes.py OUT [NAME …]     (Scripts/reference/requirements.txt)

Sizes are those of the published config.json; weights are drawn small, in bfloat16. A folder that is there stays.
"""
import os, sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM

shapes = {
    "qwen2.5-0.5b": dict(
        model_type="qwen2", vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
        num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=32768, rms_norm_eps=1e-6,
        rope_theta=1000000.0, tie_word_embeddings=True),
    "qwen3-0.6b": dict(
        model_type="qwen3", vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128, max_position_embeddings=40960, rms_norm_eps=1e-6,
        rope_theta=1000000.0, tie_word_embeddings=True),
    "gemma-3-1b": dict(
        model_type="gemma3_text", vocab_size=262144, hidden_size=1152, intermediate_size=6912, num_hidden_layers=26,
        num_attention_heads=4, num_key_value_heads=1, head_dim=256, query_pre_attn_scalar=256, sliding_window=512,
        max_position_embeddings=32768, rms_norm_eps=1e-6, tie_word_embeddings=True),
    "qwen3.5-0.8b": dict(
        model_type="qwen3_5_text", vocab_size=248320, hidden_size=1024, intermediate_size=3584, num_hidden_layers=24,
        num_attention_heads=8, num_key_value_heads=2, head_dim=256, linear_num_key_heads=16, linear_num_value_heads=16,
        linear_key_head_dim=128, linear_value_head_dim=128, linear_conv_kernel_dim=4, full_attention_interval=4,
        partial_rotary_factor=0.25, max_position_embeddings=32768, rms_norm_eps=1e-6, tie_word_embeddings=True),
}

out, names = sys.argv[1], sys.argv[2:] or list(shapes)
for name in names:
    folder = os.path.join(out, name)
    if os.path.exists(os.path.join(folder, "config.json")):
        continue
    sizes = dict(shapes[name])
    config = AutoConfig.for_model(sizes.pop("model_type"), **sizes)
    torch.manual_seed(0)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model = model.to_empty(device="cpu")
    for key, parameter in model.named_parameters():
        # Norms multiply by one, in either spelling closely enough; matrices draw as transformers initialises them.
        if parameter.dim() < 2:
            torch.nn.init.ones_(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.02)
    model.save_pretrained(folder)
    print(folder)
