"""What both Jinja fixtures share: transformers' environment at a fixed time, and kinds of errors."""

import datetime
import hashlib

import jinja2
import jinja2.exceptions
import jinja2.sandbox
from transformers.utils import chat_template_utils as utils

# 2026-01-02 03:04:05.678901, a Friday; the tests' clock stands at the same time.
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


utils.datetime = FixedTime

KINDS = [
    (jinja2.exceptions.TemplateSyntaxError, "syntax"),
    (SyntaxError, "syntax"),
    (jinja2.exceptions.UndefinedError, "undefined"),
    (jinja2.exceptions.SecurityError, "security"),
    (jinja2.exceptions.FilterArgumentError, "arguments"),
    (jinja2.exceptions.TemplateRuntimeError, "runtime"),
    (jinja2.exceptions.TemplateError, "raised"),
    (ZeroDivisionError, "zeroDivision"),
    (OverflowError, "overflow"),
    (LookupError, "lookup"),
    (TypeError, "type"),
    (AttributeError, "type"),
    (ValueError, "value"),
    (AssertionError, "value"),
]


def kind(error):
    return next(name for cls, name in KINDS if isinstance(error, cls))


def render(template, context, mask=False):
    """The text and the byte ranges of generation blocks, or the error's kind and message."""
    try:
        compiled = utils._compile_jinja_template(template)
        if not mask:
            return {"text": compiled.render(**context)}
        context = {"tools": None, "documents": None, "add_generation_prompt": False, **context}
        text, ranges = utils._render_with_assistant_indices(compiled, **context)
        at = lambda index: len(text[:index].encode())
        return {"text": text, "ranges": [[at(start), at(end)] for start, end in ranges]}
    except Exception as error:
        name = kind(error)
        shown = name in ("raised", "undefined", "security")
        return {"error": name, "message": str(error)} if shown else {"error": name}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()
