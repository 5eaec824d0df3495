#!/usr/bin/env python3
"""Renders random small programs with Jinja2, as transformers sets it up.

Writes Tests/JinjaTests/Fixtures/jinja-random.json: programs of assignments, loops, macros and
blocks inside each other, which show where a name is visible, and mixtures of tags and white space.

    python3 jinja_random.py [SEED SCOPES SPACES TARGET]

With a larger number and another target it is a search for differences. Versions: requirements.txt.
"""

import copy
import json
import pathlib
import random
import sys

from jinja_environment import render

VALUES = {"a": 1, "l": [1, 2, 3], "s": "xyz", "t": True}
NAMES = ["a", "b", "c", "i", "j"]
PRELUDE = (
    "{% set ns = namespace(v=0) %}"
    "{% macro m(x, y=1) %}[{{ x }}{{ a }}{{ caller(1) if caller }}]{% endmacro %}"
    "{% macro k(i) %}<{{ i }}{{ b }}{{ caller(i) if caller }}>{% endmacro %}"
)
ATOMS = [*NAMES, "1", "'q'", "a", "b", "(loop.index if loop is defined)", "l", "s", "ns.v"]
CALLS = ["m(1)", "m()", "m(a, b)", "k(2)", "l|map('string')|join(a|string)", "varargs", "kwargs",
         "(loop.last if loop)", "(loop.previtem if loop)"]
SPACES = [" ", "  ", "\n", "\n\n", "\t", "\r\n", "\r", "x", "ab", "\u00a0", "\u3000", "\x0b", "{",
          "}", "%", "#", "-", "", "", "\n  ", " \n", "é"]
STRAY = ["{%", "{{", "{#", "%}", "}}", "#}", "{%-", "-%}"]


class Program:
    """Draws the text of one program."""

    def __init__(self, draws):
        self.pick, self.chance, self.below = draws.choice, draws.random, draws.randrange

    def expression(self):
        atom = lambda: self.pick(ATOMS)
        form = self.pick(["{0}", "{0}", "{0}", "{0} ~ {1}", "({0} if {1} else {2})",
                          "{0}|default('D')", "{0} is defined", self.pick(CALLS)])
        return form.format(atom(), atom(), atom())

    def block(self, depth):
        return "".join(self.statement(depth) for _ in range(self.below(1, 4)))

    def statement(self, depth):
        e, inside = self.expression, lambda: self.block(depth - 1)
        kind = self.below(14) if depth > 0 else 0
        name = self.pick(NAMES)
        if kind < 4:
            return "{{ " + e() + " }};"
        if kind == 4:
            return "{% set " + name + " = " + e() + " %}"
        if kind == 5:
            return "{% set " + name + " %}" + inside() + "{% endset %}"
        if kind in (6, 7):
            other = self.pick(["", "{% else %}" + inside(),
                               "{% elif " + e() + " %}" + inside() + "{% else %}" + inside()])
            return "{% if " + e() + " %}" + inside() + other + "{% endif %}"
        if kind in (8, 9):
            end = self.pick(["", "", "{% break %}", "{% continue %}",
                             "{% if " + e() + " %}{% break %}{% endif %}"])
            return ("{% for " + name + " in " + self.pick(["l", "l", "s", "[a, b]", "range(2)"])
                    + self.pick(["", "", " if " + e()]) + " %}" + inside() + end
                    + self.pick(["", "{% else %}" + inside()]) + "{% endfor %}")
        if kind == 10:
            return ("{% macro " + self.pick("mk") + "("
                    + self.pick(["", "a", "x, b=a", "a, c=2", "i=b"]) + ") %}" + inside()
                    + "{% endmacro %}")
        if kind == 11:
            return ("{% call" + self.pick(["", "(a)", "(x, b=1)"]) + " " + self.pick("mk") + "("
                    + self.pick(["1", "a"]) + ") %}" + inside() + "{% endcall %}")
        if kind == 12:
            return "{% with " + name + " = " + e() + " %}" + inside() + "{% endwith %}"
        tag = self.pick(["filter upper", "generation"])
        return "{% " + tag + " %}" + inside() + "{% end" + tag.split()[0] + " %}"

    def tag(self):
        sign = lambda: self.pick(["", "", "", "-", "+"])
        pair = lambda start, end: ("{%" + sign() + start + sign() + "%}" + self.mixture(2) + "{%"
                                   + sign() + end + sign() + "%}")
        kind = self.below(11)
        if kind < 3:
            return ("{{" + self.pick(["", "-", " ", "+"])
                    + self.pick([" a ", "'x'", "' }}' ", "{'k': {'j': 1}}['k']", "( a )", "a\n"])
                    + self.pick(["", "-", " "]) + "}}")
        if kind == 3:
            return "{#" + sign() + self.pick(["c", "\n", "-", "", "{{ x }}", "%}"]) + sign() + "#}"
        if kind == 4:
            return pair(" raw ", " endraw ")
        if kind < 8:
            return pair(" if t ", " endif ")
        if kind == 8:
            return pair("for i in l", " endfor ")
        return "{%" + sign() + " set q = 1 " + sign() + "%}" if kind == 9 else (
            self.pick(STRAY) if self.chance() < 0.1 else "")

    def mixture(self, size):
        return "".join(self.pick(SPACES) if self.chance() < 0.6 else self.tag()
                       for _ in range(self.below(size * 3)))


def main():
    arguments = sys.argv[1:] or ["1", "150", "350", ""]
    program = Program(random.Random(int(arguments[0])))
    cases = []
    for count, draw in [(int(arguments[1]), lambda: PRELUDE + program.block(3)),
                        (int(arguments[2]), lambda: program.mixture(4))]:
        wanted = len(cases) + count
        while len(cases) < wanted:
            template = draw()
            try:
                result = render(template, copy.deepcopy(VALUES))
            except StopIteration:  # a macro that calls itself without end
                continue
            if " at 0x" not in result.get("text", "") and len(str(result)) < 400:
                cases.append({"template": template, **result})
    folder = pathlib.Path(__file__).parents[2] / "Tests/JinjaTests/Fixtures"
    target = pathlib.Path(arguments[3]) if arguments[3] else folder / "jinja-random.json"
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    values = json.dumps(VALUES, ensure_ascii=False)
    target.write_text(f'{{"values": {values},\n"cases": [\n{lines}\n]}}\n')
    print(len(cases), "cases,", sum("error" in case for case in cases), "errors")


if __name__ == "__main__":
    main()
