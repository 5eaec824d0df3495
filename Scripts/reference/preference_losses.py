"""Writes losses of preference stages and their slopes on random inputs, from the libraries that define them.

Usage: preference_losses.py OUTPUT.json

Takes functions out of the sources of trl 0.24.0 (whose DPOTrainer has every loss of that kind but kto_pair),
llamafactory 0.9.5 (orpo, simpo as it computes them) and trl 0.8.6 (kto_pair; pip downloads it), and runs nothing
else of them: their trainers import much that no loss needs.
"""
import ast, dataclasses, glob, importlib.metadata, importlib.util, json, subprocess, sys, tempfile, types, zipfile

import torch
import torch.nn.functional as F

for package, version in [("trl", "0.24.0"), ("llamafactory", "0.9.5")]:
    assert importlib.metadata.version(package) == version, package
torch.manual_seed(7)
accelerator = types.SimpleNamespace(device="cpu", use_distributed=False, gather_for_metrics=lambda x: x)
PAIRS = 6


def taken(source, name):
    """A function or class of a text, with the names that losses use."""
    divergences = types.SimpleNamespace(
        ALPHA_DIVERGENCE="alpha_divergence", JS_DIVERGENCE="js_divergence", REVERSE_KL="reverse_kl")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            if isinstance(node, ast.FunctionDef):
                node.decorator_list, node.returns = [], None
                for argument in node.args.args:
                    argument.annotation = None
            names = {
                "torch": torch, "F": F, "dataclass": dataclasses.dataclass, "Accelerator": object,
                "FDivergenceType": divergences}
            exec(compile(ast.Module([node], []), name, "exec"), names)
            return names[name]


def installed(package, path):
    folder = importlib.util.find_spec(package).submodule_search_locations[0]
    with open(folder + "/" + path) as file:
        return file.read()


def old_dpo_loss():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "trl==0.8.6"], check=True)
        archive = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])
        return taken(archive.read("trl/trainer/dpo_trainer.py").decode(), "dpo_loss")


dpo_loss = taken(installed("trl", "trainer/dpo_trainer.py"), "dpo_loss")
kto_loss = taken(installed("trl", "trainer/kto_trainer.py"), "kto_loss")
RunningMoments = taken(installed("trl", "trainer/utils.py"), "RunningMoments")
odds_ratio_loss = taken(installed("llamafactory", "train/dpo/trainer.py"), "odds_ratio_loss")
simpo_loss = taken(installed("llamafactory", "train/dpo/trainer.py"), "simpo_loss")


def trainer(**values):
    return types.SimpleNamespace(
        accelerator=accelerator, reference_free=False, f_divergence_type="reverse_kl", beta=0.3,
        label_smoothing=0.0, args=types.SimpleNamespace(discopop_tau=0.05), simpo_gamma=0.7, **values)


def scores(low, high):
    return torch.empty(PAIRS, dtype=torch.float64).uniform_(low, high)


def measured(inputs, losses):
    """Losses and the slopes of their sum."""
    slopes = torch.autograd.grad(losses.sum(), inputs[:2], allow_unused=True)
    return {
        "losses": losses.tolist(),
        "slopes": [(torch.zeros(PAIRS) if slope is None else slope).tolist() for slope in slopes],
    }


def inputs_for(low, high):
    inputs = [scores(low, high) for _ in range(4)]
    for values in inputs[:2]:
        values.requires_grad_()
    return inputs


cases = []


def add(name, inputs, losses, **constants):
    cases.append({
        "name": name, **constants, "inputs": [values.tolist() for values in inputs], **measured(inputs, losses)})


for name, beta, smoothing in [
    ("sigmoid", 0.3, 0.0), ("sigmoid", 0.3, 0.2), ("hinge", 0.3, 0.0), ("ipo", 0.3, 0.0), ("robust", 0.3, 0.0),
    ("robust", 0.3, 0.2), ("exo_pair", 0.3, 0.0), ("exo_pair", 0.3, 0.2), ("apo_zero", 0.3, 0.0),
    ("apo_down", 0.3, 0.0), ("sppo_hard", 0.3, 0.0), ("discopop", 0.3, 0.0), ("discopop", 0.02, 0.0),
]:
    inputs = inputs_for(-9, -1)
    made = trainer()
    made.beta, made.label_smoothing = beta, smoothing
    losses, _, _ = dpo_loss(made, *inputs, loss_type=name)
    add(name, inputs, losses, beta=beta, label_smoothing=smoothing)

old = old_dpo_loss()
for low, high in [(-9, -1), (-3, -2)]:
    inputs = inputs_for(low, high)
    losses, _, _ = old(trainer(loss_type="kto_pair"), *inputs)
    # Two losses a pair, whose mean over both sides is taken.
    add("kto_pair", inputs, (losses[:PAIRS] + losses[PAIRS:]) / 2, beta=0.3, label_smoothing=0.0)

inputs = inputs_for(-3, -0.2)
add("orpo", inputs, odds_ratio_loss(trainer(), *inputs[:2]), beta=0.3,
    label_smoothing=0.0)
inputs = inputs_for(-3, -0.2)
add("simpo", inputs, simpo_loss(trainer(), *inputs[:2]), beta=0.3, label_smoothing=0.0,
    gamma=0.7)

# The classifier's baseline runs over batches.
classifier = []
made = trainer(running=RunningMoments(accelerator))
for _ in range(3):
    inputs = inputs_for(-9, -1)
    losses, _, _ = dpo_loss(made, *inputs, loss_type="bco_pair")
    classifier.append({"inputs": [values.tolist() for values in inputs], **measured(inputs, losses)})

feedback = []
for good, bad in [(3, 2), (1, 0), (0, 1), (0, 4), (5, 0)]:
    made = trainer(calculate_KL=True, loss_type="kto", desirable_weight=1.2, undesirable_weight=0.7)
    for shift in (0, 3):
        own = torch.empty(good + bad, dtype=torch.float64).uniform_(-9, -1).requires_grad_()
        others = torch.empty(good + bad, dtype=torch.float64).uniform_(-9, -1) + shift
        held = [torch.empty(good + bad, dtype=torch.float64).uniform_(-9, -1) for _ in range(2)]
        losses, _, _, kl = kto_loss(
            made, own[:good], own[good:], others, held[0][:good], held[0][good:], held[1])
        slope, = torch.autograd.grad(losses.sum(), own)
        feedback.append({
            "good": good, "own": own.tolist(), "others": others.tolist(), "reference": held[0].tolist(),
            "reference_others": held[1].tolist(), "losses": losses.tolist(), "slope": slope.tolist(),
            "kl": kl.item()})

with open(sys.argv[1], "w") as file:
    json.dump({"beta": 0.3, "losses": cases, "classifier": classifier, "feedback": feedback}, file, indent=1)
    file.write("\n")
