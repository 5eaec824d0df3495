"""Writes Tests/AdaptersTests/Fixtures/peft-matching.json: which modules peft adapts, with which rank.

Usage: peft_matching.py    (peft 0.18.1)

Each case is the members of an adapter_config.json; for each path stands the rank, or null where no adapter goes.
"""
import json
import pathlib

from peft import LoraConfig
from peft.tuners.tuners_utils import _ExcludedModule, check_target_module_exists
from peft.utils.other import get_pattern_key

LINEARS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
           "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
PATHS = [f"model.layers.{layer}.{name}" for layer in (0, 1, 2, 10, 11) for name in LINEARS] + ["lm_head"]

CASES = [
    dict(target_modules=["q_proj", "v_proj"]),
    dict(target_modules=["proj"]),
    dict(target_modules=["model.layers.1.mlp.up_proj", "lm_head"]),
    dict(target_modules=["self_attn.q_proj"], exclude_modules=["layers.0.self_attn.q_proj"]),
    dict(target_modules=["q_proj", "up_proj"], exclude_modules=["q_proj"]),
    dict(target_modules=["q_proj", "up_proj"], exclude_modules=r".*layers\.1\..*"),
    dict(target_modules=["q_proj", "up_proj"], exclude_modules=r"layers\.1\..*"),
    dict(target_modules=r".*\.(q|v)_proj"),
    dict(target_modules=r"model\.layers\.[0-9]\..*_proj"),
    dict(target_modules=r"q_proj"),
    dict(target_modules=r"^(?!.*layers\.0).*(?:q_proj|down_proj)$"),
    dict(target_modules=r".*self_attn.*", exclude_modules=["o_proj", "k_proj"]),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[1]),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=10),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[0, 11], layers_pattern="layers"),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[0, 11], layers_pattern=["h", "layers"]),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[0], layers_pattern=["h"]),
    dict(target_modules=["q_proj", "v_proj"], layers_to_transform=[]),
    dict(target_modules=["q_proj", "model.layers.2.self_attn.k_proj"], layers_to_transform=[1]),
    dict(target_modules=["q_proj", "lm_head"], modules_to_save=["lm_head"]),
    dict(target_modules=["q_proj", "up_proj"], modules_to_save=["mlp"]),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={"q_proj": 2}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={r"layers\.1\..*q_proj": 2, "q_proj": 3}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={"q_proj": 3, r"layers\.1\..*q_proj": 2}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={"layers.1.self_attn.q_proj": 2, "_proj": 5}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={r"model.layers.\d+.self_attn.v_proj": 7}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={r"^model\.layers\.0\.self_attn\.q_proj": 6}),
    dict(target_modules=["q_proj", "v_proj"], rank_pattern={"q_proj|v_proj": 9}),
]


def rank(case, path):
    config = LoraConfig(r=4, **case)
    found = check_target_module_exists(config, path)
    if not found or isinstance(found, _ExcludedModule):
        return None
    return config.rank_pattern.get(get_pattern_key(config.rank_pattern.keys(), path), config.r)


cases = [dict(config=case, ranks=[rank(case, path) for path in PATHS]) for case in CASES]
target = pathlib.Path(__file__).parents[2] / "Tests/AdaptersTests/Fixtures/peft-matching.json"
target.write_text(json.dumps(dict(peft="0.18.1", paths=PATHS, cases=cases), separators=(",", ":")) + "\n")
