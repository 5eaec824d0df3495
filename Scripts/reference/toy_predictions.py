"""Predictions of LLaMA-Factory on the specification's toy model, adapter and eight rows: answers with their
metrics (stage sft), and scores (stage rm); what ToyPredictionTests compares with.

    PYTHONPATH=STUBS python toy_predictions.py FOLDER

FOLDER is made; STUBS holds an empty torchaudio module, nltk, jieba and rouge_chinese.
"""
import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

folder = os.path.abspath(sys.argv[1])


def fill(name, shape):
    """x <- (1103515245 x + 12345) mod 2^31 from the sum of the name's bytes; u = x / 2^31 - 1/2."""
    x, values = sum(name.encode()), []
    for _ in range(torch.Size(shape).numel()):
        x = (1103515245 * x + 12345) % 2**31
        u = x / 2**31 - 0.5
        values.append(1 + 0.2 * u if "norm" in name else 0.4 * u)
    return torch.tensor(values, dtype=torch.float64).reshape(shape).float()


WORDS = ["<pad>", "<s>", "</s>", "<unk>"] + [chr(97 + i) for i in range(20)]
ROWS = [
    ("a b c", "d e f", "s"), ("g h", "i j k l", ""), ("b d f h j l", "a", ""), ("m n o p", "q r s t", "k"),
    ("t s r", "q p o n m", ""), ("c c d", "e e", ""), ("f a c e", "b e d", ""), ("l o g", "h i t", "")]


def write(name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


for name in ["model", "adapter", "data"]:
    os.makedirs(os.path.join(folder, name), exist_ok=True)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=24, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
    pad_token_id=0, tie_word_embeddings=False))
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.copy_(fill(name, tuple(parameter.shape)))
model.save_pretrained(folder + "/model")
added = [{"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
          "special": True} for i, w in enumerate(WORDS[:4])]
write("model/tokenizer.json", {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
    "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(WORDS)}, "unk_token": "<unk>"}})
write("model/tokenizer_config.json", {
    "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
    "tokenizer_class": "PreTrainedTokenizerFast"})
model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"],
                                         task_type="CAUSAL_LM"))
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.copy_(fill(name.replace(".default", ""), tuple(parameter.shape)))
model.save_pretrained(folder + "/adapter")
save_file({"v_head.summary.weight": fill("v_head.summary.weight", (1, 16)),
           "v_head.summary.bias": fill("v_head.summary.bias", (1,))},
          folder + "/adapter/value_head.safetensors", {"format": "pt"})
write("data/toy.json", [{"instruction": p, "input": "", "output": a, "system": s} for p, a, s in ROWS])
write("data/pairs.json", [{"instruction": p, "output": a, "rejected": " ".join(p.split()[::-1]), "system": s}
                          for p, a, s in ROWS])
write("data/dataset_info.json", {
    "toy": {"file_name": "toy.json", "columns": {
        "prompt": "instruction", "query": "input", "response": "output", "system": "system"}},
    "pairs": {"file_name": "pairs.json", "ranking": True, "columns": {
        "prompt": "instruction", "chosen": "output", "rejected": "rejected", "system": "system"}}})

from llamafactory.train.tuner import run_exp  # noqa: E402

for stage, more in [("sft", {"eval_dataset": "toy", "predict_with_generate": True, "do_sample": False,
                             "max_new_tokens": 8}),
                    ("rm", {"eval_dataset": "pairs"})]:
    output = folder + "/out-" + stage
    run_exp({
        "model_name_or_path": folder + "/model", "adapter_name_or_path": folder + "/adapter", "stage": stage,
        "template": "default", "dataset_dir": folder + "/data", "output_dir": output, "do_predict": True,
        "finetuning_type": "lora", "cutoff_len": 32, "per_device_eval_batch_size": 3, "report_to": "none",
        "overwrite_cache": True, **more})
    for name in ["generated_predictions.jsonl", "predict_results.json"]:
        with open(output + "/" + name, encoding="utf-8") as file:
            print(stage, name, file.read(), sep="\n")
