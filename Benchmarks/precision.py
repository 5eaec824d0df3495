"""How far bfloat16 runs stray from float32, in Fledge and in LLaMA-Factory: LoRA SFT of SmolLM2.

Usage: precision.py FLEDGE FLOAT32_FOLDER BFLOAT16_FOLDER DATA_FOLDER [--steps 200]

Each program trains twice on the same samples in the same order, in float32 and with `bf16: true`, one
sample a step. Prints the mean absolute difference of the losses of each program's two runs. DATA_FOLDER
is what Scripts/fetch-reference-data.sh prints. llamafactory-cli is taken from beside this Python; STUBS
may name a folder with an empty torchaudio module (Scripts/reference/requirements.txt).
"""
import argparse, json, os, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("float32_folder")
parser.add_argument("bfloat16_folder")
parser.add_argument("data")
parser.add_argument("--steps", type=int, default=200)
options = parser.parse_args()
factory = os.path.join(os.path.dirname(sys.executable), "llamafactory-cli")


def losses(program, name, folder, is_narrow, work):
    output = os.path.join(work, name)
    with open(output + ".yaml", "w") as target:
        target.write(f"""
model_name_or_path: {os.path.abspath(folder)}
template: smollm2
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: alpaca_en_demo
dataset_dir: {os.path.abspath(options.data)}
cutoff_len: 512
per_device_train_batch_size: 1
gradient_accumulation_steps: 1
learning_rate: 1.0e-4
lr_scheduler_type: cosine
warmup_ratio: 0.1
max_steps: {options.steps}
bf16: {str(is_narrow).lower()}
use_cpu: true
logging_steps: 1
save_strategy: "no"
report_to: none
overwrite_output_dir: true
overwrite_cache: true
output_dir: {output}
""")
    environment = dict(os.environ, PYTHONPATH=os.environ.get("STUBS", ""))
    result = subprocess.run([program, "train", output + ".yaml"], env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{name} failed:\n{result.stderr[-2000:]}")
    with open(os.path.join(output, "trainer_state.json")) as source:
        return [row["loss"] for row in json.load(source)["log_history"] if "loss" in row]


difference = {}
with tempfile.TemporaryDirectory() as work:
    for name, program in (("Fledge", options.fledge), ("LLaMA-Factory", factory)):
        wide = losses(program, name + "-float32", options.float32_folder, False, work)
        narrow = losses(program, name + "-bfloat16", options.bfloat16_folder, True, work)
        assert len(wide) == len(narrow) == options.steps, (len(wide), len(narrow))
        difference[name] = sum(abs(a - b) for a, b in zip(wide, narrow)) / len(wide)
        print(f"{name}: mean loss {sum(wide) / len(wide):.4f} in float32, {sum(narrow) / len(narrow):.4f} in "
              f"bfloat16, mean absolute difference {difference[name]:.5f}", flush=True)
print(f"ratio of the differences: {difference['Fledge'] / difference['LLaMA-Factory']:.2f}")
