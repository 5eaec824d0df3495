"""A tiny Llama whose matrices are in different block formats.

    python quantized_gguf.py Tests/ModelTests/Fixtures/tiny-llama/blocks.gguf
"""
import sys

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType as Type
from gguf.quants import quantize

CHANNELS, INNER, HEADS, KEY_HEADS, VOCABULARY = 64, 96, 4, 2, 128
random = np.random.default_rng(5)
writer = GGUFWriter(sys.argv[1], "llama")
writer.add_block_count(2)
writer.add_context_length(64)
writer.add_embedding_length(CHANNELS)
writer.add_feed_forward_length(INNER)
writer.add_head_count(HEADS)
writer.add_head_count_kv(KEY_HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_freq_base(500.0)
writer.add_rope_dimension_count(CHANNELS // HEADS)
writer.add_vocab_size(VOCABULARY)


def matrix(name, rows, columns, kind):
    values = random.normal(0, 0.3, (rows, columns)).astype(np.float32)
    writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)


def vector(name):
    writer.add_tensor(name, random.normal(1, 0.2, CHANNELS).astype(np.float32))


matrix("token_embd.weight", VOCABULARY, CHANNELS, Type.Q8_0)
vector("output_norm.weight")
key = CHANNELS // HEADS * KEY_HEADS
for layer, kinds in enumerate([(Type.Q4_1, Type.Q8_0, Type.Q5_0), (Type.Q4_0, Type.F16, Type.Q5_1)]):
    block = f"blk.{layer}."
    matrix(block + "attn_q.weight", CHANNELS, CHANNELS, kinds[0])
    matrix(block + "attn_k.weight", key, CHANNELS, kinds[0])
    matrix(block + "attn_v.weight", key, CHANNELS, kinds[1])
    matrix(block + "attn_output.weight", CHANNELS, CHANNELS, kinds[2])
    matrix(block + "ffn_gate.weight", INNER, CHANNELS, kinds[0])
    matrix(block + "ffn_up.weight", INNER, CHANNELS, kinds[1])
    matrix(block + "ffn_down.weight", CHANNELS, INNER, kinds[2])
    vector(block + "attn_norm.weight")
    vector(block + "ffn_norm.weight")
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
