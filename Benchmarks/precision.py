"""How far bfloat16 runs stray from float32, in Fledge and in LLaMA-Factory: LoRA SFT of SmolLM2.

Usage: precision.py FLEDGE FLOAT32_FOLDER BFLOAT16_FOLDER DATA_FOLDER [--steps 200]

Each program trains twice on the same samples in the same order, in float32 and with `bf16: true`, one
sample a step. Prints the mean absolute difference of the losses of each program's two runs. DATA_FOLDER
is what Scripts/fetch-reference-data.sh prints. See recipe.py for what LLaMA-Factory needs.
"""
import argparse, json, os, tempfile

from recipe import factory, train

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("float32_folder")
parser.add_argument("bfloat16_folder")
parser.add_argument("data")
parser.add_argument("--steps", type=int, default=200)
options = parser.parse_args()


def losses(program, output, folder, bf16):
    train(program, output, folder, options.data, cutoff_len=512, gradient_accumulation_steps=1,
          max_steps=options.steps, bf16=bf16)
    with open(os.path.join(output, "trainer_state.json")) as source:
        return [row["loss"] for row in json.load(source)["log_history"] if "loss" in row]


difference = {}
with tempfile.TemporaryDirectory() as work:
    for name, program in (("Fledge", options.fledge), ("LLaMA-Factory", factory)):
        wide = losses(program, f"{work}/{name}-float32", options.float32_folder, "false")
        narrow = losses(program, f"{work}/{name}-bfloat16", options.bfloat16_folder, "true")
        assert len(wide) == len(narrow) == options.steps, (len(wide), len(narrow))
        difference[name] = sum(abs(a - b) for a, b in zip(wide, narrow)) / len(wide)
        print(f"{name}: mean loss {sum(wide) / len(wide):.4f} in float32, {sum(narrow) / len(narrow):.4f} in "
              f"bfloat16, mean absolute difference {difference[name]:.5f}", flush=True)
print(f"ratio of the differences: {difference['Fledge'] / difference['LLaMA-Factory']:.2f}")
