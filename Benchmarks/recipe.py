"""One training of SmolLM2 on demonstration data, by `fledge train` or `llamafactory-cli train`.

llamafactory-cli is taken from beside this Python; STUBS may name a folder with an empty torchaudio
module (Scripts/reference/requirements.txt).
"""
import os, subprocess, sys

factory = os.path.join(os.path.dirname(sys.executable), "llamafactory-cli")

# A process of its own reports the peak of its children.
measured = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")


def train(program, output, model, data, **keys):
    """Trains into the folder `output`; returns the peak memory in MiB of the largest process.

    LoRA SFT on alpaca_en_demo where `keys` say nothing else.
    """
    defaults = dict(
        model_name_or_path=os.path.abspath(model), template="smollm2", stage="sft", do_train="true",
        finetuning_type="lora", lora_rank=8, lora_target="all", dataset="alpaca_en_demo",
        dataset_dir=os.path.abspath(data), per_device_train_batch_size=1, learning_rate="1.0e-4",
        lr_scheduler_type="cosine", warmup_ratio=0.1, use_cpu="true", logging_steps=1, save_strategy='"no"',
        report_to="none", overwrite_output_dir="true", overwrite_cache="true", output_dir=output)
    keys = {**defaults, **keys}
    with open(output + ".yaml", "w") as target:
        target.writelines(f"{key}: {value}\n" for key, value in keys.items())
    result = subprocess.run(
        [sys.executable, "-c", measured, program, "train", output + ".yaml"],
        env=dict(os.environ, PYTHONPATH=os.environ.get("STUBS", "")), capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{program} failed:\n{result.stderr[-2000:]}")
    return int(result.stdout.split()[-1]) / 1024
