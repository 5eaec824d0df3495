"""Tokenizers: Fledge and the library of the same file by turns on the same texts, one thread each.

Usage: encode.py [--pairs 5] [--only NAME …]

Run by `make bench`, which sets BENCHMARKS (folder of the built benchmarks), TOKENIZERS (what
Scripts/fetch-tokenizers.sh prints) and DATA (what Scripts/fetch-reference-data.sh prints), and may set
BFLOAT16_FOLDER (SmolLM2 as a Hugging Face folder). This Python needs `tokenizers` and `sentencepiece`. Of
Llama 2 and Gemma 3 Fledge reads the tokenizer.model; its peers are `sentencepiece` with the same file and
`tokenizers` with the tokenizer.json that transformers makes of it. Each run is a process of its own: it loads the tokenizer, encodes all
texts once (first), and then for a second again (repeated, when words are remembered). Ratios are medians
over pairs of runs that follow each other. Both sides must give the same number of tokens.
"""
import argparse, base64, json, os, statistics, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))


def peer(file, text_file):
    """What TokenizeBenchmark does, with the library."""
    start = time.perf_counter()
    if file.endswith(".json"):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(file)
        encode = lambda text: tokenizer.encode(text, add_special_tokens=False)
    else:
        from sentencepiece import SentencePieceProcessor

        encode = SentencePieceProcessor(model_file=file).encode
    load = time.perf_counter() - start
    with open(text_file, encoding="utf-8", newline="") as data:
        texts = data.read().split("\x1e")
    size = sum(len(text.encode()) for text in texts) * 1e-6

    def run():
        begin = time.perf_counter()
        tokens = sum(len(encode(text)) for text in texts)
        return tokens, time.perf_counter() - begin

    tokens, first = run()
    passes = total = 0
    while total < 1:
        total += run()[1]
        passes += 1
    print(json.dumps(dict(load_seconds=load, tokens=tokens, first=size / first, repeated=size * passes / total)))


def llama3(source, target):
    """Llama 3's tokenizer.json, made of its ranks as transformers does it."""
    sys.path.insert(0, os.path.join(here, "../Scripts/reference"))
    from tokenizer_published import LLAMA3, ranks
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    merge = ranks(source)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    printable = [b for b in range(256) if chr(b) in alphabet and not 0x7F <= b <= 0xA0 and b != 0xAD and b > 0x20]
    written = {b: chr(b) for b in printable}
    written.update({b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in written)})
    text = lambda token: "".join(written[byte] for byte in token)
    merges = []
    for token, rank in merge.items():
        local = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in merge and token[i:] in merge]
        merges += [(rank, merge[a], merge[b], text(a), text(b)) for a, b in local]
    merges.sort()
    tokenizer = Tokenizer(models.BPE({text(token): rank for token, rank in merge.items()},
                                     [(a, b) for _, _, _, a, b in merges], ignore_merges=True, fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(target)


def sentence_pieces(source, target):
    """The tokenizer.json of a SentencePiece model, made as transformers does it for Llama 2 and Gemma."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

    model = sentencepiece_model_pb2.ModelProto()
    with open(source, "rb") as file:
        model.ParseFromString(file.read())
    pieces = [piece.piece for piece in model.pieces]
    ids = {piece: index for index, piece in enumerate(pieces)}
    merges = []
    for index, piece in enumerate(pieces):
        local = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in ids and piece[i:] in ids]
        merges += [(-model.pieces[index].score, ids[a], ids[b], a, b) for a, b in local]
    merges.sort()
    tokenizer = Tokenizer(models.BPE(ids, [(a, b) for *_, a, b in merges], unk_token="<unk>", fuse_unk=True,
                                     byte_fallback=True))
    prefix = model.normalizer_spec.add_dummy_prefix
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁")] * prefix + [normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    # Kinds 2 and 3 are the unknown and the control pieces, 4 those of the user.
    tokenizer.add_special_tokens([
        AddedToken(piece.piece, special=True) for piece in model.pieces if piece.type in (2, 3)])
    tokenizer.add_tokens([AddedToken(piece.piece, normalized=False) for piece in model.pieces if piece.type == 4])
    tokenizer.save(target)


def texts(data, folder):
    english, chinese = [], []
    for name, rows in (("alpaca_en_demo.json", english), ("alpaca_zh_demo.json", chinese)):
        with open(os.path.join(data, name), encoding="utf-8") as file:
            rows += [row["instruction"] + "\n" + row["input"] + "\n" + row["output"] for row in json.load(file)]
    with open(os.path.join(data, "wiki_demo.txt"), encoding="utf-8") as file:
        english += [line for line in file.read().splitlines() if line]
    result = {}
    for name, rows in (("English", english), ("Chinese", chinese)):
        result[name] = os.path.join(folder, name)
        with open(result[name], "w", encoding="utf-8", newline="") as file:
            file.write("\x1e".join(row.replace("\x1e", " ") for row in rows))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="parts of the names of tokenizers")
    options = parser.parse_args()
    environment = dict(os.environ, TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

    def run(*command):
        output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        return json.loads(output.strip().splitlines()[-1])

    middle = lambda values: statistics.median(list(values))
    program = os.environ["BENCHMARKS"] + "/TokenizeBenchmark"
    with tempfile.TemporaryDirectory() as work:
        files = {"Qwen3": os.environ["TOKENIZERS"] + "/qwen3/tokenizer.json"}
        llama3(os.environ["TOKENIZERS"] + "/llama3/tokenizer.model", work + "/llama3.json")
        files["Llama 3"] = work + "/llama3.json"
        if os.environ.get("BFLOAT16_FOLDER"):
            files["SmolLM2"] = os.environ["BFLOAT16_FOLDER"] + "/tokenizer.json"
        # What each side loads.
        files = {name: (file, file) for name, file in files.items()}
        for name, folder in (("Llama 2", "llama2"), ("Gemma 3", "gemma3")):
            model = f"{os.environ['TOKENIZERS']}/{folder}/tokenizer.model"
            sentence_pieces(model, f"{work}/{folder}.json")
            files[name] = (model, f"{work}/{folder}.json")
            files[name + ", sentencepiece"] = (model, model)
        if options.only:
            files = {name: pair for name, pair in files.items() if any(part in name for part in options.only)}
        print("| tokenizer | texts | load | first pass, MB/s | repeated, MB/s | two threads |\n|---|---|---|---|---|---|")
        for name, (file, other) in files.items():
            for language, text in texts(os.environ["DATA"], work).items():
                pairs = [(run(program, file, text), run(sys.executable, __file__, "--peer", other, text))
                         for _ in range(options.pairs)]
                if pairs[0][0]["tokens"] != pairs[0][1]["tokens"]:
                    sys.exit(f"{name}, {language}: {pairs[0][0]['tokens']} and {pairs[0][1]['tokens']} tokens")
                both = run(program, file, text, "2")["repeated"]
                cell = lambda key: (f"{middle(a[key] for a, _ in pairs):.1f} to {middle(b[key] for _, b in pairs):.2f} "
                                    f"({middle(a[key] / b[key] for a, b in pairs):.1f}×)")
                load = (f"{middle(a['load_seconds'] for a, _ in pairs):.3f} to "
                        f"{middle(b['load_seconds'] for _, b in pairs):.3f} s "
                        f"({middle(a['load_seconds'] / b['load_seconds'] for a, b in pairs):.0%})")
                print(f"| {name} | {language} | {load} | {cell('first')} | {cell('repeated')} "
                      f"| {both / middle(a['repeated'] for a, _ in pairs):.2f}× |", flush=True)


if __name__ == "__main__":
    peer(*sys.argv[2:]) if sys.argv[1:2] == ["--peer"] else main()
