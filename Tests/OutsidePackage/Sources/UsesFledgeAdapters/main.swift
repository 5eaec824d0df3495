import FledgeAdapters

let recipe = LoRA(rank: 8, alpha: 16, targets: .named(["q_proj"]))
precondition(recipe.rank == 8)
print("FledgeAdapters: \(recipe)")
