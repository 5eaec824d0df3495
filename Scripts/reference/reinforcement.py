"""Writes what TRL makes of random rewards, log-probabilities and values: advantages, losses and their slopes.

Usage: reinforcement.py OUTPUT.json

Two environments, and a file of each (Tests/TrainTests/Fixtures):
  requirements-trl096.txt  reinforcement_classic.json   the PPO trainer of trl 0.9.6
  requirements-trl.txt     reinforcement_groups.json    GRPO, RLOO, GMPO and distillation of trl 1.16.0

The code that runs is the trainers' own: objects without a model, whose log-probabilities are given. Numbers are
float64, also where the trainers ask for float32.
"""
import contextlib, json, math, sys, types
from collections import defaultdict

import torch
import trl

torch.set_default_dtype(torch.float64)
narrow, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
torch.manual_seed(11)


def uniform(shape, low, high):
    return torch.empty(shape).uniform_(low, high)


def listed(value):
    return value.detach().tolist() if isinstance(value, torch.Tensor) else value


def trainer_of(kind, **values):
    made = kind.__new__(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def accelerator():
    return types.SimpleNamespace(
        device="cpu", num_processes=1, process_index=0, use_distributed=False, is_main_process=True, sync_gradients=True,
        gather=lambda x: x, gather_for_metrics=lambda x: x, reduce=lambda x, reduction="sum": x,
        pad_across_processes=lambda x, **_: x, unwrap_model=lambda model: model)


# --- trl 0.9.6 -----------------------------------------------------------------------------------------------------


def classic():
    from trl.trainer.ppo_config import PPOConfig
    from trl.trainer.ppo_trainer import PPOTrainer
    from trl.trainer.utils import AdaptiveKLController, RunningMoments

    rows, length = 4, 9
    ranges = [(3, 8), (0, 9), (2, 4), (5, 6)]
    mask = torch.zeros(rows, length, dtype=torch.long)
    for row, (start, end) in enumerate(ranges):
        mask[row, start:end] = 1
    cases = []
    for options, spread in [
        (dict(), 0.3), (dict(whiten_rewards=True), 0.3), (dict(gamma=0.97, lam=0.8, kl_penalty="abs"), 0.3),
        (dict(whiten_rewards=True, gamma=0.9, kl_penalty="mse", cliprange=0.1, cliprange_value=0.05, vf_coef=0.5), 0.3),
        (dict(ratio_threshold=1.2), 2.0),
    ]:
        config = PPOConfig(batch_size=rows, mini_batch_size=rows, **options)
        made = trainer_of(PPOTrainer, config=config, kl_ctl=types.SimpleNamespace(value=0.2))
        old, reference = uniform((rows, length), -4, -0.1), uniform((rows, length), -4, -0.1)
        values, scores = uniform((rows, length), -1, 1), uniform((rows,), -2, 2)
        rewards, _, divergences = made.compute_rewards(scores, old, reference, mask)
        kept, advantages, returns = made.compute_advantages(values, rewards, mask)
        new = (old + uniform((rows, length), -spread, spread)).requires_grad_()
        predicted = (values + uniform((rows, length), -0.6, 0.6)).requires_grad_()
        policy, value, stats = made.loss(
            old, kept, uniform((rows, length, 5), -1, 1), predicted, new, mask, advantages, returns)
        slopes = torch.autograd.grad(policy + value, [new, predicted])
        cases.append(dict(
            gamma=config.gamma, lam=config.lam, whiten=config.whiten_rewards, penalty=config.kl_penalty,
            clip=config.cliprange, clip_value=config.cliprange_value, value_weight=config.vf_coef,
            threshold=config.ratio_threshold, old=old, reference=reference, values=values, scores=scores,
            rewards=rewards * mask, divergences=divergences * mask, advantages=advantages * mask,
            returns=returns * mask, new=new, predicted=predicted, policy_loss=policy, value_loss=value,
            policy_slopes=slopes[0], value_slopes=slopes[1], policy_clipped=stats["policy/clipfrac"],
            value_clipped=stats["val/clipfrac"], k2=stats["policy/approxkl"], k1=stats["policy/policykl"]))
    assert any(case["policy_loss"] == 0 for case in cases)

    controls = []
    for target, horizon in [(6, 10000), (0.1, 50)]:
        made = AdaptiveKLController(0.2, target, horizon)
        steps = []
        for divergence, answers in zip(uniform((6,), -1, 12).tolist(), [8, 8, 64, 1, 256, 8]):
            made.update(divergence, answers)
            steps.append([divergence, answers, float(made.value)])
        controls.append(dict(target=target, horizon=horizon, steps=steps))

    made, batches = RunningMoments(accelerator()), []
    for size in (8, 2, 5):
        scores = uniform((size,), -3, 4)
        made.update(scores)
        normalised = (scores - made.mean) / (made.std + torch.finfo(torch.float32).eps)
        # The trainer adds to its mean in place.
        batches.append(dict(scores=scores, mean=float(made.mean), deviation=float(made.std), normalised=normalised))
    return dict(ranges=ranges, cases=cases, controls=controls, moments=batches)


# --- The newest trl ------------------------------------------------------------------------------------------------


def inputs_of_losses(rows=4, length=7, spread=0.5):
    lengths = [7, 4, 5, 1]
    mask = torch.zeros(rows, length, dtype=torch.long)
    for row, count in enumerate(lengths[:rows]):
        mask[row, :count] = 1
    old = uniform((rows, length), -4, -0.1)
    return dict(
        old=old, new=old + uniform((rows, length), -spread, spread), drawn=old + uniform((rows, length), -0.4, 0.4),
        reference=uniform((rows, length), -4, -0.1), entropies=uniform((rows, length), 0, 3), mask=mask,
        advantages=torch.tensor([0.8, -1.3, 0.45, -0.6])[:rows])


def group_trainer(kind, loss_type="grpo", level="token", beta=0.0, low=0.2, high=0.28, delta=None, corrected=True,
                  quantile=1.0, off_policy=None, correction=None, accumulation=1, longest=10, **extra):
    """A trainer of a group method that has no model."""
    return trainer_of(
        kind, accelerator=accelerator(), loss_type=loss_type, importance_sampling_level=level, beta=beta,
        epsilon_low=low, epsilon_high=high, top_entropy_quantile=quantile, off_policy_mask_threshold=off_policy,
        use_vllm=correction is not None, vllm_importance_sampling_correction=correction is not None,
        max_completion_length=longest, aux_loss_enabled=False, _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=accumulation, model=types.SimpleNamespace(
            training=True, is_gradient_checkpointing=False),
        args=types.SimpleNamespace(
            delta=delta, use_bias_correction_kl=corrected, steps_per_generation=accumulation, sapo_temperature_pos=1.0,
            sapo_temperature_neg=1.05, vespo_k_pos=2.0, vespo_lambda_pos=3.0, vespo_k_neg=3.0, vespo_lambda_neg=2.0),
        _metrics=defaultdict(lambda: defaultdict(list)), **extra)


def loss_of(made, numbers, items=None, corrections=None):
    new = numbers["new"].clone().requires_grad_()
    made._get_per_token_logps_and_entropies = lambda *_, **__: (new, numbers["entropies"], None)
    rows = numbers["mask"].shape[0]
    inputs = dict(
        prompt_ids=torch.zeros(rows, 2, dtype=torch.long), prompt_mask=torch.ones(rows, 2, dtype=torch.long),
        completion_ids=torch.zeros_like(numbers["mask"]), completion_mask=numbers["mask"],
        advantages=numbers["advantages"], old_per_token_logps=numbers["old"],
        old_logps=(numbers["old"] * numbers["mask"]).sum(1), ref_per_token_logps=numbers["reference"],
        sampling_per_token_logps=numbers["drawn"], num_items_in_batch=numbers["mask"].sum() if items is None else items)
    if corrections is not None:
        inputs["importance_sampling_ratio"] = corrections
    loss = made._compute_loss(None, inputs)
    slopes, = torch.autograd.grad(loss, new)
    metrics = made._metrics["train"]
    return loss, slopes, {key: metrics[name][-1] for key, name in [
        ("clipped_low", "clip_ratio/low_mean"), ("clipped_high", "clip_ratio/high_mean"), ("kl", "kl")] if name in metrics}


def losses():
    from trl import GRPOTrainer
    from trl.experimental.gmpo import GMPOTrainer
    from trl.trainer.rloo_trainer import RLOOTrainer

    sets = [inputs_of_losses(), inputs_of_losses(spread=1.5), inputs_of_losses()]
    # An answer that was cut counts as an answer and has no tokens.
    sets[2]["mask"][1] = 0
    kinds = dict(grpo=GRPOTrainer, gmpo=GMPOTrainer, rloo=RLOOTrainer)
    cases = []

    def add(trainer, **options):
        # These two count −A for an answer without tokens, which moves nothing.
        for index, numbers in enumerate(sets[:2] if trainer in ("gmpo", "rloo") else sets):
            made = group_trainer(kinds[trainer], **options)
            corrections = None
            if options.get("correction"):
                corrections = corrections_of(*options["correction"], numbers)
            loss, slopes, metrics = loss_of(made, numbers, corrections=corrections)
            cases.append(dict(trainer=trainer, inputs=index, **options, loss=loss, slopes=slopes, **metrics))

    for loss_type in ("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "sapo", "cispo", "vespo"):
        for level in ("token", "sequence"):
            add("grpo", loss_type=loss_type, level=level, **(dict(high=1.1) if loss_type == "cispo" else {}))
    add("grpo", loss_type="grpo", delta=1.35)
    add("grpo", loss_type="dapo", level="sequence", delta=1.1, low=3e-4, high=4e-4)
    for corrected in (True, False):
        for level in ("token", "sequence"):
            add("grpo", loss_type="dapo", level=level, beta=0.3, corrected=corrected)
    add("grpo", loss_type="grpo", quantile=0.6)
    add("grpo", loss_type="dapo", level="sequence", quantile=0.3, beta=0.1)
    for mode in ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"):
        add("grpo", loss_type="dapo", correction=(mode, 0.8, 1.3))
    add("grpo", loss_type="grpo", level="sequence", correction=("token_truncate", None, 1.2))
    for threshold in (0.02, -0.1):
        add("grpo", loss_type="dapo", off_policy=threshold)
    add("gmpo", low=0.4, high=0.4)
    add("gmpo", low=0.2, high=0.3, beta=0.2)
    add("rloo")
    add("rloo", low=0.5, high=0.9)

    # Two micro-batches of a step.
    numbers, steps = sets[0], []
    for loss_type in ("grpo", "dr_grpo", "dapo", "cispo"):
        made = group_trainer(GRPOTrainer, loss_type=loss_type, accumulation=2)
        total = sum(
            loss_of(made, {name: value[half] for name, value in numbers.items()}, items=numbers["mask"].sum())[0]
            for half in (slice(0, 2), slice(2, 4)))
        steps.append(dict(trainer="grpo", loss_type=loss_type, loss=total))

    entropies = []
    for quantile in (0.2, 0.5, 0.83, 1e-9):
        made = group_trainer(GRPOTrainer)
        kept = made.get_high_entropy_mask(numbers["entropies"], numbers["mask"], 1 - quantile)
        entropies.append(dict(quantile=quantile, kept=kept.long()))
    return dict(longest=10, inputs=sets, cases=cases, steps=steps, entropies=entropies)


def scored(kind, rewards, group, numbers, **options):
    """What a trainer makes of answers and their rewards before the first update."""
    rows, length = numbers["mask"].shape
    lengths = numbers["mask"].sum(1).tolist()
    ids = [[7] * count for count in lengths]
    for row in range(0, rows, 2):
        ids[row][-1] = 1  # ends by itself
    drawn = [numbers["drawn"][row, :count].tolist() for row, count in enumerate(lengths)]
    made = group_trainer(kind, **options)
    defaults = dict(
        environment_factories=None, environments=None, tools=None, mask_truncated_completions=False, eos_token_ids=[1],
        _tokenizer=types.SimpleNamespace(pad_token_id=0, eos_token_id=1), eos_token_id=1, pad_to_multiple_of=None,
        num_iterations=1, ref_model=object(), num_generations=group, num_generations_eval=group, reward_func_names=["f"],
        reward_weights=torch.ones(rewards.shape[1]), reward_funcs=[None] * rewards.shape[1], num_processes=1,
        multi_objective_aggregation="sum_then_normalize", scale_rewards="group", reward_clip_range=None,
        normalize_advantages=False, _pending_extra_logs={}, _pending_metrics={}, log_multimodal=False, _is_vlm=False,
        vllm_importance_sampling_mode="token_truncate", vllm_importance_sampling_clip_min=None,
        vllm_importance_sampling_clip_max=3.0)
    for name, value in defaults.items():
        if not hasattr(made, name):
            setattr(made, name, value)
    made.reward_func_names = [str(index) for index in range(rewards.shape[1])]
    made._logs = dict(prompt=[], completion=[], rewards=defaultdict(list), advantages=[], extra=defaultdict(list), images=[])
    made.args.gradient_accumulation_steps, made.args.per_device_train_batch_size = 1, rows
    made.args.gradient_checkpointing_kwargs = None
    made._calculate_rewards = lambda *_: rewards
    made._get_per_token_logps_and_entropies = lambda model, *_, **__: (
        numbers["old"] if model is made.model else numbers["reference"], None, None)
    answers = ([[7, 7]] * rows, [list(row) for row in ids], None, [""] * rows, drawn, {}, None, None)
    made._generate = lambda prompts: answers if kind.__name__ == "GRPOTrainer" else (answers[0], answers[1], answers[3])
    return made._generate_and_score_completions([{"prompt": ""} for _ in range(rows)])


def corrections_of(mode, least, most, numbers):
    from trl import GRPOTrainer

    rows = numbers["mask"].shape[0]
    whole = {**numbers, "mask": numbers["mask"].clone()}
    whole["mask"][whole["mask"].sum(1) == 0, :1] = 1  # the trainer cannot take an answer without tokens
    output = scored(
        GRPOTrainer, torch.zeros(rows, 1), rows, whole, correction=True, vllm_importance_sampling_mode=mode,
        vllm_importance_sampling_clip_min=least, vllm_importance_sampling_clip_max=most)
    return output["importance_sampling_ratio"]


def advantages():
    from trl import GRPOTrainer
    from trl.trainer.rloo_trainer import RLOOTrainer

    numbers = {name: torch.cat([value, value.flip(0)]) for name, value in inputs_of_losses().items()}
    numbers["old"], numbers["drawn"] = uniform((8, 7), -4, -0.1), uniform((8, 7), -4, -0.1)
    rewards = uniform((8, 1), -2, 3)
    rewards[5] = rewards[4]
    unscored = rewards.clone()
    unscored[2] = math.nan
    cases = []
    for name, given in [("all", rewards), ("unscored", unscored)]:
        for scale in ("group", "batch", "none"):
            output = scored(GRPOTrainer, given, 4, numbers, scale_rewards=scale)
            cases.append(dict(trainer="grpo", rewards=name, scale=scale, advantages=output["advantages"]))
        for options in (dict(), dict(normalize_advantages=True), dict(beta=0.05), dict(beta=0.05, normalize_advantages=True)):
            output = scored(RLOOTrainer, given, 4, numbers, **options)
            cases.append(dict(trainer="rloo", rewards=name, **options, advantages=output["advantages"]))
    output = scored(GRPOTrainer, rewards, 4, numbers, mask_truncated_completions=True)
    corrections = [
        dict(mode=mode, least=least, most=most, weights=scored(
            GRPOTrainer, rewards, 4, numbers, correction=True, vllm_importance_sampling_mode=mode,
            vllm_importance_sampling_clip_min=least, vllm_importance_sampling_clip_max=most)["importance_sampling_ratio"])
        for mode in ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask")
        for least, most in ((None, 3.0), (0.5, None), (0.4, 2.0))]
    return dict(
        group=4, old=numbers["old"], drawn=numbers["drawn"], reference=numbers["reference"], mask=numbers["mask"],
        rewards=dict(all=rewards[:, 0], unscored=[None if math.isnan(x) else x for x in unscored[:, 0].tolist()]),
        cases=cases, kept=output["completion_mask"],
        corrections=corrections)


def distillation():
    from trl.experimental.gkd import GKDTrainer
    from trl.experimental.iw_opd.iw_opd_trainer import IWOPDTrainer
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    rows, width = 5, 11
    teacher = uniform((rows, width), -6, 6)
    divergences = []
    for beta in (0.0, 0.3, 0.5, 1.0):
        student = uniform((rows, width), -6, 6).requires_grad_()
        values = torch.stack([
            GKDTrainer.generalized_jsd_loss(student[None, None, row], teacher[None, None, row], beta=beta, reduction="sum")
            for row in range(rows)])
        slopes, = torch.autograd.grad(values.sum(), student)
        # The trainer proper computes the same in float32.
        torch.Tensor.float = narrow
        eye = torch.eye(width).float()
        chunked, _ = ChunkedDivergenceFunction.apply(
            student.detach().float(), eye, None, teacher.float(), eye, None, beta)
        torch.Tensor.float = torch.Tensor.double
        assert torch.allclose(chunked.double(), values, atol=1e-5), beta
        divergences.append(dict(beta=beta, student=student, values=values, slopes=slopes))

    completions = []
    for gamma in (0.0, 0.7):
        made = trainer_of(
            IWOPDTrainer, temperature=1.0, iw_opd_gamma=gamma, iw_opd_epsilon=1e-6,
            model=types.SimpleNamespace(training=True), _metrics=defaultdict(lambda: defaultdict(list)))
        lengths, length = [6, 3], 6
        logits = uniform((2, length, width), -2, 2).requires_grad_()
        ids = torch.randint(0, width, (2, length))
        labels = torch.where(torch.arange(length)[None] < torch.tensor(lengths)[:, None], ids, -100)
        judged, drawn = uniform((2, length), -4, -0.1), uniform((2, length), -4, -0.1)
        loss = made._compute_iw_opd_loss(logits, ids, labels, judged, drawn)
        new = torch.log_softmax(logits, -1).gather(-1, ids[..., None])[..., 0]
        slope, = torch.autograd.grad(loss, logits)
        completions.append(dict(
            gamma=gamma, epsilon=1e-6, lengths=lengths, teacher=judged, drawn=drawn, new=new, loss=loss,
            # Of the drawn token's logit: 1 − p times the slope in its ln p.
            slopes=slope.gather(-1, ids[..., None])[..., 0] / (1 - new.exp())))
    return dict(teacher=teacher, divergences=divergences, completions=completions)


result = classic() if trl.__version__ == "0.9.6" else dict(losses=losses(), advantages=advantages(), distillation=distillation())
with open(sys.argv[1], "w") as file:
    json.dump({"trl": trl.__version__, **result}, file, default=listed, allow_nan=False)
    file.write("\n")
