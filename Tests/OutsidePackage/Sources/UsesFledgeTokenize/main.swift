import FledgeCore
import FledgeTokenize

let template = try TemplateCatalog.named("chatml")
precondition(TemplateCatalog.names.contains(template.name))
// Two letters and their pair, as a tokenizer.json holds them.
let tokenizer = try TextTokenizer(
    json: [
        "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
        "model": [
            "type": "BPE", "vocab": ["a": 0, "b": 1, "ab": 2], "merges": [["a", "b"]],
        ],
    ], file: "inline")
precondition(tokenizer.encode("abba", specials: .parse) == [2, 1, 0])
print("FledgeTokenize: \(tokenizer.decode([2, 1, 0], skippingSpecials: true))")
