"""Folders of tokenised data between `datasets` and Fledge.

Usage: tokenized_folders.py OUTPUT_FOLDER             (Tests/DataTests/Fixtures/tokenized)
       tokenized_folders.py --read FOLDER ROWS.jsonl [SPLIT]

The first form writes folders as LLaMA-Factory's `tokenized_path` has them, made of numbers of no meaning, and
their rows as `rows.json`. The second one reads a folder that Fledge has written
(`fledge train … tokenized_path=FOLDER`) and compares it with `fledge preprocess … --output ROWS.jsonl`.
"""
import json, os, sys

from datasets import Dataset, DatasetDict, Features, List, Value, load_from_disk

IDS, MASK, LABELS = List(Value("int32")), List(Value("int8")), List(Value("int64"))
MEDIA = {name: Value("null") for name in ("images", "videos", "audios")}


def ids(i, extra=0):
    return [10 + (i * 13 + k * 7 + extra) % 90 for k in range(2 + (i + extra) % 9)]


def labelled(i, prefix="", extra=0):
    tokens = ids(i, extra)
    prompt = 1 + i % (len(tokens) - 1)
    return {prefix + "input_ids": tokens, prefix + "attention_mask": [1] * len(tokens),
            prefix + "labels": [-100] * prompt + tokens[prompt:]}


def features(*prefixes):
    result = {}
    for p in prefixes:
        result |= {p + "input_ids": IDS, p + "attention_mask": MASK, p + "labels": LABELS}
    return result


def packed(rows, length, neat):
    row = {"input_ids": [], "attention_mask": [], "position_ids": [], "labels": []}
    for number, sample in enumerate(rows):
        count = len(sample["input_ids"])
        row["input_ids"] += sample["input_ids"]
        row["labels"] += sample["labels"]
        row["position_ids"] += range(count)
        row["attention_mask"] += [number + 1 if neat else 1] * count
    rest = length - len(row["input_ids"])
    for name, value in [("input_ids", 0), ("attention_mask", 0 if neat else 1), ("position_ids", 0), ("labels", -100)]:
        row[name] += [value] * rest
    return row


def write(folder):
    rows = {}

    def save(name, splits, columns, **options):
        made = {split: Dataset.from_list([r | {m: None for m in MEDIA} for r in list_], features=Features(columns | MEDIA))
                for split, list_ in splits.items()}
        data = DatasetDict(made) if len(splits) > 1 else made["train"]
        data.save_to_disk(os.path.join(folder, name), **options)
        rows[name] = splits

    save("sft", {"train": [labelled(i) for i in range(12)], "validation": [labelled(i, extra=3) for i in range(4)]},
         features(""))
    save("pt", {"train": [{"input_ids": ids(i), "attention_mask": [1] * len(ids(i))} for i in range(5)]},
         {"input_ids": IDS, "attention_mask": MASK})
    save("dpo", {"train": [labelled(i, "chosen_") | labelled(i, "rejected_", 2) for i in range(6)]},
         features("chosen_", "rejected_"))
    save("kto", {"train": [labelled(i) | labelled(i, "kl_", 5) | {"kto_tags": i % 3 == 0} for i in range(6)]},
         features("", "kl_") | {"kto_tags": Value("bool")})
    whole = {"input_ids": IDS, "attention_mask": List(Value("int64")), "position_ids": List(Value("int64")), "labels": LABELS}
    for name, neat in [("neat", True), ("packed", False)]:
        groups = [[labelled(3 * g + k) for k in range(1 + g % 3)] for g in range(5)]
        save(name, {"train": [packed(g, 33, neat) for g in groups]}, whole)
    save("shards", {"train": [labelled(i) for i in range(12)]}, features(""), num_shards=3)
    with open(os.path.join(folder, "rows.json"), "w") as f:
        json.dump(rows, f, separators=(",", ":"))


def read(folder, rows, split="train"):
    data = load_from_disk(folder)[split]
    expected = [json.loads(line) for line in open(rows)]
    assert len(data) == len(expected), (len(data), len(expected))
    for index, (found, wanted) in enumerate(zip(data, expected)):
        wanted = {k: v for k, v in wanted.items() if not k.endswith("weights")}
        assert found == wanted, (index, found, wanted)
    print(f"{len(data)} rows are the same; columns: {', '.join(data.column_names)}")


if sys.argv[1] == "--read":
    read(*sys.argv[2:])
else:
    write(sys.argv[1])
