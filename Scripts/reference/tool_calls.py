"""Extracts calls of tools from texts in all formats of the reference, and writes what it finds.

Usage: tool_calls.py OUTPUT_FILE

The file holds, for every format, texts with the reference's calls: [[name, arguments as JSON text], ...],
null for a plain answer, or "crash". Where the library is meant to differ a text has "ours" (in the same
form) and "why". "trips" are calls that are written in the format and extracted again.
"""
import json, os, sys

os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
from llamafactory.data.formatter import FunctionCall
from llamafactory.data.tool_utils import get_tool_utils

FORMATS = ["default", "gemma4", "glm4", "glm4_moe", "lfm2", "ling", "llama3", "minimax1", "minimax2", "mistral",
           "qwen", "qwen3_5", "seed_oss"]
CALLS = [
    [("get_weather", {"city": "Paris"})],
    [("now", {})],
    [("f", {"a": 1, "b": 1.5, "c": True, "d": None, "e": False, "g": -3})],
    [("f", {"n": 10**20, "m": 1e-7, "k": -0.0, "z": 0})],
    [("search", {"query": "Z\u00fcrich \u6642\u9593 \U0001f600", "\u30ad\u30fc": "\u0645\u0631\u062d\u0628\u0627"})],
    [("f", {"filter": {"tags": ["x", "y"], "deep": {"n": [1, 2, {"k": None}]}}, "list": [], "map": {}})],
    [("f", {"flags": [True, False, None]})],
    [("f", {"text": "say \"hi\" and 'bye'"})],
    [("f", {"text": "line one\nline two\n\tindented"})],
    [("f", {"path": "C:\\new\\table"})],
    [("f", {"text": " spaces around "})],
    [("f", {"text": ""})],
    [("f", {"number": "1", "flag": "true", "object": "{\"a\": 1}"})],
    [("f", {"note": "see, also: this {or: that}"})],
    [("f", {"my-key": 1, "a.b": 2, "from": "Oslo"})],
    [("f", {"text": "</parameter></arg_value> a < b > c"})],
    [("f", {"text": "the end </tool_call> or </tool_calls>"})],
    [("f", {"text": "Action: none"})],
    [("weather.get", {"a": 1})],
    [("get-weather", {"a": 1})],
    [("f", {"z": 1, "a": 2})],
    [("get_weather", {"city": "Paris"}), ("now", {})],
    [("f", {"a": 1}), ("g", {"b": "x"}), ("f", {"a": 2})],
]
# The tags, the call f({"a": 1}) and parts of it, by format.
QWEN = ("<tool_call>", "</tool_call>")
TAGS = dict(default=("Action:", ""), gemma4=("<|tool_call>", "<tool_call|>"), glm4=("", ""), glm4_moe=QWEN,
            lfm2=("<|tool_call_start|>", "<|tool_call_end|>"), ling=QWEN, llama3=("", ""),
            minimax1=("<tool_calls>", "</tool_calls>"), minimax2=("<minimax:tool_call>", "</minimax:tool_call>"),
            mistral=("", ""), qwen=QWEN, qwen3_5=QWEN, seed_oss=("<seed:tool_call>", "</seed:tool_call>"))
MINIMAX = lambda inner: f"<minimax:tool_call>\n{inner}\n</minimax:tool_call>"
INVOKE = '<invoke name="f">\n<parameter name="a">%s</parameter>\n</invoke>'
FUNCTION = "<tool_call>\n<function=f>\n<parameter=a>\n%s\n</parameter>\n</function>\n</tool_call>"
SEED = "<seed:tool_call>\n<function=f>\n<parameter=a>%s</parameter>\n</function>\n</seed:tool_call>"
LFM = "<|tool_call_start|>%s<|tool_call_end|>"
GEMMA = "<|tool_call>call:f{%s}<tool_call|>"
ONE = [["f", '{"a": 1}']]
POSITIONAL, NAMES = "positional arguments have no name", "names that Python does not allow are read"
WRAPPER, ANGLE = "the template itself writes no tags around invocations", "the closing bracket is no part of the name"
NATIVE = "what the template itself writes is read"
HYPHENS = "names may hold hyphens and points"
# Trips after which the library has the calls that were given, where the reference has not, and others.
RETURNS = dict(default=(HYPHENS, (18, 19)), gemma4=("texts and names are what they are", (4, 13, 14)), glm4_moe=(NATIVE, range(23)),
               lfm2=("more than Python's syntax is read", (5, 6, 8, 14, 18, 19)), minimax2=(WRAPPER, range(23)))
CUT = {12: [["f", '{"number": 1, "flag": true, "object": {"a": 1}}']], 15: [["f", '{"text": ""}']]}
LOST = {"glm4_moe": {**CUT, 15: None}, "minimax2": CUT}
NO_CALL = "no call is a plain answer"
LINES = "the first of two lines that are no call is no name"


def own(name):
    """Texts of one format: (text,) or (text, ours, why)."""
    texts = []
    if name == "default":
        texts = ["Action: f\nAction Input: {\"a\": 1}", "Action:f Action Input:{\"a\": 1}", "Action: fAction Input: {}",
                 "Action: f\nAction Input: ```{\"a\": 1}```", "Action: f\nAction Input: \"{\\\"a\\\": 1}\"",
                 "Action: f\nAction Input: ```json\n{\"a\": 1}\n```", "Thought: so\nAction: f\nAction Input: {\"a\": 1}\nObservation: x",
                 "Action: f\nAction Input:", "Action: f\nAction Input: ", "Action: f g\nAction Input: {}", "Action: f\nAction Input: 5",
                 "Action: \nAction Input: {}", "Action: Action Input: {}", ("Action: f-g.h\nAction Input: {}", [["f-g.h", "{}"]], HYPHENS),
                 "Action: f\nAction Input: Action: g\nAction Input: {}", "Action: f\n\nAction Input: {\"a\": 1}\n\n\nAction: g\nAction Input: {}\u3000\n",
                 "Action: f\nAction Input: {\"a\": \"Action: g\"}", "Action: f\nAction: g\nAction Input: {}"]
    elif name in ("llama3", "mistral"):
        key = "parameters" if name == "llama3" else "arguments"
        call = lambda n, a: '{"name": %s, "%s": %s}' % (n, key, a)
        texts = [call('"f"', '{"a": 1}'), "\n " + call('"f"', '{"a": 1}') + " \u3000", "[%s, %s]" % (call('"f"', "{}"), call('"g"', "[]")),
                 call('"f"', '{"a": 1, "b": 2, "a": 3}'), call('"f"', "null"), call('"f"', '"x"'), call('"f"', "[NaN, 1e400]"),
                 '{"name": "f"}', '{"%s": {}}' % key, '{"type": "function", "name": "f", "%s": {}}' % key, "{}",
                 "[%s, {}]" % call('"f"', "{}"), "\ufeff" + call('"f"', "{}"), call('"f"', "{}") + " " + call('"f"', "{}"),
                 "[%s" % call('"f"', "{}"), call('"f"', "{'a': 1}"), call('"f"', '{"a": 1,}'), '"name"', "5", "null", "[5]", '["name"]',
                 ("[]", None, NO_CALL), (call("5", "{}"), None, "a name is a text")]
    elif name == "glm4":
        texts = ["f\n{\"a\": 1}", "f\n\n {\"a\": 1} \n", "f\n{}", "f\n{\"a\": 1, \"a\": 2}", "f {\"a\": 1}", "f\n{'a': 1}", "f\n", "\n", "f\n{\"a\": 1}\ng\n{}",
                 "So:\nf\n{\"a\": 1}", "<think>\nT\n</think>\n\nf\n{\"a\": 1}", "f\n{\"a\": [1, {\"b\": null}]}", "f\r\nx", "\u6642\n{\"a\": 1}",
                 "f\n{\"a\": 1} x", "f\n\ufeff{}", "f\n{\"a\": \"x\ny\"}",
                 ("The answer is:\n42", None, LINES), ("Answer\n42", None, LINES), ("f\n[1]", None, LINES), ("f\n\"x\"", None, LINES),
                 ("\n{\"a\": 1}", None, LINES), ("a b\n{}", None, LINES)]
    elif name in ("qwen", "ling", "glm4_moe"):
        call = lambda text: f"<tool_call>\n{text}\n</tool_call>"
        json_call = '{"name": "f", "arguments": {"a": 1}}'
        texts = [call(json_call), f"<tool_call>{json_call}</tool_call>", call(json_call) + call(json_call),
                 call(json_call) + " \n\u2003" + call(json_call) + " \n", call(json_call) + " and " + call(json_call),
                 call(json_call) + " done", "so " + call(json_call), call(json_call) + call("{}"), call(json_call) + call("x"),
                 call('{"name": "f"}'), call('["name", "arguments"]'), call('"name arguments"'), call("5"), "<tool_call></tool_call>",
                 "<tool_call> </tool_call>", call(call(json_call)), "<tool_call>" + call(json_call), call(json_call) + "</tool_call>",
                 call('{"name": "f", "arguments": {"a": "</tool_call>"}}'), call('{"name": "f", "arguments": "{\\"a\\": 1}"}'),
                 call('{"name": "f", "arguments": {"a": 1, "a": 2}, "id": 3}'), call("{'name': 'f', 'arguments': {}}"),
                 (call('{"name": 5, "arguments": {}}'), None, "a name is a text"), "<TOOL_CALL>%s</TOOL_CALL>" % json_call]
        if name == "glm4_moe":
            pair = "\n<arg_key>a</arg_key>\n<arg_value>%s</arg_value>"
            texts += [("<tool_call>f" + pair % 1 + "\n</tool_call>", ONE, NATIVE), ("<tool_call>f" + pair % 1, ONE, NATIVE),
                      ("<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>", ONE, NATIVE),
                      ("so\n<tool_call>f" + pair % " x " + "\n</tool_call>\n<tool_call>g\n</tool_call>", [["f", '{"a": " x "}'], ["g", "{}"]], NATIVE),
                      "<tool_call>f" + pair % 1 + " and done", "<tool_call>two words" + pair % 1, "<tool_call>f\n<arg_key>a</arg_key>",
                      "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1", "<tool_call>f\n<arg_key>a", "use <tool_call> here"]
    elif name == "minimax1":
        line = '{"name": "f", "arguments": {"a": 1}}'
        call = lambda text: f"<tool_calls>\n{text}\n</tool_calls>"
        texts = [call(line), call(line + "\n" + line), call(line + "\n\n broken\n " + line), "so " + call(line) + " done", call(line) + call(line),
                 f"<tool_calls>{line}</tool_calls>", call("\n"), "<tool_calls></tool_calls>", "<tool_calls></tool_calls>\n%s\n</tool_calls>" % line,
                 call("x"), "<tool_calls>\n" + line, line + "\n</tool_calls>", "<tool_calls>" + call(line), call('{"name": "f",\n"arguments": {}}'),
                 call("[%s]" % line), call("5"), (call(line + "\n5"), ONE, "a line that is no call is passed over"),
                 (call(line + '\n{"name": "g"}'), ONE, "a line that is no call is passed over"), call('{"name": 5, "arguments": {}}')]
        texts[6] = (texts[6], None, NO_CALL)
        texts[7] = texts[7]
        texts[9] = (texts[9], None, NO_CALL)
        texts[13] = (texts[13], None, NO_CALL)
        texts[-1] = (texts[-1], None, "a name is a text")
    elif name == "minimax2":
        texts = [MINIMAX(INVOKE % v) for v in ("1", "x", " x ", " 1 ", "", "{\"b\": [1, null]}", "{broken", "true", "\"x\"", "x\ny", "<b>x</b>", "NaN")]
        texts += [MINIMAX(INVOKE % 1 + "\n" + INVOKE % 2), "so " + MINIMAX(INVOKE % 1) + " done", MINIMAX(INVOKE % 1) + MINIMAX(INVOKE % 2),
                  MINIMAX('<invoke name=" f ">\n</invoke>'), MINIMAX('<invoke name="f"><parameter name="a">1</parameter><parameter name="a">2</parameter></invoke>'),
                  MINIMAX('<invoke name="f"><parameter name="a">1</invoke>'), "<minimax:tool_call>" + INVOKE % 1, MINIMAX('<invoke name=f></invoke>x'),
                  (MINIMAX("x"), None, NO_CALL), (MINIMAX(""), None, NO_CALL), ("<minimax:tool_call></minimax:tool_call>", None),
                  (INVOKE % 1, ONE, WRAPPER), ("so\n" + INVOKE % 1 + "\n" + INVOKE % '"x"', ONE + [["f", '{"a": "x"}']], WRAPPER),
                  '<invoke name="f">\n<parameter name="a">1', '<invoke name="f">']
        texts = [t[0] if isinstance(t, tuple) and len(t) == 2 else t for t in texts]
    elif name in ("qwen3_5", "seed_oss"):
        form = FUNCTION if name == "qwen3_5" else SEED
        open_tag, close_tag = TAGS[name]
        wrap = lambda text: open_tag + text + close_tag
        texts = [form % v for v in ("1", "x", " x ", "", "{\"b\": [1, null]}", "{broken", "true", "\"x\"", "x\ny", "<b>x</b>", "Infinity", "1.0")]
        texts += [form % 1 + "\n" + form % 2, "so " + form % 1 + " and " + form % 2 + " done", (form % 1).replace("</parameter>", ""),
                  (form % 1).replace("</function>", ""), (form % 1).replace(close_tag, ""), open_tag + form % 1,
                  wrap("<function= f >\n</function>"), wrap("<function=f></function>"), wrap("<function=>\n</function>"), wrap("<function=f"),
                  wrap("<function=f\n<parameter=a>1</parameter></function>"), wrap("x<function=f></function>"), wrap(""),
                  wrap("<function=f><parameter=a>1</parameter><parameter=a>2</parameter></function>"), wrap("<function=f>x</function> </function>"),
                  wrap("<function=f><parameter=>1</parameter><parameter=a b>2</parameter></function>")]
    elif name == "lfm2":
        inner = ["[f(a=1)]", "f(a=1)", " [ f ( a = 1 , ) , ] ", "[f(a='x', b=\"y\")]", "[f()]", "[]", "", "[f(a=1), g(b=[1, 2], c={'k': (1, 2)})]",
                 "[f(a=True, b=None, c=true, d=false, e=null)]", "[f(a=-1, b=+2.5, c=1e3, d=.5, e=5., f=0x1F, g=1_000, h=0b11, i=00)]",
                 "[f(a=(1), b=(1,), c=())]", "[f(a='it\\'s', b=\"a\\tb\\n\", c=r'\\d', d='\\u00e9\\x41\\101\\q')]", "[f(a='x' 'y')]",
                 "[f(a='''x\ny''')]", "[f(a={1: 2, None: 3})]", "[f(a=1, # note\n b=2)]", "[f(\u6642='x')]", "[f(a=x)]", "[f(a=g(1))]", "[f(a=1)", "f(a=1))",
                 "[f(a=1)] x", "f(a=1) + 2", "[1]", "f", "[f(a=b'x')" , "[f(a=f'x')]", "[f(a='x)]", "[f(a=01)]", "[f(a=1__0)]", "[f(a=1 2)]", "[f(a='\\x1')]",
                 "[f(a=-'x')]", "[f(a=--1)]", "f(a=1), g(b=2)", "[f(a=[1, x])]", "[[f(a=1)]]", "[f(a=1), 2]", "1f(a=1)", "[f(a=NaN)]", "[f(a={'k': 1, 'k': 2})]",
                 "[f(a=10000000000000000000000)]", "[f(a={1, 2})]", "[f(a=1j)]", "[f(a=b'x')]", "[f(a=...)]", "[f(a=1e999)]"]
        texts = [LFM % text for text in inner]
        texts += [("so " + LFM % "[f(a=1)]" + " done",), (LFM % "[f(a=1)]" + LFM % "[g()]",), ("<|tool_call_start|>[f(a=1)]",), ("[f(a=1)]<|tool_call_end|>",), ("[f(a=1)]",)]
        texts = [t[0] if isinstance(t, tuple) else t for t in texts]
        nested = "JSON's words may stand inside of lists"
        texts += [(LFM % "[f(1, a=1)]", None, POSITIONAL), (LFM % "[f(**{'a': 1})]", None, POSITIONAL), (LFM % "[f(a=[true, null])]", [["f", '{"a": [true, null]}']], nested),
                  (LFM % "[f(a={\"b\": false})]", [["f", '{"a": {"b": false}}']], nested), (LFM % "[f(from='x')]", [["f", '{"from": "x"}']], NAMES),
                  (LFM % "[a.b(a=1)]", [["a.b", '{"a": 1}']], NAMES), (LFM % "[get-weather(my-key=1)]", [["get-weather", '{"my-key": 1}']], NAMES),
                  (LFM % "[f(a='x\ny')]", [["f", '{"a": "x\\ny"}']], "texts may hold line breaks")]
    elif name == "gemma4":
        inner = ["a:1", "", " ", "a:<|\"|>x<|\"|>", "a:<|\"|>x<|\"|>,b:[1,<|\"|>y<|\"|>],c:{d:null,e:true}", "a:<|\"|><|\"|>", "a:<|\"|>x \"y\" \\ z\n<|\"|>", "\"a\": 1",
                 "<|\"|>a<|\"|>:1", " a : 1 , b : 2 ", "a:\"x\"", "a:1,a:2", "a:[],b:{}", "a:-1.5e3", "a:NaN", "a", "{\"a\": 1}", "[1]", "5", "\"x\"", "a:x", "a:1,", "a:[1", "a:<|\"|>x",
                 "a:tru", "a:1 2", "a:{b:{c:{d:<|\"|>\u6642<|\"|>}}}", "\na:1\n"]
        texts = [GEMMA % text for text in inner]
        texts += ["so " + GEMMA % "a:1" + " done", GEMMA % "a:1" + GEMMA % "b:2", GEMMA % "a:1" + "\n" + GEMMA % "b:2", "<|tool_call>call:f{a:1}", "<|tool_call>call:f a{b:1}<tool_call|>",
                  "<|tool_call>call:{a:1}<tool_call|>", "<|tool_call>call:f<tool_call|>", "<|tool_call>f{a:1}<tool_call|>", "<|tool_call>call:<|tool_call>call:f{a:1}<tool_call|>"]
        texts += [(GEMMA % "a:<|\"|>see, b: c<|\"|>", [["f", '{"a": "see, b: c"}']], "texts that look like names stay"),
                  (GEMMA % "a:<|\"|>x {y: z}<|\"|>", [["f", '{"a": "x {y: z}"}']], "texts that look like names stay"),
                  (GEMMA % "my-key:1", [["f", '{"my-key": 1}']], "all names are read"), (GEMMA % "\u6642:1", [["f", '{"\u6642": 1}']], "all names are read")]
    return texts


def common(name, tool):
    open_tag, close_tag = TAGS[name]
    written = tool.function_formatter([FunctionCall("f", '{"a": 1}')])
    return ["", " ", "\n", "Hello!", "It is 5 o'clock.\nReally.", open_tag, close_tag, open_tag + close_tag, close_tag + open_tag, open_tag * 3 + close_tag * 3,
            open_tag + "\n" + close_tag, f"{open_tag} {{}} {close_tag}", "{\"a\": 1}", "[]", written[:-1], written[: len(written) // 2], written + written]


def found(tool, text):
    try:
        result = tool.tool_extractor(text)
    except Exception:
        return "crash"
    if isinstance(result, str):
        assert result == text
        return None
    return [[name, arguments] for name, arguments in result]


def main():
    formats = {}
    for name in FORMATS:
        tool = get_tool_utils(name)
        written = tool.function_formatter([FunctionCall("f", '{"a": 1}')])
        texts = []
        for item in common(name, tool) + own(name):
            text, ours, why = item if isinstance(item, tuple) else (item, None, None)
            entry = dict(text=text, calls=found(tool, text))
            if name == "seed_oss" and any(">" in call[0] for call in entry["calls"] or []):
                # The reference takes all up to the next white space for the name.
                named = [[call[0].split(">")[0], call[1]] for call in entry["calls"]]
                ours, why = [call for call in named if call[0]] or None, ANGLE
            if text.endswith(written * 2) and name in ("glm4_moe", "minimax2"):
                ours, why = ONE + ONE, NATIVE
            if why:
                entry |= dict(ours=ours, why=why)
            if not any(text == other["text"] for other in texts):
                texts.append(entry)
        trips = []
        for index, calls in enumerate(CALLS):
            if name == "glm4" and len(calls) > 1:
                continue
            values = [FunctionCall(n, json.dumps(a, ensure_ascii=False)) for n, a in calls]
            trip = dict(given=[list(v) for v in values], calls=found(tool, tool.function_formatter(values)))
            why, numbers = RETURNS.get(name, ("", ()))
            if index in numbers:
                ordered = [[n, json.dumps(a, ensure_ascii=False, sort_keys=name == "gemma4")] for n, a in calls]
                trip |= dict(ours=LOST.get(name, {}).get(index, ordered), why=why)
            trips.append(trip)
        formats[name] = dict(texts=texts, trips=trips)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(formats, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
