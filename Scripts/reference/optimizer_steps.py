"""Ten steps of every optimizer by its published implementation, as LLaMA-Factory sets it up.

usage: python Scripts/reference/optimizer_steps.py > Tests/TrainTests/Fixtures/optimizers.json

Beside requirements.txt it needs, without their dependencies:
galore-torch==1.0 apollo-torch==1.0.3 badam==1.4 adam-mini==1.1.1 lion-pytorch==0.2.5
schedulefree==1.4.1 bitsandbytes==0.50.2

Weights and gradients are pure functions of their places, which the tests compute too. Random numbers
of APOLLO are those of Fledge, and singular vectors have Fledge's signs; everything else is as
published.
"""

import contextlib
import json
import math
import sys
import tempfile

import torch
from torch import nn

NAMES = {
    "model.embed_tokens.weight": (10, 8),
    "model.layers.0.self_attn.q_proj.weight": (8, 8),
    "model.layers.0.self_attn.v_proj.weight": (4, 8),
    "model.layers.0.mlp.up_proj.weight": (12, 8),
    "model.layers.0.mlp.down_proj.weight": (8, 12),
    "model.layers.0.input_layernorm.weight": (8,),
    "model.layers.1.mlp.up_proj.weight": (12, 8),
    "model.layers.1.mlp.down_proj.bias": (8,),
    "model.norm.weight": (8,),
    "lm_head.weight": (10, 8),
}
LARGE = {"model.layers.0.mlp.up_proj.weight": (64, 72), "model.layers.0.mlp.gate_proj.weight": (71, 61),
         "model.embed_tokens.weight": (72, 64)}
RATE, DECAY, STEPS = 0.01, 0.1, 10


def numbers(shape, salt):
    """Numbers from -1 to 1 that any language computes alike."""
    count = math.prod(shape)
    return torch.tensor(
        [((i * i * 31 + i * 7919 + salt * 104729) % 2003) / 1001.5 - 1 for i in range(count)],
        dtype=torch.float64).float().reshape(shape)


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))


def make(names):
    """A module whose parameters have these names, and the kinds of layers that go with them."""
    root = nn.Module()
    for index, (name, shape) in enumerate(names.items()):
        path = name.split(".")
        parent = root
        for part in path[:-2]:
            if not hasattr(parent, part):
                parent.add_module(part, nn.Module())
            parent = getattr(parent, part)
        if "norm" in path[-2]:
            layer = Norm(shape[0])
        elif "embed" in path[-2]:
            layer = nn.Embedding(*shape)
        elif path[-1] == "bias":
            layer = nn.Module()
            layer.bias = nn.Parameter(torch.zeros(shape))
        else:
            layer = nn.Linear(shape[1], shape[0], bias=False)
        parent.add_module(path[-2], layer)
        with torch.no_grad():
            getattr(layer, path[-1]).copy_(numbers(shape, index))
    config = type("Config", (), {"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2,
                                 "num_key_value_heads": 1})()
    root.config = config
    root.forward = lambda **_: None
    return root


# Fledge's random numbers.
MASK = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def append(key, part):
    if isinstance(part, str):
        value = 0xCBF29CE484222325
        for byte in part.encode():
            value = ((value ^ byte) * 0x100000001B3) & MASK
        part = value
    return mix(key ^ mix((part + 0x9E3779B97F4A7C15) & MASK))


def gaussian(key, shape):
    counter = 0

    def uniform():
        nonlocal counter
        counter += 1
        return (mix((key + (counter - 1) * 0x9E3779B97F4A7C15) & MASK) >> 11) * 2.0**-53

    values = []
    for _ in range(math.prod(shape)):
        radius, angle = 1 - uniform(), uniform()
        values.append(math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * angle))
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


SVD = torch.linalg.svd


def signed_svd(matrix, full_matrices=False):
    u, s, vh = SVD(matrix, full_matrices=full_matrices)
    for column in range(u.shape[1]):
        magnitudes = u[:, column].abs()
        first = (magnitudes >= magnitudes.max() * (1 - 1e-4)).nonzero()[0, 0]
        if u[first, column] < 0:
            u[:, column] *= -1
            vh[column] *= -1
    return u, s, vh


def nearest_codes():
    """Codes as bitsandbytes finds them on graphics cards and in its PyTorch fallback: the nearest.

    Its library for CPUs looks them up in a table with steps of about 3e-5 in place of that.
    """
    import bitsandbytes.backends.cpu.ops as cpu

    def quantize(numbers, code, largest, codes, size):
        flat = numbers.flatten()
        padded = nn.functional.pad(flat, (0, -len(flat) % size)).reshape(-1, size)
        largest.copy_(padded.abs().amax(dim=1))
        scaled = (padded * (1 / largest.clamp(min=1e-38))[:, None]).clamp(-1, 1)
        found = torch.bucketize(scaled.flatten()[: len(flat)], (code[:-1] + code[1:]) / 2)
        codes.copy_(found.to(torch.uint8).reshape(codes.shape))

    cpu._quant_blockwise_fp32_direct = quantize


def apollo_numbers(names):
    import apollo_torch.random_projector as projector

    # Its seeds count parameters from 1; each new subspace adds a thousand here.
    projector.next_seed = lambda seed, adv=0: seed + 1000

    def randn(shape, seed, device=None, dtype=None):
        key = append(mix((42 + 0x9E3779B97F4A7C15) & MASK), "apollo")
        return gaussian(append(append(key, names[seed % 1000]), seed // 1000), shape)

    projector.stable_randn = randn


def train(model, optimizer, names, every):
    """The weights after all steps, some of them."""
    parameters = dict(model.named_parameters())
    if hasattr(optimizer, "train"):
        optimizer.train()
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = group.get("initial_lr", group.setdefault("initial_lr", group["lr"])) * (
                10 - step) / 10
        loss = 0
        for index, (name, shape) in enumerate(names.items()):
            if parameters[name].requires_grad:
                loss = loss + (parameters[name] * numbers(shape, 100 * (step + 1) + index)).sum()
        loss.backward()
        optimizer.step()
        for parameter in parameters.values():
            parameter.grad = None
    if hasattr(optimizer, "eval"):
        optimizer.eval()
    result = {}
    for name in names:
        values = parameters[name].detach().flatten()[::every].tolist()
        result[name] = [float(f"{value:.7g}") for value in values]
    return result


def run(kind, names=NAMES, every=3, optim="adamw_torch", optim_args=None, epsilon=1e-8,
        **finetuning):
    from llamafactory.hparams import FinetuningArguments
    from llamafactory.train.trainer_utils import create_custom_optimizer
    from transformers import Trainer, TrainingArguments

    model = make(names)
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), optim=optim, optim_args=optim_args, learning_rate=RATE,
        weight_decay=DECAY, adam_epsilon=epsilon, use_cpu=True, report_to="none")
    optimizer = create_custom_optimizer(
        model, arguments, FinetuningArguments(finetuning_type="full", **finetuning))
    if optimizer is None:
        trainer = Trainer(model=model, args=arguments)
        trainer.create_optimizer()
        optimizer = trainer.optimizer
    if "use_apollo" in finetuning:
        known = {id(p): n for n, p in model.named_parameters()}
        order = [known[id(p)] for group in optimizer.param_groups for p in group["params"]]
        apollo_numbers({index + 1: name for index, name in enumerate(order)})
    return train(model, optimizer, names, every)


def main():
    torch.linalg.svd = signed_svd
    runs = {}
    with contextlib.redirect_stdout(sys.stderr):
        runs["adamw"] = run("adamw")
        runs["sgd"] = run("sgd", optim="sgd")
        runs["sgd nesterov"] = run("sgd", optim="sgd", optim_args="momentum=0.9,nesterov=true")
        runs["adafactor"] = run("adafactor", optim="adafactor")
        runs["lion"] = run("lion", optim="lion_32bit")
        runs["muon"] = run("muon", use_muon=True)
        runs["adam-mini"] = run("adam-mini", use_adam_mini=True)
        runs["schedule-free"] = run("schedule-free", optim="schedule_free_adamw")
        for side in ["std", "reverse_std", "right", "left", "full"]:
            runs[f"galore {side}"] = run(
                "galore", use_galore=True, galore_rank=3, galore_update_interval=4,
                galore_proj_type=side,
                # Off the diagonal a projected gradient is noise, which Adam would make large.
                epsilon=1e-3 if side == "full" else 1e-8)
        runs["galore adafactor"] = run(
            "galore", optim="adafactor", use_galore=True, galore_rank=3, galore_update_interval=4)
        for name, more in {
            "apollo": {}, "apollo tensor": {"apollo_scale_type": "tensor"},
            "apollo svd": {"apollo_proj": "svd"}, "apollo front": {"apollo_scale_front": True},
        }.items():
            runs[name] = run(
                "apollo", use_apollo=True, apollo_rank=3, apollo_update_interval=4, **more)
        for mode in ["ascending", "descending"]:
            runs[f"badam {mode}"] = run(
                "badam", use_badam=True, badam_switch_interval=4, badam_switch_mode=mode)
        runs["badam ratio"] = run("badam", use_badam=True, badam_mode="ratio", badam_update_ratio=0.3)
        nearest_codes()
        runs["adamw 8-bit"] = run("8bit", LARGE, 41, optim="adamw_8bit")
        runs["lion 8-bit"] = run("8bit", LARGE, 41, optim="lion_8bit")
    import bitsandbytes.functional

    codes = {
        "signed": bitsandbytes.functional.create_dynamic_map(True).tolist(),
        "unsigned": bitsandbytes.functional.create_dynamic_map(False).tolist(),
    }
    json.dump({"runs": runs, "codes": codes}, sys.stdout, separators=(",", ":"))


main()
