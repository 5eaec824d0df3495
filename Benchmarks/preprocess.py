"""Preprocessing: rows from files to ids and labels, by turns with LLaMA-Factory and two workers.

Usage: preprocess.py [--pairs 3]

Run by `make bench`, which sets BENCHMARKS, GGUF and DATA; this Python needs LLaMA-Factory, STUBS the folder of
an empty torchaudio module, and BFLOAT16_FOLDER SmolLM2 as a Hugging Face folder. On both sides the loading
and tokenising of the rows is timed, with nothing cached: not the start of the program, nor that of the
tokenizer.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

CASES = [("sft", "alpaca_en_demo"), ("rm", "dpo_en_demo"), ("pt", "c4_demo")]


def reference(stage, dataset, model, data):
    import shutil

    os.environ.update(DISABLE_VERSION_CHECK="1", HF_HUB_OFFLINE="1")
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    folder = tempfile.mkdtemp()
    model_args, data_args, training_args, _, _ = get_train_args(dict(
        model_name_or_path=model, dataset_dir=data, output_dir=folder, do_train=True, stage=stage,
        dataset=dataset, template="smollm2", finetuning_type="lora", overwrite_cache=True,
        preprocessing_num_workers=2, report_to="none", use_cpu=True, cache_dir=folder))
    tokenizer = load_tokenizer(model_args)["tokenizer"]
    template = get_template_and_fix_tokenizer(tokenizer, data_args)
    start = time.perf_counter()
    module = get_dataset(template, model_args, data_args, training_args, stage, tokenizer, None)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder, ignore_errors=True)
    print("RESULT", json.dumps(dict(seconds=seconds, rows=len(module["train_dataset"]))))


def fledge(stage, dataset):
    return json.loads(subprocess.run(
        [os.environ["BENCHMARKS"] + "/PreprocessBenchmark", "model_name_or_path=" + os.environ["GGUF"],
         "dataset=" + dataset, "dataset_dir=" + os.environ["DATA"], "stage=" + stage, "template=smollm2",
         "do_train=true", "reference_quirks=all", "output_dir=unused"],
        check=True, capture_output=True, text=True).stdout)


def peer(stage, dataset):
    environment = dict(os.environ, PYTHONPATH=os.environ.get("STUBS", ""))
    output = subprocess.run(
        [sys.executable, __file__, "--reference", stage, dataset, os.environ["BFLOAT16_FOLDER"], os.environ["DATA"]],
        check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(output.rsplit("RESULT ", 1)[1].splitlines()[0])


if sys.argv[1:2] == ["--reference"]:
    reference(*sys.argv[2:6])
    sys.exit()
parser = argparse.ArgumentParser()
parser.add_argument("--pairs", type=int, default=3)
pairs = parser.parse_args().pairs
print("| preprocessing | rows | Fledge to LLaMA-Factory, s | ratio |")
print("|---|---|---|---|")
totals = []
for stage, dataset in CASES:
    runs = [(fledge(stage, dataset), peer(stage, dataset)) for _ in range(pairs)]
    # Each of the reference's workers leaves out the rest that fills no block.
    assert all(abs(ours["rows"] - theirs["rows"]) <= (stage == "pt") for ours, theirs in runs), runs[0]
    ours, theirs = (statistics.median(run[i]["seconds"] for run in runs) for i in (0, 1))
    totals.append([(ours["seconds"], theirs["seconds"]) for ours, theirs in runs])
    ratio = statistics.median(b["seconds"] / a["seconds"] for a, b in runs)
    print(f"| {stage}, {dataset} | {runs[0][0]['rows']} | {ours:.3f} to {theirs:.2f} | {ratio:.1f}× |", flush=True)
sums = [[sum(case[i][side] for case in totals) for side in (0, 1)] for i in range(pairs)]
print(f"| all three | | {statistics.median(s[0] for s in sums):.3f} to {statistics.median(s[1] for s in sums):.2f} | "
      f"{statistics.median(s[1] / s[0] for s in sums):.1f}× |")
