"""Whole steps of trl 0.9.6's PPO, the yardstick of `make bench`.

A step: 8 questions of 32 tokens get answers of 64 tokens each, a function of constant time judges them, policy
and reference are computed once, and 4 epochs over the answers make 4 updates. Rank 8 on all linear layers,
float32 adapters and value head on a bfloat16 base under autocast, no activation checkpointing, two threads.
With --batch 1 one answer at a time is drawn and computed, and gradients of 8 accumulate (LLaMA-Factory's
per_device_train_batch_size 1 and gradient_accumulation_steps 8); with --batch 8 all at once, which is the
fastest that the library can be asked for. Prints one JSON object.

Usage: ppo.py MODEL_FOLDER [--batch 1|8] [--steps 2] [--warmup 1]     (Scripts/reference/requirements-trl096.txt)
"""
import argparse, json, resource, statistics, time, warnings

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import AutoModelForCausalLMWithValueHead, PPOConfig, PPOTrainer

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--batch", type=int, choices=[1, 2, 4, 8], default=1)
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--warmup", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
questions, length, tokens = 8, 32, 64

warnings.simplefilter("ignore")
torch.set_num_threads(options.threads)
torch.manual_seed(0)
tokenizer = AutoTokenizer.from_pretrained(options.model)
tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.eos_token
base = AutoModelForCausalLM.from_pretrained(options.model, torch_dtype=torch.bfloat16, attn_implementation="sdpa")
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
peft = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM"))
for parameter in peft.parameters():
    if parameter.requires_grad:
        parameter.data = parameter.data.float()
model = AutoModelForCausalLMWithValueHead.from_pretrained(peft)
config = PPOConfig(
    batch_size=questions, mini_batch_size=options.batch, gradient_accumulation_steps=questions // options.batch,
    ppo_epochs=4, learning_rate=1e-5, max_grad_norm=1.0, seed=0,
    accelerator_kwargs={"cpu": True, "mixed_precision": "bf16"})
trainer = PPOTrainer(config, model, None, tokenizer)
draw = dict(
    do_sample=True, temperature=1.0, top_k=0, top_p=1.0, min_new_tokens=tokens, max_new_tokens=tokens,
    pad_token_id=tokenizer.pad_token_id)

seconds, drawing = [], []
for step in range(options.warmup + options.steps):
    queries = [
        torch.tensor([100 + (length * (row + questions * step) + place) * 7919 % 39900 for place in range(length)])
        for row in range(questions)]
    start = time.perf_counter()
    model.eval()
    with torch.no_grad():
        responses = trainer.generate(queries, batch_size=options.batch, return_prompt=False, **draw)
    middle = time.perf_counter()
    assert all(len(response) == tokens for response in responses)
    scores = [torch.tensor(float(response[0] % 7) / 7) for response in responses]
    stats = trainer.step(queries, responses, scores)
    if step >= options.warmup:
        seconds.append(time.perf_counter() - start)
        drawing.append(middle - start)

print(json.dumps(dict(
    name="trl 0.9.6, ppo", batch=options.batch, kl=float(stats["objective/kl"]),
    loss=float(stats["ppo/loss/total"]), seconds=statistics.median(seconds), drawing=statistics.median(drawing),
    tokens_per_second=questions * tokens / statistics.median(seconds),
    peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
