internal import FledgeCore

/// Standard keys that some methods of training read and others do not: a method says which
/// (``TrainingMethod/reads``), so that what is set in vain can be named and what matters is compared when
/// a run is resumed.
public enum KeyGroup: Hashable, Sendable, CaseIterable {
    /// Which parts of dialogues are learned: `train_on_prompt`, `mask_history`.
    case dialogues
    /// What is done to the cross-entropy of tokens: `label_smoothing_factor`, `neftune_noise_alpha`.
    case crossEntropy
    /// `lora_dropout`; of methods that leave dropout on.
    case dropout
    /// Which loss tokens have: `use_dft_loss`, `use_eaft_loss`, `use_asft_loss` and theirs.
    case tokenLosses
    /// `compute_accuracy`.
    case accuracy
    /// `predict_with_generate`.
    case generation
    /// `do_predict`.
    case predictions
    /// What all losses of preferences have: `pref_beta`, `pref_ftx`.
    case preferences
    /// The loss of pairs of answers: `pref_loss` and what belongs to some of its values, and a reference
    /// where that loss looks at one.
    case pairs
    /// `kto_chosen_weight`, `kto_rejected_weight`.
    case feedback
    /// A reference, whatever the loss: `ref_model`, `ref_policy`, `precompute_ref_log_probs` and theirs.
    case references
    /// Answers that a policy draws and learns from: `num_generations`, `mask_truncated_completions`.
    case rollouts
    /// Learning with a value head: `ppo_epochs`, `gamma` and theirs.
    case proximal
    /// Limited ratios of new to old probability: `epsilon`, `num_iterations`, `beta`.
    case ratios
    /// Advantages within groups: `scale_rewards`, `loss_type` and theirs.
    case groups
    /// Advantages over the other answers to a question: `normalize_advantages`, `reward_clip_range`.
    case leaveOneOut
    /// What judges answers: `reward_model`, `reward_rules` and theirs.
    case rewards
    /// The model that is imitated: `teacher_model` and its adapters.
    case teacher
    /// `value_head_dropout`.
    case valueHead
    /// `packing`; of methods whose rows can be packed (``RowTraits/packs``).
    case packing
}

extension TrainingMethod {
    /// The groups that the method reads; rows tell of packing.
    var readGroups: Set<KeyGroup> {
        rows.packs ? reads.union([.packing]) : reads.subtracting([.packing])
    }
}

/// What is known of a run when it is asked whether a key matters in it.
struct KeyContext {
    /// The value under a key of the table.
    let value: (String) -> JSONValue
    /// What its method reads.
    let groups: Set<KeyGroup>
}

extension OptionValues {
    /// The context of a run with these values.
    func context(_ method: any TrainingMethod) -> KeyContext {
        KeyContext(value: { self[$0].json }, groups: method.readGroups)
    }
}
