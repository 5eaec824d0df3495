"""An adapter, and a value head, that both sides evaluate from one formula, so that no generator has to be shared."""
import os

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.trainer_callback import TrainerCallback


def fill(name, shape):
    """x <- (1103515245 x + 12345) mod 2^31 from the sum of the name's bytes; u = x / 2^31 - 1/2."""
    x, scale = sum(name.encode()), 0.05 if "lora_A" in name else 0.02
    count = 1
    for size in shape:
        count *= size
    values = []
    for _ in range(count):
        x = (1103515245 * x + 12345) % 2**31
        values.append(scale * (x / 2**31 - 0.5))
    return torch.tensor(values, dtype=torch.float64).reshape(shape).float()


def make_adapter(model_folder, folder):
    """Writes a LoRA adapter of rank 8 whose A and B are both non-zero."""
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.0, task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                # The name as the adapter's file spells it.
                parameter.copy_(fill(name.replace(".default", ""), tuple(parameter.shape)))
    model.save_pretrained(folder)


def make_head(folder, channels):
    """Writes a value head beside an adapter."""
    names = {"v_head.summary.weight": (1, channels), "v_head.summary.bias": (1,)}
    save_file({name: fill(name, shape) for name, shape in names.items()},
              os.path.join(folder, "value_head.safetensors"))


class Recorder(TrainerCallback):
    """Keeps the log entries as the trainer forms them."""

    def on_train_end(self, args, state, control, **kwargs):
        self.history = state.log_history
