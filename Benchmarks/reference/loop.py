"""A tuned PyTorch + peft loop, the yardstick of `make bench`.

Two threads, SDPA attention, no activation checkpointing, one packed sequence a step, every token supervised. LoRA:
rank 8 on all linear layers of the decoder, float32 adapters on a base in the given precision. With --full all
weights are trained; in bfloat16 they are float32 masters under autocast, as LLaMA-Factory trains them, or with --pure
bfloat16 themselves. Prints one JSON object.

--fused          the loss from chunks of rows, each with the gradient of the head's input, so that neither logits nor
                 their gradient are there for all rows (what Liger's fused linear cross-entropy does on a GPU); LoRA only
--bf16-adapters  adapters in the base's type
--keep-input     peft does not cast the input of adapters to their type (disable_input_dtype_casting)
--compile        torch.compile(dynamic=False); needs at least three steps of warm-up, reported as compile_seconds

What else one would reach for does nothing here: Inductor's C++ templates of products and its freezing want constant
weights under no_grad, FlexAttention has no backward pass on a CPU.

Usage: loop.py MODEL_FOLDER --dtype float32|bfloat16 --length 512 --steps 12 --warmup 3 [flags]
"""
import argparse, contextlib, json, resource, statistics, time

import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--warmup", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
for flag in ("full", "pure", "fused", "bf16-adapters", "keep-input", "compile"):
    parser.add_argument("--" + flag, action="store_true")
options = parser.parse_args()
if options.compile and options.warmup < 3:
    parser.error("--compile needs --warmup of at least 3")
if options.fused and options.full:
    parser.error("--fused is for a head that is not trained")


class ChunkedCrossEntropy(torch.autograd.Function):
    """The mean cross-entropy of a frozen head; the gradient of its input is made in the forward pass."""

    rows = 256

    @staticmethod
    def forward(context, hidden, weight, targets):
        gradient = torch.empty_like(hidden)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], ChunkedCrossEntropy.rows):
            part = slice(start, start + ChunkedCrossEntropy.rows)
            logits = (hidden[part] @ weight.T).float()
            shifted = logits - logits.logsumexp(-1, keepdim=True)
            total -= shifted.gather(1, targets[part, None]).sum()
            slopes = shifted.exp_()
            slopes.scatter_add_(1, targets[part, None], -torch.ones_like(targets[part, None], dtype=slopes.dtype))
            gradient[part] = (slopes / targets.shape[0]).to(weight.dtype) @ weight
        context.save_for_backward(gradient)
        return total / targets.shape[0]

    @staticmethod
    def backward(context, upstream):
        gradient, = context.saved_tensors
        return gradient * upstream.to(gradient.dtype), None, None


torch.set_num_threads(options.threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(
    options.model, dtype=getattr(torch, options.dtype), attn_implementation="sdpa")
model.config.use_cache = False
if not options.full:
    # `all` of peft: every linear layer but the head, whatever the family calls them.
    model = get_peft_model(
        model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
trainable = [p for p in model.parameters() if p.requires_grad]
for parameter in trainable:
    if options.bf16_adapters:
        parameter.data = parameter.data.to(getattr(torch, options.dtype))
    elif not options.pure:
        parameter.data = parameter.data.float()
optimizer = torch.optim.AdamW(trainable, lr=1e-4, fused=True)
model.train()
causal = model if options.full else model.base_model.model
decoder, head = causal.get_decoder(), causal.get_output_embeddings()
parts = options.dtype == "bfloat16" and not options.pure


def loss_of(ids):
    if not options.fused:
        return model(input_ids=ids, labels=ids).loss
    hidden = decoder(input_ids=ids).last_hidden_state[0, :-1].to(head.weight.dtype)
    return ChunkedCrossEntropy.apply(hidden, head.weight, ids[0, 1:])


if options.compile:
    if options.fused:
        # The loss stays outside: its loop over chunks is what eager runs best.
        decoder = torch.compile(decoder, dynamic=False)
    else:
        model = torch.compile(model, dynamic=False)

generator = torch.Generator().manual_seed(1)
vocabulary = min(40000, head.weight.shape[0])
seconds, warmup = [], 0.0
loss = None
casting = disable_input_dtype_casting(model) if options.keep_input else contextlib.nullcontext()
with casting:
    for step in range(options.warmup + options.steps):
        ids = torch.randint(100, vocabulary, (1, options.length), generator=generator)
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=parts):
            loss = loss_of(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step >= options.warmup:
            seconds.append(time.perf_counter() - start)
        else:
            warmup += time.perf_counter() - start

print(json.dumps(dict(
    name="pytorch" if options.full else "pytorch+peft", dtype=options.dtype, length=options.length, loss=loss.item(),
    tokens_per_second=options.length / statistics.median(seconds),
    peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    **(dict(compile_seconds=warmup) if options.compile else {}))))
