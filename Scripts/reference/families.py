"""Tiny random models of the families, with what transformers makes of them.

usage: families.py OUT [NAME …]

Each folder OUT/NAME holds the model as save_pretrained writes it (float32), `gradients.safetensors`
(of the summed cross-entropy of all sequences, with the logits of each; of models with experts also some of
the loss that keeps routers balanced, as `balance.…`), and `expected.json`: ids of the sequences, the loss, a
greedy continuation, the balance of the routers, and the modules that LLaMA-Factory's `lora_target: all`
names.
"""
import copy
import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

BASE = dict(
    vocab_size=48, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False,
    initializer_range=0.4)

GEMMA4 = dict(
    head_dim=8, global_head_dim=16, tie_word_embeddings=True, sliding_window=6,
    rope_parameters=dict(
        sliding_attention=dict(rope_type="default", rope_theta=100.0),
        full_attention=dict(
            rope_type="proportional", rope_theta=10000.0, partial_rotary_factor=0.25)))

# Name: class of the configuration, and what is said beside BASE.
FAMILIES = {
    "llama-biases": ("LlamaConfig", dict(
        head_dim=8, attention_bias=True, mlp_bias=True,
        rope_parameters=dict(
            rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=16))),
    "qwen2": ("Qwen2Config", dict(tie_word_embeddings=True)),
    "qwen3": ("Qwen3Config", dict(head_dim=8, rope_parameters=dict(
        rope_type="default", rope_theta=1000000.0))),
    "smollm3": ("SmolLM3Config", dict(num_hidden_layers=4, tie_word_embeddings=True)),
    "hunyuan": ("HunYuanDenseV1Config", dict(head_dim=8, rope_parameters=dict(
        rope_type="dynamic", rope_theta=10000.0, alpha=1000.0, factor=1.0,
        beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=1.0))),
    "ministral3": ("Ministral3Config", dict(head_dim=8, rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0,
        original_max_position_embeddings=8, max_position_embeddings=64, beta_fast=32.0,
        beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))),
    "olmo2": ("Olmo2Config", dict()),
    "granite": ("GraniteConfig", dict(
        embedding_multiplier=12.0, logits_scaling=8.0, residual_multiplier=0.22,
        attention_multiplier=0.3, tie_word_embeddings=True)),
    "seed-oss": ("SeedOssConfig", dict(
        head_dim=8, attention_dropout=0.0, residual_dropout=0.0)),
    "phi3": ("Phi3Config", dict(
        original_max_position_embeddings=8, num_hidden_layers=2,
        rope_parameters=dict(
            rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=1.0,
            short_factor=[1.0, 1.5], long_factor=[2.0, 6.0],
            original_max_position_embeddings=16))),
    "phi4-mini": ("Phi3Config", dict(
        hidden_size=32, rope_parameters=dict(
            rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.75))),
    "glm4": ("Glm4Config", dict(head_dim=8, rope_parameters=dict(
        rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5))),
    "llama-dynamic": ("LlamaConfig", dict(max_position_embeddings=12, rope_parameters=dict(
        rope_type="dynamic", rope_theta=10000.0, factor=2.0))),
    "qwen2-moe": ("Qwen2MoeConfig", dict(
        num_experts=5, num_experts_per_tok=2, moe_intermediate_size=12,
        shared_expert_intermediate_size=20, num_hidden_layers=3, mlp_only_layers=[1])),
    "qwen3-moe": ("Qwen3MoeConfig", dict(
        head_dim=8, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=12,
        norm_topk_prob=True, num_hidden_layers=3, decoder_sparse_step=2)),
    "mixtral": ("MixtralConfig", dict(
        head_dim=8, num_local_experts=4, num_experts_per_tok=2)),
    "gpt-oss": ("GptOssConfig", dict(
        head_dim=8, num_local_experts=5, num_experts_per_tok=2, sliding_window=6,
        num_hidden_layers=3, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=4.0, beta_fast=32.0, beta_slow=1.0,
            truncate=False, original_max_position_embeddings=16))),
    "granite-moe": ("GraniteMoeConfig", dict(
        num_local_experts=4, num_experts_per_tok=2, embedding_multiplier=6.0,
        logits_scaling=4.0, residual_multiplier=0.5, attention_multiplier=0.3)),
    "granite-moe-shared": ("GraniteMoeSharedConfig", dict(
        num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=20,
        embedding_multiplier=6.0, logits_scaling=4.0, residual_multiplier=0.5,
        attention_multiplier=0.3)),
    "granite-hybrid": ("GraniteMoeHybridConfig", dict(
        num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=20,
        layer_types=["attention"] * 2, position_embedding_type="rope", mamba_n_heads=4,
        embedding_multiplier=6.0, logits_scaling=4.0, residual_multiplier=0.5,
        attention_multiplier=0.3, tie_word_embeddings=True)),
    "granite-hybrid-moe": ("GraniteMoeHybridConfig", dict(
        num_local_experts=4, num_experts_per_tok=2, shared_intermediate_size=20,
        layer_types=["attention"] * 2, mamba_n_heads=4, embedding_multiplier=6.0,
        logits_scaling=4.0, residual_multiplier=0.5, attention_multiplier=0.3)),
    "exaone4": ("Exaone4Config", dict(
        sliding_window=None, layer_types=["full_attention"] * 2)),
    # Windows are shorter than the sequences.
    "mistral": ("MistralConfig", dict(sliding_window=6)),
    "ministral3-window": ("Ministral3Config", dict(
        head_dim=8, sliding_window=7, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=4.0,
            original_max_position_embeddings=8, max_position_embeddings=64, beta_fast=32.0,
            beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1))),
    "qwen2-window": ("Qwen2Config", dict(
        use_sliding_window=True, sliding_window=5, max_window_layers=1)),
    "qwen3-window": ("Qwen3Config", dict(
        head_dim=8, use_sliding_window=True, sliding_window=3,
        layer_types=["sliding_attention", "full_attention"])),
    "smollm3-window": ("SmolLM3Config", dict(
        num_hidden_layers=4, tie_word_embeddings=True, use_sliding_window=True,
        sliding_window=6)),
    "exaone4-window": ("Exaone4Config", dict(num_hidden_layers=4, sliding_window=6)),
    "olmo3": ("Olmo3Config", dict(
        num_hidden_layers=4, sliding_window=6, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=4.0, attention_factor=1.2,
            original_max_position_embeddings=16, beta_fast=32.0, beta_slow=1.0))),
    "gemma": ("GemmaConfig", dict(head_dim=8, tie_word_embeddings=True)),
    "gemma2": ("Gemma2Config", dict(
        head_dim=8, tie_word_embeddings=True, sliding_window=6, query_pre_attn_scalar=10,
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3": ("Gemma3TextConfig", dict(
        head_dim=8, tie_word_embeddings=True, num_hidden_layers=3, sliding_window=6,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        query_pre_attn_scalar=12, rope_parameters=dict(
            sliding_attention=dict(rope_type="default", rope_theta=100.0),
            full_attention=dict(rope_type="linear", rope_theta=10000.0, factor=4.0)))),
    "gemma4": ("Gemma4TextConfig", dict(
        **GEMMA4, num_hidden_layers=6, num_kv_shared_layers=3, use_double_wide_mlp=True,
        hidden_size_per_layer_input=4, vocab_size_per_layer_input=50,
        final_logit_softcapping=3.0, layer_types=["sliding_attention", "full_attention"] * 3)),
    # As the larger ones: values are made of keys, and nothing is known of tokens for each layer.
    "gemma4-keys": ("Gemma4TextConfig", dict(
        **GEMMA4, num_hidden_layers=3, attention_k_eq_v=True, num_global_key_value_heads=1,
        hidden_size_per_layer_input=0,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"])),
    # Sequences are shorter and longer than a chunk of 64 tokens.
    "lfm2": ("Lfm2Config", dict(
        num_hidden_layers=4, conv_bias=True, block_multiple_of=8, tie_word_embeddings=True,
        layer_types=["conv", "full_attention", "conv", "conv"])),
    "qwen3-5": ("Qwen3_5TextConfig", dict(
        num_hidden_layers=4, head_dim=16, linear_num_key_heads=2, linear_num_value_heads=2,
        linear_key_head_dim=6, linear_value_head_dim=10, max_position_embeddings=256,
        tie_word_embeddings=True)),
    "qwen3-next": ("Qwen3NextConfig", dict(
        num_hidden_layers=4, head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4,
        linear_key_head_dim=8, linear_value_head_dim=4, max_position_embeddings=256,
        num_experts=5, num_experts_per_tok=2, moe_intermediate_size=12,
        shared_expert_intermediate_size=20, mlp_only_layers=[1])),
}

# Text models inside of others: class of the whole, a model of the table above or what is said beside BASE,
# and what is said of the other parts.
TOWER = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
    num_key_value_heads=1, head_dim=8, image_size=8, patch_size=4)
WHOLES = {
    "gemma3-vision": ("Gemma3Config", "gemma3", dict(
        vision_config=TOWER, mm_tokens_per_image=4)),
    "mistral3": ("Mistral3Config", "mistral", dict(
        vision_config=TOWER, tie_word_embeddings=False)),
    "mistral3-ministral3": ("Mistral3Config", "ministral3", dict(
        vision_config=TOWER, tie_word_embeddings=False)),
    "qwen3-5-vision": ("Qwen3_5Config", "qwen3-5", dict(
        tie_word_embeddings=False, image_token_id=40, video_token_id=41, vision_start_token_id=42,
        vision_end_token_id=43, vision_config=dict(
            depth=1, hidden_size=8, intermediate_size=8, num_heads=1, out_hidden_size=16, patch_size=4,
            num_position_embeddings=4))),
    "gemma4-vision": ("Gemma4Config", "gemma4", dict(
        vision_config=dict(TOWER, position_embedding_size=4), audio_config=None,
        # With larger weights float32 is not exact enough to compare.
        text=dict(initializer_range=0.25))),
}
# Lengths of the sequences, where they are others.
LENGTHS = {"qwen3-5": [9, 150, 4], "qwen3-5-vision": [9, 70, 4], "qwen3-next": [9, 70, 4]}
# The same, as transformers has experts in memory: in stacks.
STACKED = {"mixtral-stacked": "mixtral", "qwen2-moe-stacked": "qwen2-moe"}


def fill(model):
    """Norms and biases are not left as they begin, so that a part that is missing shows."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(parameter + 0.2 * noise)
            if name.endswith("A_log"):
                # Else nothing is left of a state after a few tokens.
                parameter.copy_(parameter - 5)
            if name.endswith("proj_bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
            # Far enough to meet the limits of its gates.
            if name.endswith("gate_up_proj") and model.config.model_type == "gpt_oss":
                parameter.mul_(4)
        for name, buffer in model.named_buffers():
            if name.endswith("layer_scalar"):
                buffer.copy_(0.6 + torch.rand(1, generator=generator))


def linear_modules(model):
    """The paths of what LLaMA-Factory 0.9.5 adapts with lora_target: all, towers and projectors frozen."""
    forbidden = ["lm_head", "output_layer", "multi_modal_projector", "vision_tower", "audio_tower",
                 "embed_vision", "embed_audio", "visual."]
    names = []
    for name, module in model.named_modules():
        if any(part in name for part in forbidden):
            continue
        if "Linear" in module.__class__.__name__ and "Embedding" not in module.__class__.__name__:
            names.append(name)
    return names


def configuration(name):
    """A configuration of the tables, with the class that LLaMA-Factory loads such a model by."""
    name = STACKED.get(name, name)
    if name in FAMILIES:
        kind, options = FAMILIES[name]
        config = getattr(transformers, kind)(**{**BASE, **options})
        return config, transformers.AutoModelForCausalLM
    kind, inner, options = WHOLES[name]
    options = dict(options)
    text = {**configuration(inner)[0].to_dict(), **options.pop("text", {})}
    return getattr(transformers, kind)(text_config=text, **options), \
        transformers.AutoModelForImageTextToText


def balance(model, rows):
    """The loss that keeps routers balanced over all sequences at once, with its gradients."""
    width = max(len(row) for row in rows)
    ids = torch.stack([torch.nn.functional.pad(row, (0, width - len(row))) for row in rows])
    mask = torch.stack([(torch.arange(width) < len(row)).long() for row in rows])
    model.zero_grad()
    loss = model(input_ids=ids, attention_mask=mask, output_router_logits=True).aux_loss
    loss.backward()
    return loss.item(), {
        n: torch.zeros_like(p) if p.grad is None else p.grad.contiguous()
        for n, p in model.named_parameters()}


def named_as_in_files(model, tensors, **options):
    """Where experts are apart."""
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch, state_dict=tensors, **options)
        return load_file(scratch + "/model.safetensors")


def make(name, out):
    form = {"save_original_format": False} if name in STACKED else {}
    torch.manual_seed(1)
    config, loader = configuration(name)
    config._attn_implementation = "eager"
    model = loader.from_config(config, dtype=torch.float32)
    fill(model)
    text = model.model.language_model if name in WHOLES else model.model
    vocabulary = config.get_text_config().vocab_size
    model.eval()
    generator = torch.Generator().manual_seed(3)
    lengths = LENGTHS.get(name, [9, 20, 4])
    rows = [torch.randint(3, vocabulary, (n,), generator=generator) for n in lengths]
    loss, logits = 0.0, {}
    # Hybrids without a recurrent layer stumble over their own cache.
    calls = {"use_cache": False} if config.model_type == "granitemoehybrid" else {}
    rotary = copy.deepcopy(text.rotary_emb)
    for index, row in enumerate(rows):
        # Else a short row has the angles of a longer one before it (rope_type dynamic).
        text.rotary_emb = copy.deepcopy(rotary)
        # Alone and without padding: some layers compute a padded row differently.
        scores = model(input_ids=row[None], **calls).logits[0]
        loss = loss + torch.nn.functional.cross_entropy(
            scores[:-1].float(), row[1:], reduction="sum")
        logits[f"logits.{index}"] = scores.detach().contiguous()
    loss.backward()
    text.rotary_emb = rotary
    with torch.no_grad():
        answer = model.generate(
            rows[0][None], max_new_tokens=12, do_sample=False, eos_token_id=None,
            pad_token_id=0, **calls)[0][len(rows[0]):]
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, **form)
    gradients = named_as_in_files(model, {
        n: p.grad.contiguous() for n, p in model.named_parameters() if p.grad is not None}, **form)
    more = {}
    # Granite's routers are not among what its models give.
    if "router_logits" in (getattr(model.model, "_can_record_outputs", None) or {}):
        more["balance"], slopes = balance(model, rows)
        for n, slope in named_as_in_files(model, slopes, **form).items():
            if "embed_tokens" in n or ".gate.weight" in n or ".router." in n:
                gradients["balance." + n] = slope
    save_file({**gradients, **logits}, folder / "gradients.safetensors")
    (folder / "expected.json").write_text(json.dumps({
        "transformers": transformers.__version__, "ids": [row.tolist() for row in rows],
        "loss": loss.item(), "greedy": answer.tolist(),
        "linear_modules": sorted({path.split(".")[-1] for path in linear_modules(model)}),
        **({"linear_paths": linear_modules(model)} if name in WHOLES else {}), **more}) + "\n")
    for path in ("generation_config.json",):
        (folder / path).unlink(missing_ok=True)
    print(name, round(loss.item(), 4), answer.tolist())


if __name__ == "__main__":
    for name in sys.argv[2:] or [*FAMILIES, *STACKED, *WHOLES]:
        make(name, Path(sys.argv[1]))
