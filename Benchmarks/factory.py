"""Fledge and LLaMA-Factory by turns on the same file: LoRA SFT of SmolLM2 on alpaca_en_demo.

Usage: factory.py FLEDGE BFLOAT16_FOLDER DATA_FOLDER [--pairs 3] [--steps 8] [--row]

The keys are those of the reference's own examples (batches of 1, accumulation 8, bf16, its defaults
for the rest); speed is what each writes into its train_results.json. DATA_FOLDER is what
Scripts/fetch-reference-data.sh prints. llamafactory-cli is taken from beside this Python; STUBS may
name a folder with an empty torchaudio module (Scripts/reference/requirements.txt).
"""
import argparse, json, os, statistics, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("model")
parser.add_argument("data")
parser.add_argument("--pairs", type=int, default=3)
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--row", action="store_true", help="print a row of table.py's")
options = parser.parse_args()
factory = os.path.join(os.path.dirname(sys.executable), "llamafactory-cli")

configuration = f"""
model_name_or_path: {os.path.abspath(options.model)}
template: smollm2
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: alpaca_en_demo
dataset_dir: {os.path.abspath(options.data)}
cutoff_len: 2048
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
lr_scheduler_type: cosine
warmup_ratio: 0.1
max_steps: {options.steps}
bf16: true
use_cpu: true
logging_steps: 1
save_strategy: "no"
report_to: none
overwrite_output_dir: true
overwrite_cache: true
"""


def run(command, work, name):
    """Samples a second and the peak memory in MiB of the largest process."""
    file, output = os.path.join(work, name + ".yaml"), os.path.join(work, name)
    with open(file, "w") as target:
        target.write(configuration + f"output_dir: {output}\n")
    environment = dict(os.environ, PYTHONPATH=os.environ.get("STUBS", ""))
    # A process of its own reports the peak of its children.
    wrapper = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], "
               "stdout=subprocess.DEVNULL, stderr=open(sys.argv[-1] + '.log', 'w')); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    result = subprocess.run(
        [sys.executable, "-c", wrapper, *command, "train", file], env=environment,
        capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{name} failed:\n" + open(file + ".log").read()[-2000:])
    with open(os.path.join(output, "train_results.json")) as source:
        seconds = json.load(source)["train_runtime"]
    return options.steps * 8 / seconds, int(result.stdout.split()[-1]) / 1024


pairs = []
with tempfile.TemporaryDirectory() as work:
    for _ in range(options.pairs):
        pairs.append((run([options.fledge], work, "fledge"), run([factory], work, "factory")))
middle = lambda values: statistics.median(list(values))
rate = lambda side: middle(pair[side][0] for pair in pairs)
peak = lambda side: middle(pair[side][1] for pair in pairs)
ratio, memory = middle(o[0] / t[0] for o, t in pairs), middle(o[1] / t[1] for o, t in pairs)
if not options.row:
    print("| work | against | speed | ratio | peak memory | of it |")
    print("|---|---|---|---|---|---|")
print(f"| LoRA SFT on alpaca_en_demo, bf16 | LLaMA-Factory | {rate(0):.2f} to {rate(1):.2f} samples/s "
      f"| {ratio:.2f}× | {peak(0):.0f} to {peak(1):.0f} MiB | {memory:.0%} |")
