"""Processes dialogues with all templates of the reference and a real tokenizer.

Usage: template_ids.py MODEL_FOLDER OUTPUT_FILE

MODEL_FOLDER holds SmolLM2's tokenizer. For each template it is given the control strings of that
template as tokens, as the tokenizer of the template's own models has them. A digest is the first 16
hexadecimal digits of SHA-256 over ids and labels of all dialogues as little-endian int32; a dialogue
that the reference refuses counts as nothing.
"""
import copy, hashlib, json, os, re, struct, sys

os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
from llamafactory.data import get_template_and_fix_tokenizer
from llamafactory.data import template as templates
from llamafactory.data import tool_utils
from llamafactory.data.mm_plugin import get_mm_plugin
from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
from llamafactory.hparams import DataArguments
from transformers import AutoTokenizer
from template_fixtures import CALL, TOOLS, Today, message

DIALOGUES = [
    dict(name="system", system="Be kind.", messages=[
        message("user", "How are you?"), message("assistant", "Fine, thanks."), message("user", "And 1234?"),
        message("assistant", "A number.")]),
    dict(name="plain", messages=[message("user", "Z\u00fcrich \u2014 \u6771\u4eac\n\n* x = {y}"),
                                 message("assistant", "\u0645\u0631\u062d\u0628\u0627 \U0001f44b\n```\n1\n```")]),
    dict(name="three turns", messages=[
        message(role, f"{role} {n}.") for n in range(3) for role in ("user", "assistant")]),
    dict(name="thought", messages=[
        message("user", "One?"), message("assistant", "<think>\nHm.\n</think>\n\nTwo."), message("user", "Three?"),
        message("assistant", "Four.")]),
    dict(name="tools", system="Be brief.", tools=TOOLS, messages=[
        message("user", "Paris?"), message("function", CALL), message("observation", '{"t": 20}'),
        message("assistant", "Mild.")]),
    dict(name="calls", tools=TOOLS, messages=[
        message("user", "Paris?"), message("function", f"so <tool_call>\n{CALL}\n</tool_call>"),
        message("observation", "O"), message("function", CALL), message("observation", "P"),
        message("assistant", "Done.")]),
    dict(name="spaces", system=" ", messages=[message("user", "  a  "), message("assistant", "\n b\t\n")]),
]
OPTIONS = [dict(), dict(mask_history=True), dict(cutoff_len=40)]
MARKS = re.compile(r"<\|[^ ]*?\|>|<\uff5c[^ ]*?\uff5c>|<start_of_turn>|<end_of_turn>")


def control_strings(template):
    found = []
    for formatter in (template.format_prefix, template.format_system, template.format_user,
                      template.format_assistant, template.format_observation):
        for slot in formatter.slots:
            if isinstance(slot, str):
                found += MARKS.findall(slot)
            elif isinstance(slot, dict):
                found.append(slot["token"])
    return list(dict.fromkeys(found))


def main():
    model, output = sys.argv[1:3]
    tool_utils.datetime = Today
    pristine = copy.deepcopy(templates.TEMPLATES)
    result = {}
    for name in sorted(pristine):
        tokenizer = AutoTokenizer.from_pretrained(model)
        added = [text for text in control_strings(pristine[name]) if text not in tokenizer.get_vocab()]
        tokenizer.add_special_tokens(dict(additional_special_tokens=added))
        digests = []
        for options in OPTIONS:
            templates.TEMPLATES.clear()
            templates.TEMPLATES.update(copy.deepcopy(pristine))
            arguments = DataArguments(template=name, **options)
            fixed = copy.deepcopy(tokenizer)
            template = get_template_and_fix_tokenizer(fixed, arguments)
            template.mm_plugin = get_mm_plugin("base")
            processor = SupervisedDatasetProcessor(template, fixed, None, arguments)
            digest = hashlib.sha256()
            for dialogue in DIALOGUES:
                try:
                    ids, labels = processor._encode_data_example(
                        dialogue["messages"][:-1], dialogue["messages"][-1:], dialogue.get("system"),
                        dialogue.get("tools"), [], [], [])
                except (ValueError, RuntimeError):
                    continue
                for column in (ids, labels):
                    digest.update(struct.pack(f"<{len(column)}i", *column))
            digests.append(digest.hexdigest()[:16])
        result[name] = dict(added=added, digests=digests)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(dict(reference="llamafactory 0.9.5", date="02 Jan 2025", dialogues=DIALOGUES, options=OPTIONS,
                       templates=result), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
