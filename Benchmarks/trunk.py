"""What keeping the activations of frozen blocks saves: epochs of freeze training with and without it.

Usage: trunk.py FLEDGE MODEL_FOLDER [--rounds 3] [--epochs 2] [--rows 16] [--length 512] [--layers 4]

MODEL_FOLDER is SmolLM2-135M as a Hugging Face folder. Texts of random words fill blocks of `length` tokens, every
token is learned (stage: pt), in bfloat16, one block a step, and the last `layers` blocks are trained. Runs with
`cache_frozen_activations` and without alternate. Printed are the times of the epochs, the ratio of the second to the
first one of the same run, and whether all losses and the weights are the same bits as without. Exits with 1 when they
are not, or when the median ratio is above 0.58. Times mean something on a machine that does nothing else.
"""
import argparse, hashlib, json, os, random, statistics, subprocess, sys, tempfile

parser = argparse.ArgumentParser()
parser.add_argument("fledge")
parser.add_argument("model")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--rows", type=int, default=16, help="blocks of an epoch")
parser.add_argument("--length", type=int, default=512, help="tokens of a block")
parser.add_argument("--layers", type=int, default=4, help="last blocks that are trained")
parser.add_argument("--precision", default="bf16", choices=["bf16", "float32"])
options = parser.parse_args()

# Each is one token of SmolLM2's tokenizer with the space before it.
words = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea""".split()


def write_texts(folder):
    chance = random.Random(0)
    texts = [{"text": " ".join(chance.choice(words) for _ in range(options.length))} for _ in range(options.rows)]
    with open(f"{folder}/texts.json", "w") as file:
        json.dump(texts, file)
    with open(f"{folder}/dataset_info.json", "w") as file:
        json.dump({"texts": {"file_name": "texts.json", "columns": {"prompt": "text"}}}, file)


def train(folder, keeps):
    """Seconds of each epoch, everything that was logged of the losses, and the digest of the weights."""
    output = f"{folder}/{'kept' if keeps else 'plain'}"
    keys = {
        "model_name_or_path": os.path.abspath(options.model), "stage": "pt", "do_train": "true",
        "finetuning_type": "freeze", "freeze_trainable_layers": options.layers, "dataset": "texts",
        "dataset_dir": folder, "cutoff_len": options.length, "max_samples": options.rows,
        "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "num_train_epochs": options.epochs,
        "learning_rate": 1e-5, "logging_steps": 1, "save_strategy": "no", "output_dir": output,
        "overwrite_output_dir": "true", "resume_from_checkpoint": "false", "allowed_faults": "all",
        "cache_frozen_activations": str(keeps).lower()}
    if options.precision == "bf16":
        keys["bf16"] = "true"
    result = subprocess.run(
        [options.fledge, "train", *(f"{key}={value}" for key, value in keys.items())], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"fledge train failed:\n{result.stderr[-2000:]}")
    with open(output + "/trainer_log.jsonl") as file:
        lines = [json.loads(line) for line in file]
    steps = [line for line in lines if "loss" in line]
    perEpoch = len(steps) // options.epochs
    # The log tells tokens and their rate exactly, and the clock in whole seconds.
    clock = [0] + [line["total_tokens"] / line["throughput"] for line in steps[perEpoch - 1::perEpoch]]
    seconds = [after - before for before, after in zip(clock, clock[1:])]
    with open(output + "/trainer_state.json") as file:
        history = json.load(file)["log_history"]
    losses = [(entry["step"], entry["loss"], entry["grad_norm"]) for entry in history if "loss" in entry]
    with open(output + "/model.safetensors", "rb") as file:
        weights = hashlib.sha256(file.read()).hexdigest()
    with open(output + "/all_results.json") as file:
        kept = json.load(file).get("frozen_activation_bytes", 0)
    return seconds, (losses, weights), kept


ratios, plains, against = [], [], []
isEqual = True
print("| run | epochs in seconds | second / first | kept, MiB |\n|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    write_texts(folder)
    for _ in range(options.rounds):
        results = {}
        for keeps in (False, True):
            seconds, results[keeps], kept = train(folder, keeps)
            (ratios if keeps else plains).append(seconds[1] / seconds[0])
            if keeps:
                against.append(seconds[1] / before)
            before = seconds[1]
            print(f"| {'kept' if keeps else 'plain'} | {', '.join(f'{second:.2f}' for second in seconds)} "
                  f"| {seconds[1] / seconds[0]:.3f} | {kept / 2**20:.1f} |", flush=True)
        isEqual = isEqual and results[True] == results[False]
median = statistics.median(ratios)
print(f"Medians: second epoch / first {median:.3f} (without {statistics.median(plains):.3f}), "
      f"/ second without {statistics.median(against):.3f}. "
      f"Losses, gradient norms and weights are {'the same bits' if isEqual else 'DIFFERENT'}.")
sys.exit(not isEqual or median > 0.58)
