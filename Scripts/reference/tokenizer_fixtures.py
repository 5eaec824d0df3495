"""Makes the fixtures of the tokenizer tests with the `tokenizers` library.

Usage: tokenizer_fixtures.py OUTPUT_FOLDER [SMOLLM2_FOLDER]

OUTPUT_FOLDER gets `corpus.json` (what texts are drawn from), `tiny.json` (a small tokenizer trained
on the text below, and variants of it), and digests: for each drawn text 8 hexadecimal digits of
SHA-256 over the ids (little-endian int32), the decoded text, and the decoded text without special
tokens. The Swift tests draw the same texts from the same keys. With SMOLLM2_FOLDER (a folder with
SmolLM2's tokenizer.json) its digests are made too.
"""
import copy, hashlib, json, os, struct, sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

MASK = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Draws:
    """FledgeCore's KeyedGenerator for RandomKey(seed:).appending(index)."""

    def __init__(self, seed, index):
        bits = mix((seed + 0x9E3779B97F4A7C15) & MASK)
        self.bits = mix(bits ^ mix((index + 0x9E3779B97F4A7C15) & MASK))
        self.counter = 0

    def below(self, count):
        value = mix((self.bits + self.counter * 0x9E3779B97F4A7C15) & MASK)
        self.counter += 1
        return value % count


PROSE = """The library trains small language models on ordinary processors. It reads a folder of weights, a list of
questions with their answers, and a recipe of a few lines; it writes an adapter that other programs can load. Nothing
is silently wrong: what is trained on is what was meant, and the program can show it. Every sample is rendered by a
template into pieces, each of them text or control, each supervised or not. Don't trust a mask that was found again in
the tokens; it's the renderer that knows. We'll measure, they've measured, I'd measure, you're measuring, I'm done.
Numbers such as 1, 23, 456, 7890 and 3.14159 are cut into digits, dates like 2024-05-17 too. Gr\u00fc\u00dfe aus M\u00fcnchen, d\u00e9j\u00e0
vu, na\u00efve caf\u00e9s, \u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440, \u4f60\u597d\u4e16\u754c, \u3053\u3093\u306b\u3061\u306f. def add(a, b):\n    return a + b\n\n\tif x != y { print(\"no\"); }\n"""

CORPUS = {
    "words": sorted(set(PROSE.split())),
    "spaces": [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\t\t", " \n ", "\u00a0", "\u2003", "\u3000", "\u0085",
               "\u2028", "\u000b", "\u200b", "\ufeff"],
    "marks": [".", ",", "!", "?", "...", ":", ";", "(", ")", "[", "]{", "}", "\"", "'", "`", "-", "--", "\u2014", "/", "\\", "@", "#",
              "$", "%", "^&", "*", "+", "=", "<", ">", "|", "~", "_", "\u00bf", "\u00ab", "\u2026", "\u3002", "\u20ac", "!!!\n", "?\r\n", ";\n\n"],
    "contractions": ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'LL", "'D", "'M", "'x", "'l", "'r",
                     "'\u017f", "\u2019s", "''s"],
    "clusters": ["e\u0301", "\u0041\u030a", "\u1100\u1161\u11a8", "\uac01", "\u212b", "\u0344", "\u0958", "n\u0303o", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
                 "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "q\u0307\u0323", "\ufb01", "\u0915\u094d\u0937\u093f", "\u0e01\u0e33", "\u0660\u0661\u0662",
                 "\u2163", "\u00bd", "\u00b2", "\u2460", "\U0001d7d8", "\u09ea"],
    "specials": ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>", "<|im_start|>user\n", "<|im_end", "|>", "<|", "<|im_end|>>",
                 "<word>", "<left>", "<right>", "<tool>", "<toolbox>", "<caf\u00e9>", "<cafe\u0301>"],
    # First and last of ranges: Latin to Cyrillic, Hebrew and Arabic, Indic, Thai, Hangul, kana, Han, emoji, mathematics.
    "ranges": [[0x20, 0x7E], [0xA0, 0x52F], [0x590, 0x6FF], [0x900, 0xDFF], [0xE00, 0xE7F], [0xAC00, 0xD7A3], [0x3040, 0x30FF],
               [0x4E00, 0x9FFF], [0x1F300, 0x1FAFF], [0x1D400, 0x1D7FF], [0x2000, 0x2BFF], [0x20000, 0x2A6DF]],
}


def draw_text(seed, index):
    """A text of up to 24 pieces. FixtureTexts.swift draws the same one: keep both in step."""
    draws = Draws(seed, index)
    pick = lambda items: items[draws.below(len(items))]
    text = []
    for _ in range(1 + draws.below(24)):
        kind = draws.below(16)
        if kind < 5:
            text.append(" " if draws.below(4) else "")
            text.append(pick(CORPUS["words"]))
        elif kind == 5:
            text.append(str(draws.below(10 ** (1 + draws.below(8)))))
        elif kind < 8:
            first, last = pick(CORPUS["ranges"])
            for _ in range(1 + draws.below(6)):
                text.append(chr(first + draws.below(last - first + 1)))
        elif kind == 8:
            scalar = draws.below(0x110000 - 0x800)
            text.append(chr(scalar if scalar < 0xD800 else scalar + 0x800))
        elif kind < 11:
            text.append(pick(CORPUS["spaces"]))
        elif kind == 11:
            text.append(pick(CORPUS["marks"]))
        elif kind == 12:
            text.append(pick(CORPUS["contractions"]))
        elif kind == 13:
            text.append(pick(CORPUS["clusters"]))
        elif kind == 14:
            text.append(pick(CORPUS["specials"]))
        else:
            text.append(pick(CORPUS["words"])[0] * (1 + draws.below(300)))
    return "".join(text)


def digests(tokenizer, seed, count, split_specials):
    tokenizer.encode_special_tokens = split_specials
    result = []
    for index in range(count):
        ids = tokenizer.encode(draw_text(seed, index), add_special_tokens=False).ids
        digest = hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids))
        digest.update(tokenizer.decode(ids, skip_special_tokens=False).encode())
        digest.update(tokenizer.decode(ids, skip_special_tokens=True).encode())
        result.append(digest.hexdigest()[:8])
    return " ".join(result)


def split(digits):
    expression = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits
                  + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    return dict(type="Sequence", pretokenizers=[
        dict(type="Split", pattern=dict(Regex=expression), behavior="Isolated", invert=False), byte_level(False, False)])


def byte_level(prefix, regex):
    return dict(type="ByteLevel", add_prefix_space=prefix, trim_offsets=True, use_regex=regex)


def added(content, identifier, **flags):
    entry = dict(id=identifier, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    entry.update(flags)
    return entry


def tiny():
    """A small vocabulary without most single bytes, and variants of the stages around it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.train_from_iterator([PROSE] * 2, trainers.BpeTrainer(
        vocab_size=480, special_tokens=specials, show_progress=False))
    base = json.loads(tokenizer.to_str())
    size = len(base["model"]["vocab"])
    full = dict(base["model"]["vocab"])
    for character in pre_tokenizers.ByteLevel.alphabet():
        full.setdefault(character, len(full))
    digits = dict(type="Sequence", pretokenizers=[dict(type="Digits", individual_digits=True), byte_level(False, True)])
    variants = {
        "gpt2": {},
        "prefix": dict(pre_tokenizer=byte_level(True, True)),
        "smollm": dict(pre_tokenizer=digits),
        "digit runs": dict(pre_tokenizer=dict(type="Sequence", pretokenizers=[
            dict(type="Digits", individual_digits=False), byte_level(False, True)])),
        "llama3": dict(pre_tokenizer=split(r"\p{N}{1,3}"), model=dict(ignore_merges=True)),
        "qwen2": dict(pre_tokenizer=split(r"\p{N}"), normalizer=dict(type="NFC")),
        "whole": dict(pre_tokenizer=byte_level(False, False)),
        "unknown": dict(model=dict(unk_token="<|endoftext|>", fuse_unk=False)),
        "fused": dict(model=dict(unk_token="<|endoftext|>", fuse_unk=True)),
        "added": dict(normalizer=dict(type="NFC"), added_tokens=base["added_tokens"] + [
            added("<word>", size, single_word=True, special=False), added("<left>", size + 1, lstrip=True),
            added("<right>", size + 2, rstrip=True), added("<tool>", size + 3, special=False),
            added("<caf\u00e9>", size + 4, normalized=True, special=False), added("<tool>box", size + 5, special=False),
            added("library", size + 6, normalized=True, special=False)]),
    }
    return base, variants


def variant(base, patch):
    value = copy.deepcopy(base)
    for key, part in patch.items():
        if key == "model":
            value["model"].update(part)
        else:
            value[key] = part
    return value


def write(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=None, separators=(",", ":"))
        file.write("\n")


def main():
    folder = sys.argv[1]
    write(folder, "corpus.json", CORPUS)
    base, variants = tiny()
    result = {}
    for seed, (name, patch) in enumerate(variants.items()):
        tokenizer = Tokenizer.from_str(json.dumps(variant(base, patch)))
        result[name] = dict(seed=seed, count=300, parse=digests(tokenizer, seed, 300, False),
                            text=digests(tokenizer, seed, 300, True))
    write(folder, "tiny.json", dict(base=base, variants=variants, digests=result))
    if len(sys.argv) > 2:
        tokenizer = Tokenizer.from_file(os.path.join(sys.argv[2], "tokenizer.json"))
        write(folder, "smollm2.json", dict(seed=1000, count=2000, parse=digests(tokenizer, 1000, 2000, False),
                                           text=digests(tokenizer, 1000, 2000, True)))


if __name__ == "__main__":
    main()
