"""Random blocks of each GGUF type and what gguf's own Python reader expands them to.

    python gguf_blocks.py Tests/ModelTests/Fixtures/gguf_blocks.json
"""
import json
import sys

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

# Where each type keeps its float16 scales; random bits there would be infinities.
SCALES = {
    Type.F16: "all", Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
    Type.Q8_0: [0], Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2],
    Type.Q6_K: [208], Type.MXFP4: [],
}
random = np.random.default_rng(7)


def scales(count):
    values = random.normal(0, 0.02, count).astype(np.float16)
    values[0] = 6e-8  # a subnormal
    values[-1] = -values[-1]
    return values.view(np.uint8).reshape(count, 2)


result = {}
for kind in [Type.F32, Type.F16, Type.BF16, *[t for t in SCALES if t != Type.F16]]:
    size, width = GGML_QUANT_SIZES[kind]
    if size == 1:
        values = random.normal(0, 1, 24).astype(np.float32)
        values[:4] = [0, -0.0, 65504, -6e-8]
        if kind == Type.BF16:
            data = (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        else:
            data = values.astype(np.float16 if kind == Type.F16 else np.float32).view(np.uint8)
        expanded = {
            Type.F32: lambda: values,
            Type.F16: lambda: values.astype(np.float16).astype(np.float32),
            Type.BF16: lambda: (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32),
        }[kind]()
    else:
        blocks = random.integers(0, 256, (4 if size == 32 else 2, width), dtype=np.uint8)
        for offset in SCALES[kind]:
            blocks[:, offset:offset + 2] = scales(len(blocks))
        if kind == Type.MXFP4:
            blocks[:, 0] = [0, 1, 120, 250]  # exponents, of which the least are subnormal
        data = blocks.reshape(-1)
        expanded = dequantize(blocks, kind).reshape(-1)
    result[kind.name] = dict(
        bytes=data.tobytes().hex(), floats=np.ascontiguousarray(expanded, "<f4").tobytes().hex())

with open(sys.argv[1], "w") as file:
    json.dump(result, file, indent=0)
    file.write("\n")
