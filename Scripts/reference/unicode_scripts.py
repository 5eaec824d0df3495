"""Writes the table of scripts that the pre-tokenizer UnicodeScripts of the `tokenizers` library (0.22.2) cuts by.

Usage: unicode_scripts.py > Sources/Tokenize/Unicode/ScriptTable.swift

The table is what the library does: two characters are of one script where it does not cut between them,
and of none where it drops them alone. Hiragana, Katakana and the long sound mark thereby are Han's.
"""
from tokenizers.pre_tokenizers import UnicodeScripts

stage = UnicodeScripts()


def pieces(text):
    return len(stage.pre_tokenize_str(text))


NONE = 255
examples, starts, last = [], [], None
for value in range(0x110000):
    if 0xD800 <= value <= 0xDFFF:
        continue
    character = chr(value)
    script = NONE
    if pieces(character):
        # Most characters are of the script of the one before.
        near = [last] if last not in (None, NONE) else []
        script = next((one for one in near + list(range(len(examples))) if pieces(examples[one] + character) == 1), None)
        if script is None:
            script = len(examples)
            examples.append(character)
    if script != last:
        starts.append(value << 8 | script)
    last = script
assert len(examples) < NONE

print("""// Written by Scripts/reference/unicode_scripts.py.

/// Where scripts begin: the first character times 256, and a number of the script.
let scriptStarts: [UInt32] = [""")
line = "   "
for start in starts:
    word = f" 0x{start:X},"
    if len(line + word) > 100:
        print(line)
        line = "   "
    line += word
print(line + "\n]")
