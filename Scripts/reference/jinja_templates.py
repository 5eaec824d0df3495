#!/usr/bin/env python3
"""Renders llama.cpp's chat templates with transformers over the conversations below.

Writes Tests/JinjaTests/Fixtures/jinja-templates.json: the conversations, and for each template
its file's SHA-256 and for each conversation a digest of the rendering or the error. The templates
themselves are not committed: Scripts/fetch-chat-templates.sh fetches them.

    python3 jinja_templates.py FOLDER [FULL_RENDERINGS]

FULL_RENDERINGS, a file outside of the repository, gets every text: with its path in
FLEDGE_JINJA_RENDERINGS the test shows where a text differs. Versions: requirements.txt.
"""

import json
import pathlib
import sys

from jinja_environment import digest, kind, render

import jinja2
import transformers

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather for a city.\nUse it when asked.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "default": 1, "minimum": 1},
            },
            "required": ["city"],
        },
        "return": {"type": "object", "properties": {"degrees": {"type": "number"}}},
    },
}
NESTED = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books a trip for \"people\" & <things>",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "who": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "age": {"type": ["integer", "null"]},
                            "tags": {"type": "array", "items": {"type": "string"}},
                        },
                        "required": ["name"],
                    },
                },
                "price": {"anyOf": [{"type": "number"}, {"type": "string"}]},
                "options": {
                    "type": "object",
                    "description": "Options",
                    "properties": {"late": {"type": "boolean", "default": False}},
                    "additionalProperties": {"type": "string"},
                },
            },
            "required": ["who", "price"],
        },
    },
}
EMPTY = {
    "type": "function",
    "function": {
        "name": "now",
        "description": "The time",
        "parameters": {"type": "object", "properties": {}},
    },
}


def user(content="What is 2+2?", **more):
    return {"role": "user", "content": content, **more}


def system(content="You are helpful.", **more):
    return {"role": "system", "content": content, **more}


def assistant(content="4.", **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments, identity=None, **more):
    result = {"type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"id": identity, **result} if identity else result


def tool(content, **more):
    return {"role": "tool", "content": content, **more}


A, B = "call_aaa1", "call_bbb2"
PARIS = {"city": "Paris", "days": 2}
TOOLS = {"tools": [WEATHER]}
UNICODE = "naïve Ünïcödé \u4f60\u597d \U0001f44d\U0001f3fd e\u0301 \u00e9 \u200b\u00a0 \u2028 end"
HARD = "<b>\"quoted\" & 'single'</b> \\n {{ x }} {% if %} {# c #}\n\tline\r\nlast\\"

SHAPES = [
    ("no system", [user()], {}),
    ("no system, prompt", [user()], {"add_generation_prompt": True}),
    ("system", [system(), user()], {"add_generation_prompt": True}),
    ("one answer", [system(), user(), assistant()], {}),
    ("several turns", [system(), user("A"), assistant("B"), user("C"), assistant("D"), user("E")],
     {"add_generation_prompt": True}),
    ("two users in a row", [user("A"), user("B")], {"add_generation_prompt": True}),
    ("two answers in a row", [user("A"), assistant("B"), assistant("C"), user("D")], {}),
    ("system in the middle", [user("A"), assistant("B"), system("New rules."), user("C")],
     {"add_generation_prompt": True}),
    ("two systems", [system("One."), system("Two."), user()], {"add_generation_prompt": True}),
    ("only a system", [system()], {}),
    ("begins with an answer", [assistant("Hello."), user()], {"add_generation_prompt": True}),
    ("developer", [{"role": "developer", "content": "Be brief."}, user()],
     {"add_generation_prompt": True}),
    ("unknown role", [user(), {"role": "critic", "content": "Hm."}], {}),
    ("unknown keys", [user(name="Ann", weight=0.5, extra=None), assistant(score=[1, 2.5, True])],
     {"another": {"a": 1}, "custom_flag": True}),
    ("empty contents", [system(""), user(""), assistant(""), user("")],
     {"add_generation_prompt": True}),
    ("white space", [system("  S \n"), user("\n U  "), assistant("  A\n\n"), user("\tB ")],
     {"add_generation_prompt": True}),
    ("null content", [user(), assistant(None)], {}),
    ("no content", [user(), {"role": "assistant"}], {}),
    ("parts", [user([{"type": "text", "text": "One."}, {"type": "text", "text": " Two."}])],
     {"add_generation_prompt": True}),
    ("parts everywhere", [system([{"type": "text", "text": "S."}]),
                          user([{"type": "text", "text": "U."}]),
                          assistant([{"type": "text", "text": "A."}]),
                          user([{"type": "text", "text": "V."}])],
     {"add_generation_prompt": True}),
    ("image", [user([{"type": "image"}, {"type": "text", "text": "What is this?"}])],
     {"add_generation_prompt": True}),
    ("no parts", [user([])], {}),
    ("unicode", [system(UNICODE), user(UNICODE), assistant(UNICODE)], {}),
    ("hard characters", [system(HARD), user(HARD), assistant(HARD), user("ok")],
     {"add_generation_prompt": True}),
    ("special tokens in text", [user("<|im_end|></s><s>[INST]<|eot_id|>"), assistant("<think>")],
     {}),
    ("tools", [user("Weather?")], {"add_generation_prompt": True, **TOOLS}),
    ("tools, system", [system(), user("Weather?")], {"add_generation_prompt": True, **TOOLS}),
    ("nested tools", [user("Book.")], {"add_generation_prompt": True, "tools": [NESTED, EMPTY]}),
    ("bare tools", [system(), user("Weather?")],
     {"add_generation_prompt": True, "tools": [WEATHER["function"]]}),
    ("no tools listed", [user()], {"add_generation_prompt": True, "tools": []}),
    ("call", [user("Weather?"), assistant("", tool_calls=[call("get_weather", PARIS, A)])], TOOLS),
    ("call, null content", [user("Weather?"),
                            assistant(None, tool_calls=[call("get_weather", PARIS, A)])], TOOLS),
    ("call, no content", [user("Weather?"), {
        "role": "assistant", "tool_calls": [call("get_weather", PARIS, A)]}], TOOLS),
    ("call and content", [user("Weather?"),
                          assistant("Let me see.", tool_calls=[call("get_weather", PARIS, A)])],
     TOOLS),
    ("call, text arguments", [user("Weather?"), assistant(
        "", tool_calls=[call("get_weather", json.dumps(PARIS), A)])], TOOLS),
    ("call without id", [user("Weather?"), assistant("", tool_calls=[call("get_weather", PARIS)])],
     TOOLS),
    ("call without arguments", [user("Time?"), assistant("", tool_calls=[call("now", {}, A)])],
     {"tools": [EMPTY]}),
    ("flat call", [user("Weather?"),
                   assistant("", tool_calls=[{"name": "get_weather", "arguments": PARIS}])], TOOLS),
    ("result", [user("Weather?"), assistant("", tool_calls=[call("get_weather", PARIS, A)]),
                tool('{"degrees": 21.5}', tool_call_id=A, name="get_weather")],
     {"add_generation_prompt": True, **TOOLS}),
    ("result, object", [user("Weather?"), assistant("", tool_calls=[call("get_weather", PARIS, A)]),
                        tool({"degrees": 21.5, "ok": True, "none": None}, tool_call_id=A,
                             name="get_weather")],
     {"add_generation_prompt": True, **TOOLS}),
    ("result and answer", [system(), user("Weather?"),
                           assistant("", tool_calls=[call("get_weather", PARIS, A)]),
                           tool("21.5", tool_call_id=A, name="get_weather"),
                           assistant("It is 21.5."), user("Thanks."), assistant("Any time.")],
     TOOLS),
    ("parallel calls", [user("Two?"), assistant("Both.", tool_calls=[
        call("get_weather", PARIS, A), call("get_weather", {"city": "Köln \"x\""}, B)]),
        tool("21", tool_call_id=A, name="get_weather"),
        tool("19", tool_call_id=B, name="get_weather"), assistant("21 and 19.")], TOOLS),
    ("calls in turn", [user("Two?"), assistant("", tool_calls=[call("get_weather", PARIS, A)]),
                       tool("21", tool_call_id=A, name="get_weather"),
                       assistant("", tool_calls=[call("get_weather", {"city": "Rome"}, B)]),
                       tool("25", tool_call_id=B, name="get_weather"), assistant("Done."),
                       user("And?")], {"add_generation_prompt": True, **TOOLS}),
    ("hard arguments", [user("Book."), assistant("", tool_calls=[call("book", {
        "who": [{"name": UNICODE, "age": None}], "price": 1e16, "html": HARD, "big": 10 ** 20,
        "small": 1.5e-7, "flag": False, "nested": {"a": [1, [2, {}]], "": ""}}, A)])],
     {"tools": [NESTED]}),
    ("reasoning", [user("A"), assistant("B", reasoning_content="Because\nC."), user("D")],
     {"add_generation_prompt": True}),
    ("reasoning at the end", [user("A"), assistant("B", reasoning_content="Because\nC.")], {}),
    ("reasoning in text", [user("A"), assistant("<think>\nBecause.\n</think>\n\nB"), user("C"),
                           assistant("<think>X</think>Y")], {}),
    ("reasoning and call", [user("A"), assistant("", reasoning_content="Look it up.", tool_calls=[
        call("get_weather", PARIS, A)]), tool("21", tool_call_id=A, name="get_weather")],
     {"add_generation_prompt": True, **TOOLS}),
    ("thinking on", [user()], {"add_generation_prompt": True, "enable_thinking": True,
                               "thinking": True}),
    ("thinking off", [system(), user(), assistant(), user("B")],
     {"add_generation_prompt": True, "enable_thinking": False, "thinking": False}),
    ("thinking level", [user()], {"add_generation_prompt": True, "reasoning_effort": "high",
                                  "thinking_budget": 512, "date_string": "01 Feb 2026"}),
    ("thinking, old ones kept", [user("A"), assistant("B", reasoning_content="C"), user("D")],
     {"add_generation_prompt": True, "clear_thinking": False, "preserve_thinking": True}),
    ("documents", [user("What do they say?")],
     {"add_generation_prompt": True,
      "documents": [{"title": "One", "text": "First.", "doc_id": 1},
                    {"title": "Two", "text": "Second.", "contents": "Second."}]}),
    ("documents and tools", [system(), user("What do they say?")],
     {"add_generation_prompt": True, "documents": [{"title": "One", "text": "First."}], **TOOLS}),
    ("short ids", [system(), user("Two?"),
                   assistant("", tool_calls=[call("get_weather", PARIS, "abcDEF123")]),
                   tool("21", tool_call_id="abcDEF123", name="get_weather"), assistant("21."),
                   user("And?")], {"add_generation_prompt": True, **TOOLS}),
    ("functions", [system(), user()],
     {"add_generation_prompt": True, "functions": json.dumps([WEATHER["function"]]),
      "datetime": "2026-01-02", **TOOLS}),
    ("builtin tools", [system(), user()],
     {"add_generation_prompt": True, "builtin_tools": ["browser", "python", "code_interpreter"],
      "tools_in_user_message": False, "xml_tools": [WEATHER["function"]],
      "python_tools": [EMPTY["function"]], **TOOLS}),
    ("nothing", [], {}),
    ("long", [m for i in range(12) for m in (user(f"Question {i}"), assistant(f"Answer {i}"))],
     {"add_generation_prompt": True}),
]


def rendered(template, messages, options):
    context = {"messages": messages, "tools": None, "documents": None,
               "add_generation_prompt": False, **TOKENS, **options}
    return render(template, context, mask="generation" in template)


def entry(result):
    if "error" in result:
        return result["error"] + (": " + result["message"] if "message" in result else "")
    ranges = json.dumps(result["ranges"]) if "ranges" in result else ""
    return digest(result["text"] + ranges)[:16]


def main():
    folder = pathlib.Path(sys.argv[1])
    templates, full = {}, {}
    for path in sorted(folder.glob("*.jinja")):
        text = path.read_bytes().decode()
        results = [rendered(text, messages, options) for _, messages, options in SHAPES]
        templates[path.name] = {"sha256": digest(text), "results": [entry(r) for r in results]}
        full[path.name] = {name: r for (name, _, _), r in zip(SHAPES, results)}
    fixture = {
        "made by": f"transformers {transformers.__version__}, jinja2 {jinja2.__version__}",
        "tokens": TOKENS,
        "shapes": [{"name": name, "messages": messages, "options": options}
                   for name, messages, options in SHAPES],
        "templates": templates,
    }
    target = pathlib.Path(__file__).parents[2] / "Tests/JinjaTests/Fixtures/jinja-templates.json"
    target.write_text(json.dumps(fixture, ensure_ascii=False, separators=(",", ":")) + "\n")
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(full, ensure_ascii=False, indent=1))
    errors = [r for t in templates.values() for r in t["results"] if len(r) != 16 or " " in r]
    print(len(templates), "templates", len(SHAPES), "shapes", len(errors), "errors")


if __name__ == "__main__":
    main()
