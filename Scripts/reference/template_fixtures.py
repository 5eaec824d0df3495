"""Renders dialogues with all templates of the reference and writes one digest per rendering.

Usage: template_fixtures.py OUTPUT_FILE

A recording tokenizer keeps what each template hands to it: texts as they are, single tokens as
{"id": name}. A rendering is the JSON text of the turns, [[prompt, response], …]; its digest is the first
16 hexadecimal digits of SHA-256. Renderings that the reference refuses are null.
"""
import copy, hashlib, json, os, sys

os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
from llamafactory.data import template as templates
from llamafactory.data import tool_utils

TOOLS = json.dumps([{"name": "get_weather", "description": "Get weather", "parameters": {
    "type": "object", "properties": {
        "city": {"type": "string", "description": "City", "enum": ["Paris", "Rome"]},
        "days": {"type": "array", "items": {"type": "integer"}}}, "required": ["city"]}}])
WRAPPED = json.dumps([{"type": "function", "function": json.loads(TOOLS)[0]}, {
    "name": "now", "description": "Z\u00fcrich \u6642", "parameters": {"type": "object", "properties": {}}}])
CALL = json.dumps({"name": "get_weather", "arguments": {"city": "Paris", "n": 1.0, "x": [None, True, "\u00e9"]}})
message = lambda role, content: dict(role=role, content=content)
PLAIN = [message("user", "U1"), message("assistant", "A1"), message("user", "U2"), message("assistant", "A2")]
THOUGHT = [message("user", "U1"), message("assistant", "<think>\nT1\n</think>\n\nA1"), message("user", "U2"),
           message("assistant", "<think>\nT2\n</think>\n\nA2")]
CALLS = [message("user", "U1"), message("function", CALL), message("observation", "{\"t\": 20}"), message("assistant", "A2")]
PARALLEL = [message("user", "U1"), message("function", f"[{CALL}, {CALL}]"), message("observation", "O"), message("assistant", "A2")]
INSIDE = [message("user", "U1"), message("function", f"<think>\nT\n</think>\n\n{CALL}"), message("observation", "O"),
          message("function", f"so <tool_call>\n{CALL}\n</tool_call> done"), message("observation", "P"), message("assistant", "A2")]
CASES = [
    dict(name="system", messages=PLAIN, system="SYS"),
    dict(name="no system", messages=PLAIN),
    dict(name="thoughts", messages=THOUGHT),
    dict(name="thoughts off", messages=THOUGHT, thinking=False),
    dict(name="thoughts open", messages=PLAIN, thinking=None),
    dict(name="plain off", messages=PLAIN, thinking=False),
    dict(name="discard", messages=THOUGHT, discard=True),
    dict(name="discard plain", messages=PLAIN, discard=True),
    dict(name="one", messages=THOUGHT, one=True),
    dict(name="one off", messages=THOUGHT, one=True, thinking=False),
    dict(name="one preserving", messages=THOUGHT, one=True, preserve=True),
    dict(name="one plain", messages=PLAIN, one=True, thinking=None),
    dict(name="tools", messages=CALLS, system="SYS", tools=TOOLS),
    dict(name="wrapped tools", messages=PLAIN, tools=WRAPPED),
    dict(name="empty tools", messages=PLAIN, tools="[]"),
    dict(name="calls", messages=CALLS),
    dict(name="parallel calls", messages=PARALLEL),
    dict(name="calls inside", messages=INSIDE),
    dict(name="observation first", messages=[message("observation", "O"), message("assistant", "A")], system="SYS"),
]


class Recorder:
    """Stands for a tokenizer: ids are indices of what was recorded."""
    bos_token_id, eos_token_id = "<BOS>", "<EOS>"

    def encode(self, text, add_special_tokens=False):
        return [text]

    def convert_tokens_to_ids(self, token):
        return {"id": token}


class Today:
    @staticmethod
    def now():
        import datetime
        return datetime.datetime(2025, 1, 2)


def named(items):
    return [{"id": item} if item in ("<BOS>", "<EOS>") else item for item in items]


def render(template, case):
    template = copy.deepcopy(template)
    if "thinking" in case and isinstance(template, templates.ReasoningTemplate):
        template.enable_thinking = case["thinking"]
    template.preserve_thinking = case.get("preserve", False)
    messages = copy.deepcopy(case["messages"])
    arguments = (Recorder(), messages, case.get("system"), case.get("tools"))
    if case.get("one"):
        turns = [template.encode_oneturn(*arguments)]
    else:
        turns = template.encode_multiturn(*arguments, case.get("discard", False))
    return json.dumps([[named(prompt), named(response)] for prompt, response in turns], ensure_ascii=False)


def main():
    tool_utils.datetime = Today
    digests = {}
    for name, template in sorted(templates.TEMPLATES.items()):
        row = []
        for case in CASES:
            try:
                text = render(template, case)
                row.append(hashlib.sha256(text.encode()).hexdigest()[:16])
                if name in ("qwen3", "chatml", "llama2") and case["name"] == "system":
                    print(name, text)
            except (ValueError, RuntimeError) as error:
                row.append(None)
        digests[name] = row
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(dict(cases=CASES, date="02 Jan 2025", templates=digests), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
