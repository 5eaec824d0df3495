"""Writes turns with calls of tools, and results, as models' own chat templates do.

Usage: own_calls.py TEMPLATES_FOLDER OUTPUT_FILE

TEMPLATES_FOLDER is what Scripts/fetch-chat-templates.sh fetches. The file holds cases (calls, text, thought), and
for each own template the name of the built-in one, its words, the text of every case from behind the assistant's
header to the end of the turn, and the text of one and two results up to the next header. Null stands for what
the own template refuses or leaves out.
"""
import json, os, sys

from jinja2.exceptions import TemplateError

from jinja_environment import utils

call = lambda name, **arguments: dict(name=name, arguments=arguments)
ROME = call("weather", city="Rome")
ARGUMENTS = dict(
    text="Z\u00fcrich \"q\" 'q'\n\tline", number=1, big=10**20, part=1.5, small=1e-7, yes=True, no=False, none=None,
    list=[1, "\u6642", None, True, {"k": "it's"}], map={"Beta": 2.0, "alpha": [False]}, empty={}, blank="", spaced=" x ")
CASES = dict(
    one=dict(calls=[ROME]), two=dict(calls=[ROME, call("now")]), equal=dict(calls=[ROME, ROME]),
    arguments=dict(calls=[call("f", **ARGUMENTS)]), bare=dict(calls=[call("now")]),
    text=dict(calls=[ROME], text="I look."), texts=dict(calls=[ROME, call("f", a=1)], text="I look.\n\nTwice."),
    thought=dict(calls=[ROME], thought="Hm."), all=dict(calls=[call("now"), ROME], text="I look.", thought="Hm.\nSo."))
CHATML = "<|im_start|>assistant\n"
# The file, the built-in template, the assistant's header.
OWN = [
    ("GLM-4.6", "glm4_moe", "<|assistant|>"), ("GLM-4.7-Flash", "glm4_7", "<|assistant|>"),
    ("ByteDance-Seed-OSS", "seed_oss", "<BOS>assistant\n"), ("MiniMax-M2", "minimax2", "]~b]ai\n"),
    ("Qwen-Qwen2.5-7B-Instruct", "qwen", CHATML), ("Qwen-Qwen3-0.6B", "qwen3", CHATML), ("Qwen3.5-4B", "qwen3_5", CHATML),
    ("google-gemma-4-31B-it-interleaved", "gemma4", "<|turn>model\n"),
    ("mistralai-Ministral-3-14B-Reasoning-2512", "ministral3", ""),
    ("MiniMax-M1", "minimax1", "<beginning_of_sentence>ai name=assistant\n"),
    ("meta-llama-Llama-3.1-8B-Instruct", "llama3", "<|start_header_id|>assistant<|end_header_id|>\n\n"),
]
TOOLS = [dict(type="function", function=dict(
    name=name, description="D", parameters=dict(type="object", properties=dict(city=dict(type="string", description="C")))))
    for name in ("weather", "now", "f")]


class Own:
    def __init__(self, folder, file):
        with open(os.path.join(folder, file + ".jinja"), encoding="utf-8") as source:
            self.template = utils._compile_jinja_template(source.read())

    def render(self, messages, asks=False):
        text = self.template.render(messages=messages, tools=TOOLS, add_generation_prompt=asks, bos_token="<BOS>", eos_token="<EOS>")
        return text.replace("<seed:bos>", "<BOS>").replace("<seed:eos>", "<EOS>")


def dialogue(case):
    answer = dict(role="assistant", content=case.get("text", ""), tool_calls=[dict(type="function", function=c) for c in case["calls"]])
    if "thought" in case:
        answer["reasoning_content"] = case["thought"]
    return [dict(role="user", content="Q"), answer]


def turn(own, case, header):
    messages = dialogue(case)
    try:
        before, text = own.render(messages[:1]), own.render(messages)
    except TemplateError:
        return None
    if any(case.get(part, "") not in text for part in ("text", "thought")):
        return None
    assert text.startswith(before + header), text
    return text[len(before + header):]


def results(own, header, texts):
    if "header_id" in header:
        # Llama's template quotes results, be they JSON or not.
        return None
    messages = dialogue(CASES["two"] if len(texts) == 2 else CASES["one"])
    try:
        before, text = own.render(messages), own.render(messages + [dict(role="tool", content=t) for t in texts], True)
    except TemplateError:
        return None
    if not text.startswith(before):
        # The call is written in another way once it is answered.
        return None
    rest = text[len(before):]
    return rest[:rest.rindex(header) + len(header)]


def main():
    folder, output = sys.argv[1:]
    entries = []
    for file, name, header in OWN:
        own = Own(folder, file)
        entries.append(dict(
            file=file, template=name, turns={key: turn(own, case, header) for key, case in CASES.items()},
            results=[results(own, header, texts) for texts in (["R1"], ["R1", "R2"])]))
    with open(output, "w", encoding="utf-8") as file:
        json.dump(dict(cases=CASES, tools=TOOLS, own=entries), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
