"""Makes the fixture of single stages of tokenizers with the `tokenizers` library (0.22.2).

Usage: tokenizer_stages.py OUTPUT_FOLDER

`stages.json` gets for each normalizer and pre-tokenizer below digests of what it makes of the texts of
tokenizer_published.py and of every character, and for each decoder digests of decoded ids. The model
behind the stages shows their work: it has the 256 byte tokens only, and continues words with U+0001, so
that its ids are the bytes of the normalised text and the borders of its pieces.
"""
import hashlib, json, os, struct, sys
from tokenizers import Tokenizer
from tokenizer_fixtures import Draws, draw_text, write
from tokenizer_published import CL100K, LLAMA3, O200K, PASSAGES

BYTES = {f"<0x{value:02X}>": value for value in range(256)}
MODEL = dict(type="BPE", vocab=BYTES, merges=[], byte_fallback=True, continuing_subword_prefix="\u0001")


def split(expression, behavior="Isolated", invert=False):
    return dict(type="Split", pattern=dict(Regex=expression), behavior=behavior, invert=invert)


def sequence(key, *stages):
    return {"type": "Sequence", key: list(stages)}


NORMALIZERS = {
    **{name: dict(type=name) for name in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]},
    "strip": dict(type="Strip", strip_left=True, strip_right=True),
    "strip left": dict(type="Strip", strip_left=True, strip_right=False),
    "prepend": dict(type="Prepend", prepend="\u2581"),
    "replace": dict(type="Replace", pattern=dict(String="an"), content="<>"),
    "replace pattern": dict(type="Replace", pattern=dict(Regex=" {2,}"), content="\u2581"),
    "bert": dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
    "bert cased": dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=False),
    "bert accents": dict(type="BertNormalizer", clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False),
    "albert": sequence("normalizers", dict(type="Replace", pattern=dict(String="``"), content="\""), dict(type="NFKD"),
                       dict(type="StripAccents"), dict(type="Lowercase")),
}

PRE_TOKENIZERS = {
    **{name: dict(type=name) for name in ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"]},
    "digits": dict(type="Digits", individual_digits=False),
    "each digit": dict(type="Digits", individual_digits=True),
    "delimiter": dict(type="CharDelimiterSplit", delimiter="e"),
    "byte level": dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
    "falcon": sequence("pretokenizers", dict(type="Punctuation", behavior="Contiguous"),
                       dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
                       dict(type="Digits", individual_digits=False), split("[0-9][0-9][0-9]")),
    "bloom": sequence("pretokenizers", split(" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"),
                      dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)),
    **{f"punctuation {behavior}": dict(type="Punctuation", behavior=behavior)
       for behavior in ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]},
    **{f"split {behavior} {invert}": split("\\p{Lu}|o+", behavior, invert) for invert in [False, True]
       for behavior in ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]},
    "split text": dict(type="Split", pattern=dict(String=" "), behavior="MergedWithPrevious", invert=False),
    **{f"metaspace {scheme}": dict(type="Metaspace", replacement="\u2581", prepend_scheme=scheme, split=scheme != "never")
       for scheme in ["first", "never", "always"]},
    "xlm": sequence("pretokenizers", dict(type="WhitespaceSplit"),
                    dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True)),
    "llama 3": split(LLAMA3), "cl100k": split(CL100K), "o200k": split(O200K),
    "deepseek": sequence(
        "pretokenizers", split("\\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
        split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
              "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")),
    "kimi": split("[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*"
                  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}|\\s+"),
    "digit groups": split("\\d{1,3}(?=(?:\\d{3})*\\b)"),
    "groups ahead": split("(?=(\\d{3})+(?!\\d))"),
    "words": split("\\w+|\\W"), "properties": split("\\p{Alphabetic}+|[[:punct:]]+|\\p{^L}"),
    "any case": split("(?i)strasse|k|[a-f]+|\u00e9|\u03c3"), "lines": split("^.{0,5}|$|x(?=y)|(?<=a)b|(?<!a)c"),
    "lazy": split("a.*?e|(?>ab|a)c|(?:ab?)+?|o{2}|l{1,}?"), "borders": split("\\b\\p{L}|\\B\\p{L}{2}"),
    "possessive": split("\\p{L}++\\p{N}?+|\\s*+\\S"), "repeated interval": split("\\p{N}{1,2}+"),
}

DECODERS = {
    "byte level": dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
    "metaspace": dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True),
    "metaspace never": dict(type="Metaspace", replacement="\u2581", prepend_scheme="never", split=True),
    "word piece": dict(type="WordPiece", prefix="##", cleanup=True),
    "word piece plain": dict(type="WordPiece", prefix="##", cleanup=False),
    "suffix": dict(type="BPEDecoder", suffix="</w>"),
    "llama": sequence("decoders", dict(type="Replace", pattern=dict(String="\u2581"), content=" "), dict(type="ByteFallback"),
                      dict(type="Fuse"), dict(type="Strip", content=" ", start=1, stop=0)),
    "ctc": dict(type="CTC", pad_token="<pad>", word_delimiter_token="|", cleanup=True),
    "none": None,
}

WORDS = ["\u2581the", "##ing", "un", "\u2581", "\u2581\u2581", "a", "\u0120a", "caf", "\u00c3\u00a9", "</w>", "do</w>", ".", " ,", "n't", " do", " not",
         "'s", "<pad>", "|", "\u4f60", "\u0120\u2581x", "<0x41>", "<0xE4>", "<0xBD>", "<0xA0>", "<0xFF>", "<0xff>", "<0xG0>", " ", "  x"]


def digest(all_texts, work, block=64):
    result = []
    for start in range(0, len(all_texts), block):
        digest = hashlib.sha256()
        for text in all_texts[start:start + block]:
            value = work(text)
            if isinstance(value, str):
                value = list(value.encode())
            digest.update(struct.pack(f"<{len(value) + 1}i", len(value), *value))
        result.append(digest.hexdigest()[:12])
    return " ".join(result)


def every_character():
    """All characters of planes 0 to 2 and some more, 64 to a text with a letter between."""
    values = [value for value in list(range(0x30000)) + list(range(0xE0000, 0xE0200)) if not 0xD800 <= value < 0xE000]
    return ["x".join(map(chr, values[start:start + 64])) for start in range(0, len(values), 64)]


def main():
    folder = sys.argv[1]
    texts = [draw_text(5000, index) for index in range(600)] + PASSAGES
    characters = every_character()
    result = dict(seed=5000, count=600, words=WORDS, stages=[], decoders=[])
    cases = [(name, "normalizer", value) for name, value in NORMALIZERS.items()]
    cases += [(name, "pre_tokenizer", value) for name, value in PRE_TOKENIZERS.items()]
    for name, kind, value in cases:
        tokenizer = Tokenizer.from_str(json.dumps({"model": MODEL, kind: value}))
        work = lambda text: tokenizer.encode(text).ids
        result["stages"].append(dict(name=name, kind=kind, value=value, texts=digest(texts, work),
                                     characters=digest(characters, work)))
    for name, value in DECODERS.items():
        model = dict(type="WordLevel", vocab={word: index for index, word in enumerate(WORDS)}, unk_token="a")
        tokenizer = Tokenizer.from_str(json.dumps(dict(model=model, decoder=value)))
        ids = []
        for index in range(400):
            draws = Draws(6000, index)
            ids.append([draws.below(len(WORDS)) for _ in range(1 + draws.below(12))])
        result["decoders"].append(dict(name=name, value=value, texts=digest(ids, lambda ids: tokenizer.decode(ids))))
    write(folder, "stages.json", result)


if __name__ == "__main__":
    main()
