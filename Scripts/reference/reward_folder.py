"""Whether transformers scores the pairs of a data set as Fledge does, from the folder of a reward model that
`fledge export` wrote.

    fledge preprocess F.yaml stage=rm --output rows.jsonl
    fledge score F.yaml --output scores.jsonl
    fledge export F.yaml export_dir=EXPORTED
    python reward_folder.py EXPORTED rows.jsonl scores.jsonl
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

folder, rows, scores = sys.argv[1:4]
tokenizer = AutoTokenizer.from_pretrained(folder)
model, info = AutoModelForSequenceClassification.from_pretrained(
    folder, dtype=torch.float32, output_loading_info=True)
assert type(model).__name__ == model.config.architectures[0], type(model)
assert not info["missing_keys"], info
assert tokenizer.pad_token_id == model.config.pad_token_id
model.eval()
largest = 0.0
with open(rows, encoding="utf-8") as first, open(scores, encoding="utf-8") as second:
    for row, score in zip(map(json.loads, first), map(json.loads, second), strict=True):
        sides = ["chosen", "rejected"]
        ids = [row[side + "_input_ids"] for side in sides]
        longest = max(map(len, ids))
        # Both at once, so that padding is found.
        batch = torch.tensor([i + [tokenizer.pad_token_id] * (longest - len(i)) for i in ids])
        mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in ids])
        with torch.no_grad():
            logits = model(batch, attention_mask=mask).logits[:, 0]
        for side, logit in zip(sides, logits):
            difference = abs(float(logit) + model.config.fledge_score_bias - score[side])
            largest = max(largest, difference / max(1, abs(score[side])))
print("largest difference", largest)
assert largest < 1e-4
_, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
assert not info["missing_keys"], info
