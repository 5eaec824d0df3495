"""Fledge and LLaMA-Factory by turns on the same file: LoRA of SmolLM2 on demonstration data.

Usage: factory.py FLEDGE BFLOAT16_FOLDER DATA_FOLDER [--stage sft] [--pairs 3] [--steps 8] [--row]

The keys are those of the reference's own examples (batches of 1, accumulation 8, bf16, its defaults
for the rest); speed is what each writes into its train_results.json. DATA_FOLDER is what
Scripts/fetch-reference-data.sh prints. See recipe.py for what LLaMA-Factory needs.
"""
import argparse, json, os, statistics, tempfile

from recipe import factory, train

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("model")
parser.add_argument("data")
parser.add_argument("--stage", choices=["pt", "sft", "rm", "dpo", "kto"], default="sft")
parser.add_argument("--pairs", type=int, default=3)
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--row", action="store_true", help="print a row of table.py's")
options = parser.parse_args()

dataset = dict(pt="c4_demo", sft="alpaca_en_demo", rm="dpo_en_demo", dpo="dpo_en_demo", kto="kto_en_demo")[
    options.stage]
# Pre-training makes blocks of exactly this length; pairs are longer than most instructions.
cutoff = 2048 if options.stage == "sft" else 1024


def run(program, output):
    """Samples a second and the peak memory in MiB."""
    memory = train(program, output, options.model, options.data, stage=options.stage, dataset=dataset,
                   cutoff_len=cutoff, gradient_accumulation_steps=8, max_steps=options.steps, bf16="true")
    with open(os.path.join(output, "train_results.json")) as source:
        return options.steps * 8 / json.load(source)["train_runtime"], memory


pairs = []
with tempfile.TemporaryDirectory() as work:
    for _ in range(options.pairs):
        pairs.append((run(options.fledge, work + "/fledge"), run(factory, work + "/factory")))
middle = lambda values: statistics.median(list(values))
rate = lambda side: middle(pair[side][0] for pair in pairs)
peak = lambda side: middle(pair[side][1] for pair in pairs)
ratio, memory = middle(o[0] / t[0] for o, t in pairs), middle(o[1] / t[1] for o, t in pairs)
if not options.row:
    print("| work | against | speed | ratio | peak memory | of it |")
    print("|---|---|---|---|---|---|")
print(f"| {options.stage}, LoRA on {dataset}, bf16 | LLaMA-Factory | {rate(0):.2f} to {rate(1):.2f} samples/s "
      f"| {ratio:.2f}× | {peak(0):.0f} to {peak(1):.0f} MiB | {memory:.0%} |")
