"""Random four-bit blocks of experts, and what transformers expands them to.

    python mxfp4.py Tests/ModelTests/Fixtures/mxfp4.safetensors
"""
import sys

import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import _convert_moe_packed_tensors

generator = torch.Generator().manual_seed(5)
shape = (2, 6, 2)
blocks = torch.randint(0, 256, (*shape, 16), generator=generator, dtype=torch.uint8)
scales = torch.randint(90, 160, shape, generator=generator, dtype=torch.uint8)
save_file(
    dict(blocks=blocks, scales=scales, expanded=_convert_moe_packed_tensors(blocks, scales)),
    sys.argv[1])
