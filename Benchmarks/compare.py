"""Fledge and a tuned PyTorch + peft loop by turns on the same machine: the table of the README.

Usage: compare.py STEP_BENCHMARK MODEL.gguf FLOAT32_FOLDER BFLOAT16_FOLDER [--length 512] [--pairs 3]

Needs Python with torch, transformers and peft (Scripts/reference/requirements.txt); the folders are
SmolLM2 expanded from the same GGUF. Ratios are medians over pairs of runs that follow each other.
"""
import argparse, json, os, statistics, subprocess, sys

parser = argparse.ArgumentParser()
parser.add_argument("benchmark")
parser.add_argument("gguf")
parser.add_argument("float32_folder")
parser.add_argument("bfloat16_folder")
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--pairs", type=int, default=3)
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--timeout", type=int, default=900)
options = parser.parse_args()
loop = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference", "loop.py")


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout)
    if result.returncode:
        sys.exit(f"{command[0]} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


print(f"| precision, {options.length} tokens | Fledge tokens/s | PyTorch tokens/s | ratio | Fledge peak | PyTorch peak | memory |")
print("|---|---|---|---|---|---|---|")
kernels = ""
for dtype, folder in (("float32", options.float32_folder), ("bfloat16", options.bfloat16_folder)):
    pairs = []
    # PyTorch without bfloat16 instructions takes minutes a step: one pair says it all.
    slow = dtype == "bfloat16" and "avx512_bf16" not in open("/proc/cpuinfo").read()
    count, steps, warmup = (1, 1, 1) if slow else (options.pairs, options.steps, 2)
    for _ in range(count):
        ours = run([options.benchmark, options.gguf, dtype, str(options.length), str(options.steps), "2"])
        theirs = run([sys.executable, loop, folder, "--dtype", dtype, "--length", str(options.length),
                      "--steps", str(steps), "--warmup", str(warmup)])
        pairs.append((ours, theirs))
        kernels = ours["kernels"]
    middle = lambda values: statistics.median(list(values))
    print(f"| {dtype} | {middle(o['tokens_per_second'] for o, _ in pairs):.0f} "
          f"| {middle(t['tokens_per_second'] for _, t in pairs):.0f} "
          f"| {middle(o['tokens_per_second'] / t['tokens_per_second'] for o, t in pairs):.2f}× "
          f"| {middle(o['peak_mib'] for o, _ in pairs):.0f} MiB | {middle(t['peak_mib'] for _, t in pairs):.0f} MiB "
          f"| {100 * middle(o['peak_mib'] / t['peak_mib'] for o, t in pairs):.0f}% |", flush=True)
print(f"\nkernels: {kernels}")
