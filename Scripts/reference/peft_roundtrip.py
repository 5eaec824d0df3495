"""Loads an adapter folder with the real peft and fails on any key that is missing or unexpected.

    python peft_roundtrip.py ADAPTER_FOLDER [MODEL_FOLDER] [IDS]

MODEL_FOLDER defaults to the adapter's own base_model_name_or_path. With IDS (a JSON array) the
logits of the last position are printed, as JSON, for a comparison.
"""
import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

folder = sys.argv[1]
config = LoraConfig.from_pretrained(folder)
base = sys.argv[2] if len(sys.argv) > 2 else config.base_model_name_or_path
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
config.inference_mode = True
model = get_peft_model(model, config)
tensors = load_file(os.path.join(folder, "adapter_model.safetensors"))
result = set_peft_model_state_dict(model, dict(tensors))
missing = [name for name in result.missing_keys if "lora_" in name or "modules_to_save" in name]
assert not missing, f"missing: {missing[:5]} and {max(len(missing) - 5, 0)} more"
assert not result.unexpected_keys, f"unexpected: {result.unexpected_keys[:5]}"
state = model.state_dict()
wrong = [
    name for name, value in tensors.items()
    if "lora_" in name and not torch.equal(
        state[name.replace(".weight", ".default.weight")], value.to(torch.float32))]
assert not wrong, f"not loaded as written: {wrong[:5]}"
print(f"peft loads {len(tensors)} tensors, none missing, none unexpected", file=sys.stderr)
if len(sys.argv) > 3:
    with torch.no_grad():
        logits = model.eval()(torch.tensor([json.loads(sys.argv[3])])).logits[0, -1]
    print(json.dumps(logits.tolist()))
