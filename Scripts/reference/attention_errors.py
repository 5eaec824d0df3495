"""How far PyTorch's attention in bfloat16 is from float64 on the CPU, forward and backward.

usage: python Scripts/reference/attention_errors.py > Tests/TensorTests/Fixtures/attention_errors.json

Inputs are pure functions of their places, rounded to bfloat16, which the test computes too; errors are
relative, in the Euclidean norm, of the result and the gradients of queries, keys and values.
"""

import json

import numpy
import torch
from torch.nn.functional import scaled_dot_product_attention

# tokens, heads, key-value heads, head dimension, what queries and keys are multiplied by
SHAPES = [
    (512, 9, 3, 64, 1), (512, 9, 3, 64, 4), (300, 4, 4, 80, 2), (260, 6, 2, 96, 2), (200, 4, 1, 128, 2),
    (130, 2, 1, 256, 2), (150, 3, 3, 33, 2),
]


def numbers(shape, salt, scale):
    """Sums of three hashes of the place, about normal, with variance near 1."""
    index = numpy.arange(numpy.prod(shape), dtype=numpy.uint64) + numpy.uint64(1000003 * salt + 1)
    total = numpy.zeros(index.shape)
    for factor in (2654435761, 2246822519, 3266489917):
        hashed = index * numpy.uint64(factor) & numpy.uint64(0xFFFFFFFF)
        hashed ^= hashed >> numpy.uint64(15)
        hashed = hashed * numpy.uint64(2246822507) & numpy.uint64(0xFFFFFFFF)
        total += (hashed >> numpy.uint64(18)).astype(numpy.float64) - (1 << 13)
    values = torch.from_numpy(total * 2.0**-13 * scale).reshape(*shape)
    return values.to(torch.float32).to(torch.bfloat16)


def attention(operands, slope, heads, key_value_heads, dtype):
    q, k, v = leaves = [x.to(dtype, copy=True).requires_grad_() for x in operands]
    split = lambda x, count: x.view(1, x.shape[0], count, -1).transpose(1, 2)
    result = scaled_dot_product_attention(
        split(q, heads), split(k, key_value_heads), split(v, key_value_heads), is_causal=True,
        enable_gqa=heads != key_value_heads)
    result = result.transpose(1, 2).reshape(q.shape)
    result.backward(slope.to(dtype))
    return [x.detach().double() for x in (result, *(leaf.grad for leaf in leaves))]


rows = []
for tokens, heads, key_value_heads, dimension, scale in SHAPES:
    operands = [
        numbers((tokens, heads * dimension), 1, scale),
        numbers((tokens, key_value_heads * dimension), 2, scale),
        numbers((tokens, key_value_heads * dimension), 3, 1),
    ]
    slope = numbers((tokens, heads * dimension), 4, 1)
    found = attention(operands, slope, heads, key_value_heads, torch.bfloat16)
    exact = attention(operands, slope, heads, key_value_heads, torch.float64)
    rows.append({
        "tokens": tokens, "heads": heads, "key_value_heads": key_value_heads, "dimension": dimension,
        "scale": scale,
        "errors": [float(f"{((a - b).norm() / b.norm()).item():.4g}") for a, b in zip(found, exact)],
    })
print('{"shapes": [\n  ' + ",\n  ".join(json.dumps(row) for row in rows) + "\n]}")
