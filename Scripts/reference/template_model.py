#!/usr/bin/env python3
"""Encodes dialogues by models' own chat templates with transformers, and marks what is learned.

Writes Tests/TokenizeTests/Fixtures/template-model.json: the dialogues, a few templates with
{% generation %} blocks, and for each template and dialogue digests of three lists: the ids of what the
model is asked, the ids of the whole dialogue, and for each of these 0 or 1 (learned). Learned are the
tokens that transformers marks where the template has generation blocks, else those that hold
characters behind the question's own rendering; of answers that the whole dialogue writes as they were
when they came last. "refused" stands for a template that refuses the dialogue, "no extension" for one
that asks in one way and answers in another.

    python3 template_model.py FOLDER      (the folder of Scripts/fetch-chat-templates.sh)

Versions: requirements.txt.
"""

import json
import pathlib
import re
import sys

from jinja_environment import digest

import tokenizers
import transformers
from transformers.convert_slow_tokenizer import bytes_to_unicode

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/TokenizeTests/Fixtures"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
THOUGHTS = ["reasoning_content", "reasoning", "thinking", "thought"]

GENERATION = {
    "blocks": "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' "
    "%}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}{% else %}{{ m.content "
    "+ '<|im_end|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "two blocks": "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}"
    "{% endgeneration %} |{% generation %} end\n{% endgeneration %}{% else %}{{ m.role }}: {{ m.content "
    "}}\n{% endif %}{% endfor %}{% if add_generation_prompt %}A:{% endif %}",
    "rewriting blocks": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% generation %}{% if loop.last %}<think>{{ m.reasoning_content or '' }}</think>{% endif %}"
    "{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "rewriting": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and "
    "loop.last %}<think>{{ m.reasoning_content or '' }}</think>{% endif %}{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>{% endif %}",
}

DIALOGUES = {
    "a question": ["How are you?", "I am fine, 12345."],
    "a system text": ["@Be kind.", "How are you?", "I am fine."],
    "three turns": ["One?", "Two.", "Three?", "Four.", "Five?", "Six."],
    "a system text and two turns": ["@Count on.\n", "One?", "Two.", "Three?", "Four."],
    "white space": ["  hi \n", " there \n\n", "\tmore", "\n and"],
    "other scripts": ["Zürich — 東京 👍🏽", "مرحبا\n```\nlet x = 1\n```"],
    "a thought": ["One?", "<think>\nHm.\n</think>\n\nTwo."],
    "thoughts": ["One?", "<think>\nHm.\n</think>\n\nTwo.", "Three?", "<think>\nSo.\n</think>\n\nFour."],
}


def tokenizer():
    fixture = json.loads((FIXTURES / "tiny.json").read_text())
    data = fixture["base"]
    for key, value in fixture["variants"]["smollm"].items():
        data[key] = {**data["model"], **value} if key == "model" else value
    # Every byte has a token, so that no character is lost.
    vocabulary = data["model"]["vocab"]
    following = max([*vocabulary.values(), *(token["id"] for token in data["added_tokens"])]) + 1
    for character in bytes_to_unicode().values():
        if character not in vocabulary:
            vocabulary[character] = following
            following += 1
    # Offsets of tokens shall hold their white space, as those of newer models do.
    text = json.dumps(data).replace('"trim_offsets": true', '"trim_offsets": false')
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer.from_str(text))


def messages(texts, member):
    result = []
    if texts[0].startswith("@"):
        result.append({"role": "system", "content": texts[0][1:]})
        texts = texts[1:]
    for index, text in enumerate(texts):
        item = {"role": ["user", "assistant"][index % 2], "content": text}
        if member and "</think>" in text:
            thought, rest = text.split("</think>", 1)
            item = {**item, "content": rest.lstrip("\n"), member: thought.split("<think>")[1].strip()}
        result.append(item)
    return result


class Template:
    def __init__(self, tokens, source):
        self.tokens, self.source, self.member = tokens, source, None
        for name in THOUGHTS:
            probe = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", name: "xyzzy"}]
            try:
                if "xyzzy" in self.text(probe):
                    self.member = name
                    break
            except Exception:
                continue

    def text(self, items, **more):
        return self.tokens.apply_chat_template(
            items, chat_template=self.source, tokenize=False, **TOKENS, **more)

    def asked(self, items, whole):
        """The text before an answer, which the text through it begins with; None for none."""
        for further in [{}, {"enable_thinking": False, "thinking": False},
                        {"enable_thinking": True, "thinking": True}]:
            text = self.text(items, add_generation_prompt=True, **further)
            if whole.startswith(text):
                return text
        return None

    def entry(self, texts):
        items = messages(texts, self.member)
        answers = [i for i, item in enumerate(items) if item["role"] == "assistant"]
        marks = re.search(r"{%[-+]?\s*generation\b", self.source) is not None
        # What the model is asked, and all of it, as transformers gives them.
        question = self.tokens.apply_chat_template(
            items[:-1], chat_template=self.source, add_generation_prompt=True, return_dict=True,
            **TOKENS)["input_ids"]
        encoded = self.tokens.apply_chat_template(
            items, chat_template=self.source, return_dict=True, return_assistant_tokens_mask=marks,
            **TOKENS)
        ids, whole = encoded["input_ids"], self.text(items)
        offsets = self.tokens(whole, add_special_tokens=False, return_offsets_mapping=True)
        assert offsets["input_ids"] == ids
        learned, final = [0] * len(ids), []
        for answer in answers:
            through = self.text(items[:answer + 1])
            asked = None if marks else self.asked(items[:answer], through)
            if not marks and asked is None:
                return "no extension"
            if whole.startswith(through):
                before = self.text(items[:answer]) if marks else asked
                start = next((i for i, (a, b) in enumerate(zip(before, through)) if a != b),
                             min(len(before), len(through)))
                final.append((start, len(through)))
        for place, (first, last) in enumerate(offsets["offset_mapping"]):
            if any(first < end and last > start for start, end in final):
                learned[place] = 1
        if marks:
            learned = [a & b for a, b in zip(learned, encoded["assistant_masks"])]
        return " ".join(digest(json.dumps(part, separators=(",", ":")))[:12]
                        for part in (question, ids, learned))


def main():
    tokens = tokenizer()
    sources = {path.name: path.read_bytes().decode()
               for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja"))}
    results = {}
    for name, source in {**sources, **GENERATION}.items():
        try:
            template = Template(tokens, source)
        except Exception as error:
            results[name] = [f"refused"] * len(DIALOGUES)
            continue
        results[name] = []
        for texts in DIALOGUES.values():
            try:
                results[name].append(template.entry(texts))
            except AssertionError:
                raise
            except Exception as error:
                results[name].append("refused")
    fixture = {
        "made by": f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}",
        "tokens": TOKENS, "generation": GENERATION, "dialogues": DIALOGUES, "results": results,
    }
    target = FIXTURES / "template-model.json"
    target.write_text(json.dumps(fixture, ensure_ascii=False, separators=(",", ":")) + "\n")
    entries = [entry for result in results.values() for entry in result]
    print(len(results), "templates", len(entries), "entries", entries.count("refused"), "refused",
          entries.count("no extension"), "no extension")


if __name__ == "__main__":
    main()
