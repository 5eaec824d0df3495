"""Runs the reference's data pipeline and writes one digest per processed row.

Usage: stage_rows.py MODEL_FOLDER DATA_FOLDER OUTPUT_FILE

MODEL_FOLDER holds SmolLM2's tokenizer, DATA_FOLDER LLaMA-Factory's demonstration data, whose licences
do not allow to commit rows or ids made from them. A digest is the first 16 hexadecimal digits of
SHA-256 over the row's columns of numbers, in the order of COLUMNS, as little-endian int32.
"""
import hashlib, json, os, struct, sys

os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.data import template as templates
from llamafactory.hparams import get_train_args
from llamafactory.model import load_tokenizer
import copy, tempfile

CASES = [
    dict(dataset="alpaca_en_demo", template="smollm2", cutoff_len=2048),
    dict(dataset="alpaca_en_demo", template="smollm2", cutoff_len=64),
    dict(dataset="alpaca_en_demo", template="chatml", cutoff_len=1024, train_on_prompt=True, max_samples=300),
    dict(dataset="alpaca_zh_demo", template="chatml", cutoff_len=512),
    dict(dataset="identity", template="chatml", cutoff_len=1024),
    dict(dataset="glaive_toolcall_en_demo", template="chatml", cutoff_len=2048),
    dict(dataset="glaive_toolcall_en_demo", template="qwen", cutoff_len=512, mask_history=True),
    dict(dataset="glaive_toolcall_en_demo", template="qwen", cutoff_len=300, tool_format="default"),
    dict(dataset="glaive_toolcall_en_demo", template="solar", cutoff_len=700, mask_history=True),
    dict(dataset="glaive_toolcall_en_demo", template="solar", cutoff_len=700),
    dict(dataset="glaive_toolcall_en_demo", template="qwen3", cutoff_len=1024),
    dict(dataset="glaive_toolcall_en_demo", template="qwen3", cutoff_len=1024, mask_history=True, enable_thinking=False),
    dict(dataset="glaive_toolcall_en_demo", template="mistral", cutoff_len=1024, max_samples=100),
    dict(dataset="glaive_toolcall_en_demo", template="llama2", cutoff_len=1024, max_samples=100),
    dict(dataset="glaive_toolcall_en_demo", template="default", cutoff_len=1024, max_samples=100, default_system="Be brief."),
    dict(dataset="alpaca_en_demo", template="vicuna", cutoff_len=256, max_samples=200, val_size=0.1),
    dict(dataset="alpaca_en_demo,identity,glaive_toolcall_en_demo", template="chatml", cutoff_len=128, max_samples=60,
         mix_strategy="interleave_over", interleave_probs="0.5,0.2,0.3"),
    dict(dataset="alpaca_en_demo", template="chatml", cutoff_len=512, packing=True, neat_packing=True),
    dict(dataset="alpaca_zh_demo", template="qwen3", cutoff_len=300, packing=True, preprocessing_batch_size=100),
    dict(dataset="glaive_toolcall_zh_demo", template="qwen", cutoff_len=2048),
    dict(dataset="glaive_toolcall_zh_demo", template="glm4_moe", cutoff_len=1024, mask_history=True),
    dict(stage="pt", dataset="c4_demo", template="default", cutoff_len=512),
    dict(stage="pt", dataset="wiki_demo,c4_demo", template="default", cutoff_len=1024, packing=True),
    dict(stage="pt", dataset="c4_demo", template="chatml", cutoff_len=256, preprocessing_batch_size=50, val_size=0.1),
    dict(stage="pt", dataset="wiki_demo", template="default", cutoff_len=2048, packing=False),
    dict(stage="rm", dataset="dpo_en_demo", template="smollm2", cutoff_len=1024),
    dict(stage="dpo", dataset="dpo_en_demo", template="qwen3", cutoff_len=256),
    dict(stage="dpo", dataset="dpo_zh_demo", template="solar", cutoff_len=700, val_size=0.1),
    dict(stage="dpo", dataset="dpo_en_demo,dpo_zh_demo", template="qwen3", cutoff_len=2048, max_samples=60,
         enable_thinking=False, mix_strategy="interleave_under"),
    dict(stage="kto", dataset="kto_en_demo", template="smollm2", cutoff_len=1024),
    dict(stage="kto", dataset="kto_en_demo", template="qwen3", cutoff_len=200, preprocessing_batch_size=40),
    dict(stage="kto", dataset="kto_en_demo", template="solar", cutoff_len=500, val_size=0.2),
    dict(stage="ppo", dataset="alpaca_en_demo", template="chatml", cutoff_len=128, max_samples=400),
    dict(stage="ppo", dataset="glaive_toolcall_en_demo,identity", template="qwen3", cutoff_len=900),
    dict(stage="ppo", dataset="alpaca_zh_demo", template="solar", cutoff_len=64, max_samples=200),
]

# The columns that count, as far as a row has them.
COLUMNS = [
    "input_ids", "labels", "position_ids", "chosen_input_ids", "chosen_labels", "rejected_input_ids",
    "rejected_labels", "kl_input_ids", "kl_labels",
]


def digest(*columns):
    value = hashlib.sha256()
    for column in columns:
        value.update(struct.pack(f"<{len(column)}i", *column))
    return value.hexdigest()[:16]


def rows(dataset):
    result = []
    for row in dataset:
        columns = [row[name] for name in COLUMNS if name in row]
        if "kto_tags" in row:
            columns.append([int(row["kto_tags"])])
        result.append(digest(*columns))
    return " ".join(result)


def main():
    model, data, output = sys.argv[1:4]
    pristine = copy.deepcopy(templates.TEMPLATES)
    cases = []
    for case in CASES:
        templates.TEMPLATES.clear()
        templates.TEMPLATES.update(copy.deepcopy(pristine))
        stage = case.get("stage", "sft")
        more = dict(reward_model=model) if stage == "ppo" else {}
        with tempfile.TemporaryDirectory() as folder:
            arguments = get_train_args(dict(
                model_name_or_path=model, dataset_dir=data, output_dir=folder, do_train=True,
                finetuning_type="lora", overwrite_cache=True, seed=42, report_to="none", use_cpu=True, **more, **{"stage": "sft", **case}))
        model_args, data_args, training_args, _, _ = arguments
        training_args.log_level = "error"
        tokenizer = load_tokenizer(model_args)["tokenizer"]
        template = get_template_and_fix_tokenizer(tokenizer, data_args)
        module = get_dataset(template, model_args, data_args, training_args, "rm" if stage == "dpo" else stage, tokenizer, None)
        entry = dict(options=case, train=rows(module["train_dataset"]))
        if module.get("eval_dataset") is not None:
            entry["validation"] = rows(module["eval_dataset"])
        cases.append(entry)
        print(case, len(entry["train"].split()), file=sys.stderr)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(dict(reference="llamafactory 0.9.5", seed=42, cases=cases), file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
