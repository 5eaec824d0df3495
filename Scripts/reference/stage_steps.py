"""Eight optimizer steps of each stage by LLaMA-Factory itself, recorded at full precision.

    PYTHONPATH=STUBS python stage_steps.py MODEL_FOLDER Examples/data \\
        Tests/FledgeTests/Fixtures/smollm2_stage_steps.json [CASE…]

Cases that are not named stay as they are in the file.
MODEL_FOLDER is SmolLM2-135M-Instruct expanded to float32; STUBS holds an empty torchaudio module.
Adapter and value head start from a formula (fixed_adapter.py). The head's dropout is off, since its
draws cannot be shared.
"""
import hashlib
import json
import os
import sys
import tempfile

import torch
from fixed_adapter import Recorder, make_adapter, make_head
from trl import import_utils
from trl.models import modeling_value_head

# This version of transformers answers with a pair, which TRL takes for true: packages that are not there
# would be imported.
for name, value in list(vars(import_utils).items()):
    if name.endswith("_available") and isinstance(value, tuple):
        setattr(import_utils, name, value[0])

model_folder, data_folder, target = sys.argv[1:4]
wanted = sys.argv[4:]
STEPS = 8
PAIRS, MARKS = dict(dataset="preferences"), dict(dataset="feedback")
CASES = {
    "rm": dict(stage="rm", **PAIRS),
    "dpo": dict(stage="dpo", pref_loss="sigmoid", **PAIRS),
    "dpo orpo": dict(stage="dpo", pref_loss="orpo", **PAIRS),
    "dpo simpo": dict(stage="dpo", pref_loss="simpo", pref_beta=2.0, **PAIRS),
    "kto": dict(stage="kto", **MARKS),
    "pt": dict(stage="pt", dataset="identity", cutoff_len=32),
    "sft": dict(stage="sft", dataset="identity"),
}
COMMON = dict(
    do_train=True, template="chatml", cutoff_len=128, finetuning_type="lora", lora_rank=8, lora_alpha=16,
    lora_dropout=0.0, lora_target="all", overwrite_output_dir=True, logging_steps=1, save_strategy="no",
    report_to="none", per_device_train_batch_size=2, gradient_accumulation_steps=2, learning_rate=5e-4,
    max_steps=STEPS, lr_scheduler_type="cosine", warmup_steps=3, max_grad_norm=1.0, optim="adamw_torch",
    weight_decay=0.0, disable_shuffling=True, seed=42, plot_loss=False)
# What changes no number, or is this machine's.
HERE = dict(use_cpu=True, overwrite_cache=True, disable_gradient_checkpointing=True)
# Of a log entry, what is no number of the step, and what the two sides define differently.
UNCOMPARED = ("epoch", "step", "logits/chosen", "logits/rejected")

make_value_head = modeling_value_head.ValueHead.__init__


def make_still_head(self, *arguments, **options):
    make_value_head(self, *arguments, **options)
    self.dropout = torch.nn.Identity()


modeling_value_head.ValueHead.__init__ = make_still_head


def steps(case, work, adapter):
    from llamafactory.train.tuner import run_exp
    recorder = Recorder()
    run_exp(COMMON | HERE | case | dict(
        model_name_or_path=model_folder, adapter_name_or_path=adapter, dataset_dir=data_folder,
        output_dir=os.path.join(work, "out")), callbacks=[recorder])
    return [
        {key: value for key, value in entry.items() if key not in UNCOMPARED}
        for entry in recorder.history if "loss" in entry]


def digest(name):
    with open(os.path.join(data_folder, name + ".json"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def write(cases):
    with open(target, "w") as file:
        json.dump(dict(
            arguments=COMMON,
            data_sha256={name: digest(name) for name in ("identity", "preferences", "feedback")},
            cases=cases), file, indent=1)
        file.write("\n")


with tempfile.TemporaryDirectory() as work:
    adapter, cases = os.path.join(work, "adapter"), []
    make_adapter(model_folder, adapter)
    with open(os.path.join(model_folder, "config.json")) as file:
        make_head(adapter, json.load(file)["hidden_size"])
    if wanted:
        with open(target) as file:
            cases = [case for case in json.load(file)["cases"] if case["name"] not in wanted]
    for name, case in CASES.items():
        if wanted and name not in wanted:
            continue
        cases.append(dict(name=name, arguments=case, steps=steps(case, work, adapter)))
        write(cases)
