"""ROUGE and BLEU-4 of pairs of texts by LLaMA-Factory's own metric code (nltk 3.10.4, rouge_chinese 1.0.3,
jieba 0.42.1), for texts without Chinese, and for Chinese cut into characters.

    PYTHONPATH=STUBS python text_similarity.py Tests/TrainTests/Fixtures/text_similarity.json
"""
import json
import random
import sys

import jieba
import numpy as np
from llamafactory.train.sft import metric

jieba.initialize()
segment = jieba.cut


def by_characters(text):
    """What Fledge does: no Chinese word is longer than a character."""
    for word in segment(text):
        if any("\u4e00" <= character <= "\u9fd5" for character in word):
            pieces, run = [], ""
            for character in word:
                if "\u4e00" <= character <= "\u9fd5":
                    pieces += [run, character]
                    run = ""
                else:
                    run += character
            yield from (piece for piece in pieces + [run] if piece)
        else:
            yield word


class Texts:
    """Stands for a tokenizer whose tokens are whole texts."""
    pad_token_id = 0

    def __init__(self, texts):
        self.texts = texts

    def batch_decode(self, ids, skip_special_tokens):
        return [self.texts[row[0]] for row in ids]


class Predictions:
    def __init__(self, predictions, label_ids):
        self.predictions, self.label_ids = predictions, label_ids


def scores(prediction, expected):
    compute = metric.ComputeSimilarity(tokenizer=Texts([prediction, expected]))
    return compute(Predictions(np.array([[0]]), np.array([[1]])))


PAIRS = [
    ("the cat sat on the mat", "the cat is on the mat"), ("Hello, world! 3.14", "Hello world 3.14!"),
    ("abc", "xyz"), ("", "x y"), ("x y", ""), ("   ", "x"), ("\n\n", "\n"), ("a", "a"), ("ab", "ab"),
    ("abc", "abc"), ("the the the the", "the cat"), ("a\n\nb", "a b"), ("a \n \n b", "a\nb\n\nc"),
    ("Is it? Yes? No.", "Is it? No? Yes."), ("What?? Why?", "Why? What??"), ("so...... and", "so and ......"),
    ("........ dots", "dots ........"), ("v1.2.3 is 50% of 3.5%", "v1.2 is 50 % of 3.5%"),
    ("C++ and c# beat C at AT&T", "c++ and C# at AT&T beat C"), ("Objective-C++", "Objective C++"),
    ("e-mail me_at x.y@z.org", "email me at x.y@z.org"), ("caf\u00e9 d\u00e9j\u00e0 vu", "cafe deja vu"),
    ("na\u00efve \u2014 \u201cquoted\u201d \u2026", "naive - \"quoted\" ..."), ("\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440"),
    ("\uc548\ub155\ud558\uc138\uc694", "\uc548\ub155"), ("\U0001f600 ok \U0001f44d\U0001f3fd", "ok \U0001f600"), ("a\u00a0b\tc\r\nd", "a b c d"), ("a+b=c", "a + b = c"),
    ("print(f'{x:.2f}')", "print('%.2f' % x)"), ("1,000.50 USD", "1000.50 USD"), ("+++ ### &&& ---", "+++###"),
    ("The quick brown fox. The lazy dog.", "The lazy dog. The quick brown fox."),
    ("\u3053\u3093\u306b\u3061\u306f\u3002", "\u3053\u3093\u306b\u3061\u306f\uff01"), ("yes\u3002no\uff1fmaybe", "yes no\uff1f maybe\u3002"),
]
CHINESE = [
    ("\u4eca\u5929\u5929\u6c14\u5f88\u597d", "\u4eca\u5929\u7684\u5929\u6c14\u771f\u597d"), ("\u6211\u7231C++\u7f16\u7a0b\u3002\u771f\u7684\uff1f", "\u6211\u559c\u6b22c++\u7f16\u7a0b\uff01"),
    ("GPT-4\u5f88\u5f3a\uff0c3.5%\u7684\u63d0\u5347\u3002\u597d\uff1f\u597d", "GPT4\u5f88\u5f3a\uff0c\u63d0\u53473.5%\u3002"), ("\u201c\u597d\u3002\u201d\u4ed6\u8bf4", "\u4ed6\u8bf4\uff1a\u201c\u597d\u3002\u201d"),
]

generator = random.Random(1)
ALPHABET = ["a", "b", "ab", "c++", "1", "2.5", "%", ".", "......", "?", " ", "  ", "\n", "-", "_", ",", "\u00e9", "the", "A"]
for _ in range(120):
    def text():
        return "".join(generator.choice(ALPHABET) for _ in range(generator.randrange(14)))
    PAIRS.append((text(), text()))

rows = [{"prediction": p, "expected": e, **scores(p, e)} for p, e in PAIRS]
metric.jieba.cut = by_characters
rows += [{"prediction": p, "expected": e, **scores(p, e)} for p, e in CHINESE]
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(rows, file, ensure_ascii=False, indent=0)
    file.write("\n")
