"""Optimizer steps by LLaMA-Factory itself, recorded at full precision: twenty of LoRA, or eight of
full fine-tuning with weight decay, or five of LoRA on plainly packed rows, whose samples see each other, or five of
pre-training with an evaluation.

    PYTHONPATH=STUBS python training_steps.py MODEL_FOLDER Examples/data \\
        Tests/FledgeTests/Fixtures/smollm2_training.json
    PYTHONPATH=STUBS python training_steps.py MODEL_FOLDER Examples/data \\
        Tests/FledgeTests/Fixtures/smollm2_full_training.json full
    PYTHONPATH=STUBS python training_steps.py MODEL_FOLDER Examples/data \\
        Tests/FledgeTests/Fixtures/smollm2_packed_training.json packed
    PYTHONPATH=STUBS python training_steps.py MODEL_FOLDER Examples/data \\
        Tests/FledgeTests/Fixtures/smollm2_text_training.json text

MODEL_FOLDER is SmolLM2-135M-Instruct expanded to float32; STUBS holds an empty torchaudio module.
The adapter starts from a formula (fixed_adapter.py) that both sides evaluate, so that A and B are both
non-zero and no generator has to be shared.
"""
import hashlib
import json
import os
import sys
import tempfile

import accelerate
from fixed_adapter import Recorder, make_adapter

model_folder, data_folder, target = sys.argv[1:4]
IS_FULL = sys.argv[4:] == ["full"]
IS_PACKED = sys.argv[4:] == ["packed"]
IS_TEXT = sys.argv[4:] == ["text"]
WARMUP, BATCH, ACCUMULATION = 3, 1 if IS_PACKED else 2, 2
STEPS, RATE = (8, 5e-5) if IS_FULL else (5 if IS_PACKED or IS_TEXT else 20, 5e-4)


def clip(self, parameters, max_norm, norm_type=2):
    """Accelerate's clipping with squares summed in float64.

    PyTorch sums them in float32, which loses two thousandths of the norm over the 28 million gradients
    of the embedding table; the scale of every step would follow.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = sum(g.double().square().sum() for g in gradients).sqrt()
    for gradient in gradients:
        gradient.mul_(min(1.0, max_norm / (norm.item() + 1e-6)))
    return norm


with tempfile.TemporaryDirectory() as work:
    adapter = os.path.join(work, "adapter")
    if not IS_FULL:
        make_adapter(model_folder, adapter)
    from llamafactory.train.tuner import run_exp
    arguments = dict(
        model_name_or_path=model_folder, stage="sft", do_train=True,
        dataset="identity", dataset_dir=data_folder, template="chatml", cutoff_len=512,
        overwrite_cache=True, output_dir=os.path.join(work, "out"), overwrite_output_dir=True,
        logging_steps=1, save_strategy="no", report_to="none", per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=ACCUMULATION, learning_rate=RATE, max_steps=STEPS,
        lr_scheduler_type="cosine", warmup_steps=WARMUP, max_grad_norm=1.0, optim="adamw_torch",
        weight_decay=0.1 if IS_FULL else 0.0, disable_shuffling=True, seed=42, use_cpu=True, plot_loss=False,
        disable_gradient_checkpointing=True)
    arguments |= dict(finetuning_type="full") if IS_FULL else dict(
        adapter_name_or_path=adapter, finetuning_type="lora", lora_rank=8, lora_alpha=16,
        lora_dropout=0.0, lora_target="all")
    if IS_PACKED:
        # Prompts are learned too, so that a sample's first token is predicted by the one before it.
        arguments |= dict(packing=True, train_on_prompt=True)
    if IS_TEXT:
        # The instructions as texts; the last batch of evaluation has fewer rows than the others.
        arguments |= dict(stage="pt", cutoff_len=32, eval_dataset="identity", do_eval=True,
                          per_device_eval_batch_size=3)
    if IS_FULL:
        accelerate.Accelerator.clip_grad_norm_ = clip
    recorder = Recorder()
    run_exp(dict(arguments), callbacks=[recorder])
    steps = [
        dict(step=entry["step"], loss=entry["loss"], grad_norm=entry["grad_norm"],
             learning_rate=entry["learning_rate"], epoch=entry["epoch"])
        for entry in recorder.history if "loss" in entry]
    evaluation = None
    if IS_TEXT:
        with open(os.path.join(work, "out", "eval_results.json")) as file:
            results = json.load(file)
        evaluation = {k: results[k] for k in ("eval_loss", "eval_perplexity")}
    # A digest of where the weights ended up: one sum and one sum of squares a tensor; in a full run of
    # how far they moved.
    from safetensors.torch import load_file
    name = "model.safetensors" if IS_FULL else "adapter_model.safetensors"
    final = load_file(os.path.join(work, "out", name))
    if IS_FULL:
        start = load_file(os.path.join(model_folder, name))
        final = {name: final[name].double() - start[name].double() for name in final}
    first_and_last = [
        n for n in sorted(final)
        if ".layers.0." in n or ".layers.29." in n or ".layers." not in n]
    tensors = {
        name: dict(sum=float(final[name].double().sum()),
                   squares=float((final[name].double() ** 2).sum()))
        for name in first_and_last}

kept = {k: v for k, v in arguments.items()
        if k not in ("model_name_or_path", "adapter_name_or_path", "dataset_dir", "output_dir",
                     "use_cpu", "disable_gradient_checkpointing", "overwrite_cache")}
with open(os.path.join(data_folder, "identity.json"), "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
with open(target, "w") as file:
    json.dump(dict(arguments=kept, data_sha256=digest, steps=steps, final=tensors) | (
        dict(evaluation=evaluation) if evaluation else {}), file, indent=1)
    file.write("\n")
