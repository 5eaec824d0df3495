"""A tuned PyTorch + peft loop, the yardstick of `make bench`.

Two threads, SDPA attention, no activation checkpointing, one packed sequence a step. LoRA: rank 8 on
all linear layers, float32 adapters on a base in the given precision. With --full all weights are
trained; in bfloat16 they are float32 masters under autocast, as LLaMA-Factory trains them, or with
--pure bfloat16 themselves. Prints one JSON object.

Usage: loop.py MODEL_FOLDER --dtype float32|bfloat16 --length 512 --steps 12 --warmup 3 [--full [--pure]]
"""
import argparse, json, resource, statistics, time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--warmup", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--full", action="store_true")
parser.add_argument("--pure", action="store_true")
options = parser.parse_args()

torch.set_num_threads(options.threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(
    options.model, dtype=getattr(torch, options.dtype), attn_implementation="sdpa")
model.config.use_cache = False
if not options.full:
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM"))
trainable = [p for p in model.parameters() if p.requires_grad]
for parameter in trainable:
    if not options.pure:
        parameter.data = parameter.data.float()
optimizer = torch.optim.AdamW(trainable, lr=1e-4, fused=True)
model.train()

generator = torch.Generator().manual_seed(1)
seconds = []
loss = None
for step in range(options.warmup + options.steps):
    ids = torch.randint(100, 40000, (1, options.length), generator=generator)
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bfloat16" and not options.pure):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trainable, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if step >= options.warmup:
        seconds.append(time.perf_counter() - start)

print(json.dumps(dict(
    name="pytorch" if options.full else "pytorch+peft", dtype=options.dtype, length=options.length, loss=loss.item(),
    tokens_per_second=options.length / statistics.median(seconds),
    peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
