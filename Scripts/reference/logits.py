"""Reference logits and greedy continuations, and tiny random checkpoints with theirs.

    python logits.py smollm2 MODEL_FOLDER Tests/ModelTests/Fixtures/smollm2_logits.json
    python logits.py tiny Tests/ModelTests/Fixtures/tiny-llama
    python logits.py gemma3 GGUF_FILE Tests/ModelTests/Fixtures/gemma3_logits.json

MODEL_FOLDER is SmolLM2-135M-Instruct expanded to float32, GGUF_FILE Gemma 3 270M as fetch-gemma3.sh
fetches it. Everything is computed in float32.
"""
import json
import os
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

COLUMN_STEP = 97
PROMPTS = [
    "<|im_start|>user\nName three birds that cannot fly.<|im_end|>\n<|im_start|>assistant\n",
    "The quick brown fox jumps over the lazy dog. In 1969, 3 astronauts",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
]

# The last is longer than the window of most layers.
PIECES = [
    "The ▁capital ▁of ▁France ▁is".split(),
    "Once ▁upon ▁a ▁time , ▁there ▁was ▁a ▁little ▁girl ▁who".split(),
    "▁one ▁two ▁three ▁five ▁eight ,".split() * 100,
]


def short(tensor):
    """float32 values as the shortest numbers that name them."""
    return [float(str(value)) for value in tensor.float().flatten().numpy()]


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=0)
        file.write("\n")


def greedy(model, ids, count):
    """Greedy continuation without any stopping, and each step's lead of the best over the next."""
    out, leads, past = [], [], None
    step = torch.tensor([ids])
    for _ in range(count):
        result = model(step, past_key_values=past, use_cache=True)
        past = result.past_key_values
        best = torch.topk(result.logits[0, -1], 2)
        out.append(int(best.indices[0]))
        leads.append(float(best.values[0] - best.values[1]))
        step = torch.tensor([[out[-1]]])
    return out, leads


def recorded(model, ids, step, count):
    logits = model(torch.tensor([ids])).logits[0]
    continuation, leads = greedy(model, ids, count)
    positions = [0, len(ids) // 2, len(ids) - 1]
    return dict(
        ids=ids, positions=positions, columns=[short(logits[p, ::step]) for p in positions],
        argmax=logits.argmax(-1).tolist(), logsumexp=short(logits.logsumexp(-1)),
        greedy=continuation, smallest_lead=min(leads))


@torch.no_grad()
def smollm2(folder, target):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    texts = [tokenizer.encode(text, add_special_tokens=False).ids for text in PROMPTS]
    write(target, dict(
        column_step=COLUMN_STEP,
        prompts=[recorded(model, ids, COLUMN_STEP, 64) for ids in texts]))


@torch.no_grad()
def gemma3(path, target):
    from gguf import GGUFReader
    # transformers makes another tokenizer of the file than it has: ids are looked up piece by piece.
    tokens = GGUFReader(path).get_field("tokenizer.ggml.tokens").contents()
    places = {text: index for index, text in enumerate(tokens)}
    folder, file = os.path.split(path)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager").eval()
    step = 1999
    write(target, dict(column_step=step, prompts=[
        recorded(model, [places["<bos>"], *(places[piece] for piece in pieces)], step, 40)
        for pieces in PIECES]))


def old_spelling(folder):
    """Rewrites config.json as transformers 4 spelt it."""
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope["rope_theta"]
    config["rope_scaling"] = None if rope["rope_type"] == "default" else {
        k: v for k, v in rope.items() if k != "rope_theta"}
    config["torch_dtype"] = config.pop("dtype")
    json.dump(config, open(path, "w"), indent=2)


def gguf(model, path):
    """The same model as a GGUF file: q and k permuted as llama.cpp stores them."""
    from gguf import GGUFWriter
    c = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_vocab_size(c.vocab_size)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
             "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    for name, tensor in model.state_dict().items():
        if name.startswith("model.layers."):
            index, rest = name[len("model.layers."):].split(".", 1)
            target = f"blk.{index}.{names[rest[:-len('.weight')]]}.weight"
        else:
            target = {"model.embed_tokens.weight": "token_embd.weight",
                      "model.norm.weight": "output_norm.weight",
                      "lm_head.weight": "output.weight"}[name]
        for key, heads in (("q_proj", c.num_attention_heads), ("k_proj", c.num_key_value_heads)):
            if key in name:
                rows, columns = tensor.shape
                tensor = tensor.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2)
                tensor = tensor.reshape(rows, columns)
        data = tensor.contiguous()
        writer.add_tensor(target, (data.half() if data.dim() == 2 else data).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def tiny(target):
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=128, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=64,
        rms_norm_eps=1e-5, rope_parameters=dict(rope_type="default", rope_theta=500.0),
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    model = LlamaForCausalLM(config).eval()
    for name, parameter in model.named_parameters():  # sharper than the usual initialisation
        if parameter.dim() == 2:
            parameter.normal_(0, 0.4)
        else:
            parameter.normal_(1, 0.2)
    ids = [1, 17, 99, 3, 64, 127, 0, 5, 5, 42, 77, 2, 31]
    expected = dict(ids=ids, logits={})

    def record(name, folder):
        loaded = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        expected["logits"][name] = short(loaded(torch.tensor([ids])).logits[0])
        expected.setdefault("greedy", {})[name] = greedy(loaded, ids, 16)[0]

    os.makedirs(target, exist_ok=True)
    for name, dtype, shards in (("float32", torch.float32, "1GB"), ("sharded", torch.float32, "12KB"),
                                ("float16", torch.float16, "1GB"), ("bfloat16", torch.bfloat16, "1GB")):
        folder = os.path.join(target, name)
        model.to(dtype).save_pretrained(folder, max_shard_size=shards)
        model.to(torch.float32)
        if name in ("sharded", "float16"):
            old_spelling(folder)
        record(name, folder)
        # One set of weights for all: what float16 has rounded may not come back to float32.
        model.load_state_dict(LlamaForCausalLM.from_pretrained(
            os.path.join(target, "float32"), dtype=torch.float32).state_dict())
    gguf(model, os.path.join(target, "model.gguf"))
    # The GGUF holds float16 matrices, as the float16 folder does, but float32 norms.
    halves = LlamaForCausalLM.from_pretrained(os.path.join(target, "float32"), dtype=torch.float32)
    for parameter in halves.parameters():
        if parameter.dim() == 2:
            parameter.copy_(parameter.half().float())
    expected["logits"]["gguf"] = short(halves.eval()(torch.tensor([ids])).logits[0])
    write(os.path.join(target, "expected.json"), expected)


{"smollm2": smollm2, "tiny": tiny, "gemma3": gemma3}[sys.argv[1]](*sys.argv[2:])
