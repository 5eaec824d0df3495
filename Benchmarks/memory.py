"""Predicted and measured peak resident size of runs: the table of Docs/CommandLine.md.

Usage: memory.py FLEDGE SMALL_FOLDER [LARGE_FOLDER] [--only TEXT] [--steps 3] [--plan]

SMALL_FOLDER is SmolLM2-135M and LARGE_FOLDER a model of about 1 GB (Scripts/reference/random_model.py
makes one), as Hugging Face folders. Steps of two micro-batches of one row each, of random words that fill
cutoff_len, or some 60% to 100% of it where the table says "varied". The prediction is the one that `fledge
train` makes before its first step; with --plan `fledge plan` has to make the same, to within 2%. Measured is
the peak resident size that the system reports of the process when it has ended. Exits with 1 when a
prediction is more than 10% off.
"""
import argparse, json, os, random, re, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("small")
parser.add_argument("large", nargs="?")
parser.add_argument("--only", default="", help="runs whose line contains this text")
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--plan", action="store_true", help="compare with fledge plan too, which takes as long")
options = parser.parse_args()

# Each is one token of SmolLM2's tokenizer with the space before it.
words = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea""".split()

lora = {"finetuning_type": "lora", "lora_target": "all"}
methods = {
    "LoRA": lora,
    "QLoRA of 4 bits": lora | {"quantization_bit": 4},
    "full": {"finetuning_type": "full"},
    "freeze, two layers": {"finetuning_type": "freeze", "freeze_trainable_layers": 2},
}
runs = [
    ("small", method, precision, length, "full")
    for method in methods for precision in ("float32", "bf16") for length in (512, 1024)
]
runs += [
    ("small", "full", "pure_bf16", 512, "full"),
    ("small", "full, recomputed", "bf16", 1024, "full"),
    ("small", "LoRA", "bf16", 256, "varied"),
    ("small", "LoRA, merged micro-batches", "bf16", 256, "varied"),
    ("small", "full", "bf16", 256, "varied"),
    ("small", "freeze, two layers", "bf16", 256, "varied"),
    ("small", "freeze, first two layers", "bf16", 512, "full"),
    ("small", "freeze, two layers and embed_tokens", "bf16", 512, "full"),
    ("small", "freeze, evaluated by 16 rows", "bf16", 512, "full"),
    ("small", "full, Muon", "bf16", 128, "full"),
    ("small", "full, GaLore", "bf16", 128, "full"),
]
if options.large:
    runs += [
        ("large", method, "bf16", 512, "full")
        for method in ("LoRA", "QLoRA of 4 bits", "freeze, two layers", "full")
    ]
    runs += [("large", "LoRA", "float32", 512, "full")]
methods |= {
    "full, recomputed": methods["full"] | {"recompute": "always"},
    "LoRA, merged micro-batches": lora | {"per_device_train_batch_size": 4},
    "freeze, first two layers": methods["freeze, two layers"] | {"freeze_trainable_layers": -2},
    "freeze, evaluated by 16 rows": methods["freeze, two layers"] | {
        "val_size": 16, "per_device_eval_batch_size": 16, "eval_strategy": "steps", "eval_steps": 2},
    "full, Muon": methods["full"] | {"use_muon": "true"},
    "full, GaLore": methods["full"] | {"use_galore": "true"},
    "freeze, two layers and embed_tokens":
        methods["freeze, two layers"] | {"freeze_extra_modules": "embed_tokens"},
}


def write_rows(folder, length, kind):
    chance = random.Random(0)
    rows = []
    for _ in range(32):
        # More words than the cut leaves; with the template's tokens a varied row stays below it.
        count = 2 * length if kind == "full" else chance.randint(length * 6 // 10, length - 50)
        text = [chance.choice(words) for _ in range(count)]
        rows.append({"instruction": " ".join(text[:8]), "input": "", "output": " ".join(text[8:])})
    with open(f"{folder}/rows.json", "w") as file:
        json.dump(rows, file)
    with open(f"{folder}/dataset_info.json", "w") as file:
        json.dump({"rows": {"file_name": "rows.json"}}, file)


def fledge(command, folder, keys):
    """The peak resident size in bytes, and what was printed."""
    process = subprocess.Popen(
        [options.fledge, command, *(f"{key}={value}" for key, value in keys.items())], cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # All rows are cut, which plan calls a fault (3).
    if process.returncode not in (0, 3):
        sys.exit(f"fledge {command} failed:\n{text[-2000:]}")
    return usage.ru_maxrss * 1024, text


names = {"small": options.small, "large": options.large}
print("| model | run | rows | predicted | measured | | tensors predicted | measured | |\n|---|---|---|---|---|---|---|---|---|")
worst = 0
for model, method, precision, length, kind in runs:
    size = os.path.getsize(names[model] + "/model.safetensors") // 1_000_000
    title = f"{os.path.basename(os.path.normpath(names[model]))}, {size} MB | {method}, {precision} | {length}" + (
        ", varied" if kind == "varied" else "")
    if options.only not in title:
        continue
    with tempfile.TemporaryDirectory() as folder:
        write_rows(folder, length, kind)
        keys = {
            "model_name_or_path": os.path.abspath(names[model]), "template": "smollm2", "stage": "sft", "do_train": "true",
            "dataset": "rows", "dataset_dir": folder, "cutoff_len": length, "max_steps": options.steps,
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "logging_steps": 1,
            "save_strategy": "no", "output_dir": folder + "/out", "overwrite_output_dir": "true",
            "preprocessing_num_workers": 1, "recompute": "never"}
        keys |= {precision: "true"} if precision != "float32" else {}
        keys |= methods[method]
        measured, _ = fledge("train", folder, keys)
        with open(folder + "/out/all_results.json") as file:
            results = json.load(file)
        predicted = results["memory_resident_predicted_bytes"]
        tensors = results["memory_predicted_bytes"], results["memory_tensor_peak_bytes"]
        difference = predicted / measured - 1
        worst = max(worst, abs(difference))
        if options.plan:
            text = fledge("plan", folder, keys)[1]
            planned = int(re.search(r"about (\d+) MiB resident in all", text).group(1)) << 20
            if abs(planned / predicted - 1) > 0.02:
                sys.exit(f"plan says {planned >> 20} MiB, train {int(predicted) >> 20} MiB")
        print(f"| {title} | {int(predicted) >> 20} | {measured >> 20} | {difference:+.0%} "
              f"| {int(tensors[0]) >> 20} | {int(tensors[1]) >> 20} | {tensors[0] / tensors[1] - 1:+.0%} |".replace("-", "−"),
              flush=True)
sys.exit(worst > 0.1)
