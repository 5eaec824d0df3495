"""Answers of transformers' `generate`, the yardstick of rollouts in `make bench`.

All prompts in one batch, 32 tokens each, drawn from the whole distribution at temperature 1; every answer is
as long as asked for. Two threads, SDPA attention, the dynamic cache, bfloat16. Prints one JSON object, whose
tokens per second are those of answers, prompts included in the time.

Usage: generate.py MODEL_FOLDER [--prompts 8] [--tokens 64] [--repetitions 5]
"""
import argparse, json, resource, statistics, time

import torch
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--prompts", type=int, default=8)
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--repetitions", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

torch.set_num_threads(options.threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
ids = torch.tensor([[100 + (32 * row + place) * 7919 % 39900 for place in range(32)] for row in range(options.prompts)])

seconds = []
for repetition in range(options.repetitions + 1):
    start = time.perf_counter()
    with torch.inference_mode():
        answers = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            min_new_tokens=options.tokens, max_new_tokens=options.tokens, pad_token_id=0)
    if repetition > 0:
        seconds.append(time.perf_counter() - start)
    assert answers.shape == (options.prompts, 32 + options.tokens)

print(json.dumps(dict(
    name="transformers", tokens_per_second=options.prompts * options.tokens / statistics.median(seconds),
    seconds=statistics.median(seconds), peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
