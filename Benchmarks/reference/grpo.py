"""Whole steps of the newest trl's GRPO, the yardstick of `make bench`.

A step: 2 questions of 32 tokens get 8 answers of 64 tokens each, a function of constant time judges them, and
one update follows, of two micro-batches of 8 answers (the library's per_device_train_batch_size). Rank 8 on all
linear layers, float32 adapters on a bfloat16 base under autocast, two threads, the library's defaults otherwise
(dapo's loss, advantages divided by the deviation of the group, no reference). Its default recomputes
activations, which --recompute leaves on: it is slower, so that the yardstick is without. Prints one JSON
object.

Usage: grpo.py MODEL_FOLDER [--batch 8|16] [--steps 2] [--warmup 1] [--recompute]
       (Scripts/reference/requirements-trl.txt)
"""
import argparse, json, resource, statistics, tempfile, time, warnings

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--batch", type=int, choices=[8, 16], default=8)
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--warmup", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--recompute", action="store_true")
options = parser.parse_args()
questions, answers, tokens = 2, 8, 64

# Each is one token of SmolLM2's tokenizer with the space before it.
words = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea""".split()

warnings.simplefilter("ignore")
torch.set_num_threads(options.threads)
tokenizer = AutoTokenizer.from_pretrained(options.model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
count = questions * (options.warmup + options.steps)
prompts = ["".join(" " + words[(5 * row + place) % len(words)] for place in range(32)) for row in range(count)]
assert all(len(tokenizer(prompt)["input_ids"]) == 32 for prompt in prompts)


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self):
        self.times = [time.perf_counter()]

    def on_train_begin(self, *_, **__):
        self.times = [time.perf_counter()]

    def on_step_end(self, *_, **__):
        self.times.append(time.perf_counter())


def judge(completion_ids, **_):
    assert all(len(ids) == tokens for ids in completion_ids)
    return [float(ids[0] % 7) / 7 for ids in completion_ids]


model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16, attn_implementation="sdpa")
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    trainer = GRPOTrainer(
        model, judge, processing_class=tokenizer, train_dataset=Dataset.from_dict({"prompt": prompts}),
        args=GRPOConfig(
            output_dir=folder, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True, seed=0,
            per_device_train_batch_size=options.batch, gradient_accumulation_steps=questions * answers // options.batch,
            max_steps=options.warmup + options.steps, num_generations=answers, max_completion_length=tokens,
            generation_kwargs={"min_new_tokens": tokens}, gradient_checkpointing=options.recompute),
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM"), callbacks=[clock])
    trainer.train()

seconds = [after - before for before, after in zip(clock.times, clock.times[1:])][options.warmup:]
print(json.dumps(dict(
    name="trl, grpo", batch=options.batch, recompute=options.recompute, seconds=statistics.median(seconds),
    tokens_per_second=questions * answers * tokens / statistics.median(seconds),
    peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
