"""The table of the README: Fledge and its peers by turns on the same inputs and the same machine.

Usage: table.py [ROW …] [--pairs 3]

Rows: lora512 lora2048 alpaca pt rm dpo kto pairs rollout ppo ppo8 grpo float32 full qlora limit decode context;
and qwen2.5-0.5b qwen3-0.6b gemma-3-1b qwen3.5-0.8b, models of those shapes with random weights that shapes.py writes
into the folder SHAPES; all when none is named.
Run by `make bench`, which sets the paths by environment variables: BENCHMARKS (folder of the built
benchmarks), GGUF (SmolLM2), FLEDGE (the command line), DATA (what Scripts/fetch-reference-data.sh
prints). Peers are measured where this Python has torch
and peft, and FLOAT32_FOLDER and BFLOAT16_FOLDER hold the expanded model; llama.cpp where it has
llama_cpp; those of policies where TRL_PYTHON and TRL096_PYTHON name Pythons with Scripts/reference/requirements-trl.txt
and requirements-trl096.txt. Ratios are medians over pairs of runs that follow each other.
"""
import argparse, ctypes, functools, importlib.util, json, os, statistics, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
benchmarks, gguf = os.environ["BENCHMARKS"], os.environ["GGUF"]
folders = {"float32": os.environ.get("FLOAT32_FOLDER"), "bfloat16": os.environ.get("BFLOAT16_FOLDER")}


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{command[0]} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def step(dtype, length, *flags, steps=5):
    return run(benchmarks + "/StepBenchmark", gguf, dtype, length, steps, 2, *flags)


def loop(dtype, length, *flags, steps=4, folder=None, warmup=2):
    return run(sys.executable, here + "/reference/loop.py", folder or folders[dtype], "--dtype", dtype, "--length",
               length, "--steps", steps, "--warmup", warmup, *flags)


def best_eager(dtype, length, folder=None, steps=2):
    """The flags of the fastest eager loop, each tried once."""
    variants = [(), ("--fused",), ("--fused", "--keep-input"), ("--fused", "--bf16-adapters")]
    return max(variants, key=lambda flags: loop(
        dtype, length, *flags, folder=folder, steps=steps, warmup=1)["tokens_per_second"])


def against_loops(work, length, ours, folder=None, steps=4):
    """LoRA in bfloat16 by turns with the fastest eager loop, and the compiled one beside it."""
    flags = best_eager("bfloat16", length, folder)
    named = "".join(" " + flag for flag in flags)
    versus(work, f"PyTorch + peft, eager, the fastest:{named or ' plain'}", ours,
           lambda: loop("bfloat16", length, *flags, folder=folder, steps=steps))
    if options.compiled:
        row = loop("bfloat16", length, *flags, "--compile", folder=folder, steps=steps, warmup=3)
        alone(f"PyTorch + peft, the same, compiled, {length} tokens",
              f"{row['tokens_per_second']:.0f} tokens/s after {row['compile_seconds']:.0f} s",
              f"{row['peak_mib']:.0f} MiB")


def middle(values):
    return statistics.median(list(values))


def versus(work, peer, ours, theirs, unit="tokens/s"):
    """A row from pairs of runs by turns."""
    pairs = [(ours(), theirs()) for _ in range(options.pairs)]
    rate = lambda side: middle(pair[side]["tokens_per_second"] for pair in pairs)
    peak = lambda side: middle(pair[side]["peak_mib"] for pair in pairs)
    ratio = middle(a["tokens_per_second"] / b["tokens_per_second"] for a, b in pairs)
    memory = middle(a["peak_mib"] / b["peak_mib"] for a, b in pairs)
    print(f"| {work} | {peer} | {rate(0):.0f} to {rate(1):.0f} {unit} | {ratio:.2f}× "
          f"| {peak(0):.0f} to {peak(1):.0f} MiB | {memory:.0%} |", flush=True)


def alone(work, figures, memory=""):
    print(f"| {work} | itself | {figures} | | {memory} | |", flush=True)


def lora512():
    against_loops("LoRA, bfloat16, 512 tokens", 512, lambda: step("bfloat16", 512))


def lora2048():
    against_loops("LoRA, bfloat16, 2048 tokens", 2048, lambda: step("bfloat16", 2048, steps=2), steps=2)


def peak():
    """The most that products of a step's sizes reach, in operations a second."""
    output = subprocess.run(
        [benchmarks + "/KernelBenchmark", "--filter", "product \\d+x\\d+x\\d+ bfloat16", "--format", "json", "--quiet"],
        check=True, capture_output=True, text=True).stdout
    rates = []
    for row in json.loads(output)["benchmarks"]:
        sizes = [int(size) for size in row["name"].split()[1].split("x")]
        rates.append(2 * sizes[0] * sizes[1] * sizes[2] / (row["time"] * 1e-9))
    return max(rates)


def shape(name):
    """Steps on a model of a published shape with random weights (shapes.py)."""
    folder = os.path.join(os.environ.get("SHAPES", ""), name)
    with open(folder + "/config.json") as file:
        config = json.load(file)
    for length in (512, 2048):
        rates = []

        def ours():
            row = run(benchmarks + "/StepBenchmark", folder, "bfloat16", length, 3, 1)
            rates.append(row["tokens_per_second"] * row["product_operations"])
            return row

        against_loops(f"LoRA, bfloat16, shape of {name}, {length} tokens", length, ours, folder=folder, steps=2)
        alone(f"frozen matrices' products of it, as a part of what products reach, {length} tokens",
              f"{middle(rates) / peak():.0%}")


def float32():
    versus("LoRA, float32, 512 tokens", "PyTorch + peft, float32",
           lambda: step("float32", 512), lambda: loop("float32", 512))


def full():
    versus("full, bfloat16, 1024 tokens", "PyTorch, bfloat16",
           lambda: step("bfloat16", 1024, "--full", steps=3), lambda: loop("bfloat16", 1024, "--full", steps=3))


def qlora():
    versus("QLoRA (NF4), 512 tokens", "Fledge's LoRA, bfloat16",
           lambda: step("bfloat16", 512, "--nf4"), lambda: step("bfloat16", 512))


def factory(stage, steps):
    """Both programs on the same rows."""
    print(subprocess.run(
        [sys.executable, here + "/factory.py", os.environ["FLEDGE"], folders["bfloat16"], os.environ["DATA"],
         "--stage", stage, "--steps", str(steps), "--pairs", str(options.pairs), "--row"], check=True,
        capture_output=True, text=True).stdout.strip(), flush=True)


def alpaca():
    factory("sft", 8)


def pt():
    factory("pt", 2)


def rm():
    factory("rm", 2)


def dpo():
    factory("dpo", 2)


def kto():
    factory("kto", 2)


def pairs():
    """A DPO step on pairs whose prompt is computed once, and the same with one pass for each answer."""
    versus("dpo, 512 + 64 + 64 tokens, prompts computed once", "the same, each answer by itself",
           lambda: step("bfloat16", 512, "--pairs"), lambda: step("bfloat16", 512, "--pairs", "--unshared"))


def policy(work, peer, name, python, script, *flags):
    """Rollouts, or steps with rollouts in them; tokens are those of answers."""
    versus(work, peer, lambda: run(benchmarks + "/RolloutBenchmark", gguf, name),
           lambda: run(os.environ[python], f"{here}/reference/{script}.py", folders["bfloat16"], *flags))


def rollout():
    policy("8 answers of 64 tokens, bfloat16", "transformers' generate", "generate", "TRL_PYTHON", "generate")


def ppo():
    policy("ppo, 8 answers of 64 tokens, 4 epochs, bfloat16", "trl 0.9.6, one answer at a time", "ppo",
           "TRL096_PYTHON", "ppo", "--batch", 1)


def ppo8():
    policy("ppo, 8 answers of 64 tokens, 4 epochs, bfloat16", "trl 0.9.6, all answers at once", "ppo",
           "TRL096_PYTHON", "ppo", "--batch", 8)


def grpo():
    policy("grpo, 2 × 8 answers of 64 tokens, bfloat16", "trl 1.16.0, without recomputation", "grpo", "TRL_PYTHON",
           "grpo")


def limit():
    """The time that a step's products take by themselves, as a part of the step's."""
    fractions = []
    for _ in range(options.pairs):
        seconds = {}
        output = subprocess.run(
            [benchmarks + "/KernelBenchmark", "--filter", "product \\d+x\\d+x\\d+ bfloat16", "--format", "json",
             "--quiet"], check=True, capture_output=True, text=True).stdout
        for row in json.loads(output)["benchmarks"]:
            seconds[row["name"].split()[1]] = row["time"] * 1e-9
        # Forward and activation gradient have each other's sizes; the head takes two runs of rows.
        calls = {"512x576x576": 120, "512x576x192": 60, "512x192x576": 60, "512x576x1536": 90, "512x1536x576": 90,
                 "256x576x49152": 2, "256x49152x576": 2}
        products = sum(count * seconds[name] for name, count in calls.items())
        fractions.append(products * step("bfloat16", 512)["tokens_per_second"] / 512)
    alone("frozen matrices' products by themselves, of a LoRA step, bfloat16, 512 tokens", f"{middle(fractions):.0%}")


def context():
    rows = [step("bfloat16", length, steps=2) for length in (512, 1024, 2048, 4096, 8192)]
    # Products of frozen matrices, and attention's seven with half the keys.
    work = lambda length: 0.5512 + length / 2 * 576 * 4 * 3.5 * 30 * 1e-9
    alone("LoRA, bfloat16, 512, 1024, 2048, 4096 and 8192 tokens",
          ", ".join(f"{row['tokens_per_second']:.0f}" for row in rows) + " tokens/s, "
          + ", ".join(f"{row['tokens_per_second'] * work(row['length']):.0f}" for row in rows) + " GFLOP/s",
          ", ".join(f"{row['peak_mib']:.0f}" for row in rows) + " MiB")


def decode():
    """Greedy decoding; llama.cpp writes the file in each form itself."""
    import llama_cpp

    for name, number in (("BF16", 32), ("Q8_0", 7), ("Q4_1", None), ("Q4_K_M", 15)):
        with tempfile.TemporaryDirectory() as work:
            file = gguf
            if number:
                file = work + "/model.gguf"
                parameters = llama_cpp.llama_model_quantize_default_params()
                parameters.ftype, parameters.allow_requantize, parameters.nthread = number, True, 2
                if llama_cpp.llama_model_quantize(gguf.encode(), file.encode(), ctypes.byref(parameters)):
                    sys.exit(f"llama.cpp could not write {name}")
            versus(f"greedy decoding, {name}", "llama.cpp",
                   lambda: run(benchmarks + "/DecodeBenchmark", file, "blocks", 64, 3),
                   lambda: run(sys.executable, here + "/reference/decode.py", file, 64, 3))


shapes = ("qwen2.5-0.5b", "qwen3-0.6b", "gemma-3-1b", "qwen3.5-0.8b")
rows = dict(lora512=lora512, lora2048=lora2048, alpaca=alpaca, pt=pt, rm=rm, dpo=dpo, kto=kto, pairs=pairs,
            rollout=rollout, ppo=ppo, ppo8=ppo8, grpo=grpo, float32=float32, full=full, qlora=qlora, limit=limit,
            decode=decode, context=context, **{name: functools.partial(shape, name) for name in shapes})
parser = argparse.ArgumentParser()
parser.add_argument("rows", nargs="*", choices=[*rows, []])
parser.add_argument("--pairs", type=int, default=3)
parser.add_argument("--compiled", action="store_true", help="also the loop under torch.compile, minutes a row")
options = parser.parse_args()
has_peft, has_llama, has_factory = (
    importlib.util.find_spec(name) is not None for name in ("peft", "llama_cpp", "llamafactory"))
print("| work | against | speed | ratio | peak memory | of it |")
print("|---|---|---|---|---|---|")
for name in options.rows or rows:
    factory_rows = ("alpaca", "pt", "rm", "dpo", "kto")
    needs_peer = name in ("lora512", "lora2048", "float32", "full", *factory_rows)
    needed = {"rollout": "TRL_PYTHON", "grpo": "TRL_PYTHON", "ppo": "TRL096_PYTHON", "ppo8": "TRL096_PYTHON"}.get(name)
    is_missing = needed is not None and not (os.environ.get(needed) and folders["bfloat16"])
    is_missing |= name in shapes and not (has_peft and os.path.exists(
        os.path.join(os.environ.get("SHAPES", ""), name, "config.json")))
    is_missing |= needs_peer and not (has_peft and all(folders.values()))
    is_missing |= (name == "decode" and not has_llama) or (name in factory_rows and not has_factory)
    if is_missing:
        print(f"skipped: {name}, which needs a peer that this Python does not have", file=sys.stderr)
        continue
    rows[name]()
