"""Five LoRA steps on the tiny model of each family, by LLaMA-Factory and by Fledge from the same file.

    PYTHONPATH=STUBS python family_runs.py .build/release/fledge Tests/ModelTests/Fixtures/families [NAME …]

STUBS holds an empty torchaudio module. Adapters begin with a formula's numbers (fixed_adapter.py) on the modules that
`lora_target: all` names. Fails where a loss or the norm of a gradient differs by more than 1e-4 of it.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import torch
import yaml
from fixed_adapter import Recorder, fill
from peft import LoraConfig, get_peft_model
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedTokenizerFast
from trl import import_utils

for name, value in list(vars(import_utils).items()):
    if name.endswith("_available") and isinstance(value, tuple):
        setattr(import_utils, name, value[0])

STEPS = 5
# transformers computes their rows otherwise where a longer one lies beside them in a batch.
ALONE = {"phi3"}
# What differs for a reason that is known: angles of a dynamic scaling that stay those of the longest row before, and
# classes of wholes whose loss is a mean for each micro-batch (one micro-batch a step is compared).
SKIPPED = {"llama-dynamic": "transformers keeps the angles of the longest row before",
           "qwen3-5-vision": "transformers trains it with a processor's marks of images alone",
           "gpt-oss": "LLaMA-Factory 0.9.5 cannot load it",
           "granite-moe-shared": "peft takes experts for a target and knows no such layer",
           "granite-hybrid-moe": "peft takes experts for a target and knows no such layer"}
# Gradients of random weights that float32 does not hold closely.
LOOSE = {"gemma4": 5e-3, "gemma4-vision": 5e-3}
COMMON = dict(
    stage="sft", do_train=True, dataset="rows", template="empty", cutoff_len=48, finetuning_type="lora", lora_rank=4,
    lora_alpha=8, lora_dropout=0.0, lora_target="all", overwrite_output_dir=True, logging_steps=1, save_strategy="no",
    report_to="none", per_device_train_batch_size=2, gradient_accumulation_steps=2, learning_rate=1e-3,
    max_steps=STEPS, lr_scheduler_type="cosine", warmup_steps=2, max_grad_norm=1.0, optim="adamw_torch",
    weight_decay=0.0, disable_shuffling=True, seed=42, plot_loss=False)
HERE = dict(use_cpu=True, overwrite_cache=True, disable_gradient_checkpointing=True)


def write_tokenizer(folder, size):
    """One token a character; no merges."""
    characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    names = ["<pad>", "<s>", "</s>", *characters[:size - 3]]
    tokenizer = Tokenizer(models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>").save_pretrained(folder)
    return names[3:]


def write_rows(folder, letters):
    generator = random.Random(5)
    text = lambda length: "".join(generator.choice(letters) for _ in range(length))
    rows = [dict(instruction=text(generator.randint(3, 16)), input="", output=text(generator.randint(2, 24))) for _ in range(24)]
    with open(folder + "/rows.json", "w") as file:
        json.dump(rows, file)
    with open(folder + "/dataset_info.json", "w") as file:
        json.dump(dict(rows=dict(file_name="rows.json")), file)


def write_adapter(model_folder, targets, folder):
    with open(model_folder + "/config.json") as file:
        is_whole = "text_config" in json.load(file)
    loader = AutoModelForImageTextToText if is_whole else AutoModelForCausalLM
    model = loader.from_pretrained(model_folder, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules=targets))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(8 * fill(name.replace(".default", ""), tuple(parameter.shape)))
    model.save_pretrained(folder)


def theirs(arguments, work):
    from llamafactory.train.tuner import run_exp
    recorder = Recorder()
    run_exp(COMMON | HERE | arguments | dict(output_dir=work + "/theirs"), callbacks=[recorder])
    return [entry for entry in recorder.history if "loss" in entry]


def ours(fledge, arguments, work):
    path = work + "/run.yaml"
    with open(path, "w") as file:
        yaml.safe_dump(COMMON | arguments | dict(output_dir=work + "/ours"), file)
    done = subprocess.run([fledge, "train", path], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    with open(work + "/ours/trainer_state.json") as file:
        return [entry for entry in json.load(file)["log_history"] if "loss" in entry]


def compare(fledge, folder):
    with tempfile.TemporaryDirectory() as work:
        model = work + "/model"
        shutil.copytree(folder, model, ignore=shutil.ignore_patterns("gradients*", "expected*"))
        with open(model + "/config.json") as file:
            config = json.load(file)
        with open(folder + "/expected.json") as file:
            expected = json.load(file)
            targets = expected.get("linear_paths") or expected["linear_modules"]
        letters = write_tokenizer(model, config.get("vocab_size") or config["text_config"]["vocab_size"])
        write_rows(work, letters)
        write_adapter(model, targets, work + "/adapter")
        arguments = dict(model_name_or_path=model, adapter_name_or_path=work + "/adapter", dataset_dir=work)
        if os.path.basename(folder) in ALONE:
            arguments |= dict(per_device_train_batch_size=1, gradient_accumulation_steps=4)
        if "text_config" in config:
            arguments |= dict(per_device_train_batch_size=4, gradient_accumulation_steps=1)
        mine, wanted = ours(fledge, arguments, work), theirs(arguments, work)
        assert len(mine) == len(wanted) == STEPS, (len(mine), len(wanted))
        return max(abs(a[key] - b[key]) / abs(b[key]) for a, b in zip(mine, wanted) for key in ("loss", "grad_norm"))


fledge, families = os.path.abspath(sys.argv[1]), sys.argv[2]
failed = []
for name in sys.argv[3:] or sorted(os.listdir(families)):
    if name in SKIPPED:
        print(f"{name}: not compared: {SKIPPED[name]}", flush=True)
        continue
    try:
        error = compare(fledge, os.path.join(families, name))
    except Exception as problem:  # One family says nothing of the others.
        print(f"{name}: {type(problem).__name__}: {str(problem)[-400:]}", flush=True)
        failed.append(name)
        continue
    print(f"{name}: largest relative difference {error:.1e}", flush=True)
    if not error < LOOSE.get(name, 1e-4):
        failed.append(name)
if failed:
    sys.exit("not equal: " + ", ".join(failed))
