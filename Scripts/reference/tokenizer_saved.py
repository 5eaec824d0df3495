"""Checks that the `tokenizers` library loads what Fledge saves and gives the same ids.

Usage: tokenizer_saved.py FOLDER

FOLDER is written by the tests: FLEDGE_SAVED_TOKENIZERS=FOLDER swift test -c release --filter
PublishedTokenizerTests. In each folder lie a saved tokenizer with two added tokens, and the ids that
Fledge gives to the texts of tokenizer_published.py with it.
"""
import json, os, sys
from tokenizers import Tokenizer
from tokenizer_published import texts


def main():
    folder, wrong = sys.argv[1], 0
    all_texts = texts() + ["a <new special>new word new words"]
    for name in sorted(os.listdir(folder)):
        tokenizer = Tokenizer.from_file(os.path.join(folder, name, "tokenizer.json"))
        with open(os.path.join(folder, name, "ids.json")) as file:
            expected = json.load(file)
        found = [tokenizer.encode(text, add_special_tokens=False).ids for text in all_texts]
        differing = [text for text, a, b in zip(all_texts, found, expected) if a != b]
        # Replacing runs of characters as SentencePiece does is more than stages of tokenizers can.
        exempt = name.startswith("botchan") or name == "unigram"
        wrong += bool(differing) and not exempt
        print(f"{name}: {len(differing)} of {len(all_texts)} texts differ{' (not expected to agree)' if exempt else ''}",
              flush=True)
        for text in differing[:2] if not exempt else []:
            print(f"  {text!r}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
