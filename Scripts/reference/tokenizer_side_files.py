#!/usr/bin/env python3
"""Makes folders of tokenizers with all kinds of files beside the vocabulary, and asks AutoTokenizer.

Writes Tests/TokenizeTests/Fixtures/side-files.json: for each folder its files (the vocabulary is that
of tiny.json: whole, with another list of added tokens, or as vocab.json with merges.txt) and the ids
that transformers gives to some texts, with its tokens for the beginning, the end and padding.

    python3 tokenizer_side_files.py

Versions: requirements.txt.
"""

import copy
import json
import pathlib
import tempfile

import transformers
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/TokenizeTests/Fixtures"
TEXTS = ["<|im_start|>user a<call>b</call> <x1> <x2> c", "in <|im_end|> the <image> it<|endoftext|>",
         "the<think>in</think>it <s> </s>", "<tool> <tool>the in", "the 1234 I'VE Cafe\u0301"]


def base():
    fixture = json.loads((FIXTURES / "tiny.json").read_text())
    data = fixture["base"]
    for key, value in fixture["variants"]["smollm"].items():
        data[key] = {**data["model"], **value} if key == "model" else value
    return data


def flags(content, **more):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": False,
            "single_word": False, "special": True, **more}


def typed(content, **more):
    return {"__type": "AddedToken", **flags(content, **more)}


def unmarked(content, **more):
    return {key: value for key, value in flags(content, **more).items() if key != "special"}


def folders(data):
    listed = data["added_tokens"]
    count = max([*data["model"]["vocab"].values(), *(token["id"] for token in listed)]) + 1
    decoder = {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in listed}
    fast = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}

    def changed(**more):
        result = copy.deepcopy(decoder)
        for key, values in more.items():
            next(t for t in result.values() if t["content"] == f"<|{key}|>").update(values)
        return result

    def config(**more):
        return {"tokenizer_config.json": {**fast, **more}}

    yield "nothing beside it", listed, {}
    yield "a plain configuration", listed, config()
    yield "added_tokens.json", listed, {
        **config(), "added_tokens.json": {"<call>": count, "</call>": count + 1}}
    yield "added_tokens.json, other ids", listed, {
        **config(), "added_tokens.json": {"</call>": count + 7, "<call>": count + 3}}
    yield "added_tokens.json with named tokens", listed, {
        **config(pad_token="<call>", extra_special_tokens=["</call>"]),
        "added_tokens.json": {"<call>": count, "</call>": count + 1, "<x1>": count + 2}}
    yield "added_tokens.json beside a decoder", listed, {
        **config(added_tokens_decoder=decoder), "added_tokens.json": {"<call>": count}}
    yield "a decoder with flags", listed, config(
        added_tokens_decoder=changed(im_end={"lstrip": True, "rstrip": True}))
    yield "a decoder with a word", listed, config(
        added_tokens_decoder={**decoder, str(count): flags("<tool>", special=False, single_word=True)})
    yield "a decoder of the vocabulary's words", listed, config(
        added_tokens_decoder={**decoder, str(data["model"]["vocab"]["in"]): flags("in")})
    yield "a decoder with gaps", listed, config(
        added_tokens_decoder={**decoder, str(count + 5): flags("<x1>"), str(count + 2): flags("<x2>")})
    yield "a list of further tokens", listed, config(
        extra_special_tokens=[typed("<x1>", lstrip=True), "<x2>"])
    yield "the older list", listed, config(additional_special_tokens=["<x2>", "<x1>", "<|im_start|>"])
    yield "both lists", listed, config(
        extra_special_tokens=["<x2>"], additional_special_tokens=["<x1>"])
    yield "named further tokens", listed, config(
        extra_special_tokens={"image_token": "<image>", "call_token": "<call>"})
    yield "the older list as names", listed, config(
        additional_special_tokens={"image_token": "<image>"})
    yield "tokens of the model", listed, config(
        model_specific_special_tokens={"image_token": "<image>", "other_token": "<x1>"})
    yield "tokens of the model and a key", listed, config(
        model_specific_special_tokens={"image_token": "<image>"}, call_token="<call>")
    yield "keys of the model", listed, config(image_token="<image>", boi_token=typed("<x1>", rstrip=True))
    yield "special_tokens_map.json", listed, {
        **config(), "special_tokens_map.json": {
            "bos_token": flags("<s>", lstrip=True), "eos_token": "</s>",
            "additional_special_tokens": ["<x1>", "<x2>"]}}
    yield "special_tokens_map.json with a list", listed, {
        **config(extra_special_tokens=["<x2>"]), "special_tokens_map.json": {
            "extra_special_tokens": [unmarked("<x1>", rstrip=True), "<x2>"], "image_token": "<image>"}}
    yield "special_tokens_map.json with names", listed, {
        **config(), "special_tokens_map.json": {"extra_special_tokens": {"image_token": "<image>"}}}
    yield "special_tokens_map.json beside a decoder", listed, {
        **config(added_tokens_decoder=decoder), "special_tokens_map.json": {
            "bos_token": "<s>", "additional_special_tokens": ["<x1>"]}}
    yield "special_tokens_map.json alone", listed, {
        "special_tokens_map.json": {"bos_token": "<s>", "eos_token": "<|im_end|>"}}
    yield "named tokens with flags", listed, config(
        bos_token=typed("<s>", lstrip=True), pad_token=typed("<x1>", special=False), cls_token="<x2>",
        mask_token=typed("<image>", lstrip=True, normalized=True))
    yield "named tokens that are null", listed, config(bos_token=None, pad_token=None)
    yield "no added tokens", [], config()
    yield "no added tokens and a decoder", [], config(added_tokens_decoder=decoder)
    yield "no added tokens and a map", [], {
        **config(), "special_tokens_map.json": {
            "eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>", "<x1>"]}}
    yield "a part of the added tokens", listed[:1], config(added_tokens_decoder=decoder)
    yield "a part of the added tokens and files", listed[:2], {
        **config(pad_token="<x2>"), "added_tokens.json": {"<|im_end|>": listed[2]["id"], "<x1>": count}}

    gpt = {"tokenizer_class": "GPT2Tokenizer"}
    qwen = {"tokenizer_class": "Qwen2Tokenizer"}
    for name, tokenizer in [("GPT-2", gpt), ("Qwen2", qwen)]:
        yield f"{name}'s two files", None, {"tokenizer_config.json": tokenizer}
        yield f"{name}'s two files and a decoder", None, {
            "tokenizer_config.json": {**tokenizer, "added_tokens_decoder": decoder}}
        yield f"{name}'s two files and named tokens", None, {"tokenizer_config.json": {
            **tokenizer, "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<x1>"}}
        yield f"{name}'s two files and a list", None, {"tokenizer_config.json": {
            **tokenizer, "additional_special_tokens": ["<|im_start|>", "<x1>", "<|im_end|>"]}}
        yield f"{name}'s two files and older ones", None, {
            "tokenizer_config.json": tokenizer,
            "special_tokens_map.json": {"eos_token": "<|im_end|>",
                                        "additional_special_tokens": ["<|im_start|>"]},
            "added_tokens.json": {"<call>": count, "</call>": count + 1}}
        yield f"{name}'s two files and names", None, {"tokenizer_config.json": {
            **tokenizer, "model_specific_special_tokens": {"image_token": "<image>"},
            "eos_token": "<|im_end|>"}}
        yield f"{name}'s two files and flags", None, {"tokenizer_config.json": {
            **tokenizer, "added_tokens_decoder": changed(im_end={"lstrip": True, "rstrip": True}),
            "eos_token": "<|im_end|>"}}
    # Stages that a class builds by a key, and the class that nothing but the kind of model tells.
    bytes_alone = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    gpt_stages = {"pre_tokenizer": {**bytes_alone, "use_regex": True}}
    qwen_stages = {"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": PRETOKENIZE_REGEX}, "behavior": "Isolated", "invert": False},
        bytes_alone]}}
    for adds in [True, False]:
        for name, stages in [
                ("GPT2Tokenizer", gpt_stages), ("Qwen2Tokenizer", qwen_stages),
                ("Qwen2TokenizerFast", qwen_stages),
                ("PreTrainedTokenizerFast", gpt_stages), ("PreTrainedTokenizerFast", qwen_stages)]:
            yield f"{name} with add_prefix_space {adds}", listed, {"tokenizer_config.json": {
                "tokenizer_class": name, "add_prefix_space": adds, "eos_token": "<|im_end|>",
                "bos_token": None, "pad_token": "<|endoftext|>", "unk_token": None}}, stages
    for name in ["GPT2Tokenizer", "Qwen2Tokenizer"]:
        yield f"two files of {name} with add_prefix_space", None, {"tokenizer_config.json": {
            "tokenizer_class": name, "add_prefix_space": True}}
    for kind in ["qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gpt2"]:
        model = {"model_type": kind}
        yield f"two files of a {kind}", None, {"config.json": model}
        yield f"two files of a {kind}, no class", None, {
            "config.json": model, "tokenizer_config.json": {"eos_token": "<|im_end|>"}}


def main():
    data = base()
    # tokenizers writes control tokens into the vocabulary; older files hold them there, too.
    vocabulary = {**data["model"]["vocab"], **{t["content"]: t["id"] for t in data["added_tokens"]}}
    merges = [m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]]
    entries = []
    for name, listed, files, *stages in folders(data):
        stages = stages[0] if stages else {}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
            for file, content in files.items():
                (folder / file).write_text(json.dumps(content, ensure_ascii=False))
            if listed is None:
                (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
                (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
            else:
                (folder / "tokenizer.json").write_text(
                    json.dumps({**data, **stages, "added_tokens": listed}, ensure_ascii=False))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            entries.append({
                "name": name, "added_tokens": listed, "files": files, "stages": stages,
                "ids": [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS],
                "named": [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id],
            })
    fixture = {"made by": f"transformers {transformers.__version__}", "texts": TEXTS, "folders": entries}
    (FIXTURES / "side-files.json").write_text(
        json.dumps(fixture, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(len(entries), "folders")


if __name__ == "__main__":
    main()
