"""What bitsandbytes makes of a matrix on the CPU: codes, scales, nested scales, int8.

    python quantized_weights.py Tests/TensorTests/Fixtures/quantized_weights.json
"""
import json
import sys

import numpy as np
import torch
from bitsandbytes import functional as bnb


def weights(rows, columns):
    """Exact in float32 and easy to make again: sums of three hashes, like small normal numbers."""
    index = np.arange(rows * columns, dtype=np.uint64)
    total = np.zeros(rows * columns, dtype=np.int64)
    for factor in (2654435761, 2246822519, 3266489917):
        hashed = (index + 1) * np.uint64(factor) % np.uint64(1 << 32)
        hashed = hashed ^ (hashed >> np.uint64(15))
        hashed = hashed * np.uint64(2246822507) % np.uint64(1 << 32)
        total += (hashed >> np.uint64(18)).astype(np.int64) - (1 << 13)
    # Rows and blocks of different sizes.
    scale = 1 + (index // 64 % 7).astype(np.int64)
    values = (total * scale).astype(np.float32) * np.float32(2 ** -21)
    return torch.from_numpy(values.reshape(rows, columns))


def hexadecimal(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex()


cases = []
for rows, columns in [(40, 448), (3, 37), (2, 64)]:
    matrix = weights(rows, columns)
    case = {"rows": rows, "columns": columns}
    for kind in ("nf4", "fp4"):
        packed, state = bnb.quantize_4bit(matrix, quant_type=kind)
        case[kind] = {
            "codes": hexadecimal(packed), "scales": hexadecimal(state.absmax),
            "expanded": hexadecimal(bnb.dequantize_4bit(packed, state).float()),
        }
        packed, state = bnb.quantize_4bit(matrix, quant_type=kind, compress_statistics=True)
        case[kind + "_nested"] = {
            "codes": hexadecimal(packed), "nested": hexadecimal(state.absmax),
            "scales": hexadecimal(state.state2.absmax), "offset": state.offset.item(),
            "expanded": hexadecimal(bnb.dequantize_4bit(packed, state).float()),
        }
    codes, scales, _ = bnb.int8_vectorwise_quant(matrix.half())
    expanded = codes.float().mul_(scales.unsqueeze(1).mul(1 / 127))
    case["int8"] = {
        "codes": hexadecimal(codes), "scales": hexadecimal(scales),
        "expanded": hexadecimal(expanded),
    }
    cases.append(case)

result = {
    "cases": cases, "map": hexadecimal(bnb.create_dynamic_map()),
    "nf4": hexadecimal(bnb.get_4bit_type("nf4", device="cpu")),
    "fp4": hexadecimal(bnb.get_4bit_type("fp4", device="cpu")),
}
# The big matrix's expansions follow from codes and scales; they are kept for the small ones.
for case in cases[:1]:
    for name in ("nf4", "fp4", "nf4_nested", "fp4_nested", "int8"):
        del case[name]["expanded"]
with open(sys.argv[1], "w") as file:
    json.dump(result, file, indent=0)
    file.write("\n")
