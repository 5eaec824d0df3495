public import FledgeCore

/// The course of training and its outputs.
public struct TrainingArguments: Hashable, Sendable {
    /// The folder for results (`output_dir`).
    public var outputFolder: String
    /// Whether a folder with results is started anew (`overwrite_output_dir`).
    public var overwritesOutputFolder: Bool
    /// Whether to train (`do_train`).
    public var trains: Bool
    /// Whether to evaluate at the end (`do_eval`, or any evaluation during training).
    public var evaluates: Bool
    /// Whether to predict for the evaluation sets at the end (`do_predict`).
    public var predicts: Bool
    /// Whether evaluation and prediction generate answers (`predict_with_generate`).
    public var predictsWithGeneration: Bool
    /// What to go on from (`resume_from_checkpoint`).
    public var resume: Resume
    /// Keys that may differ from those of the run that is resumed (`allow_changed`).
    public var allowedChanges: Set<String>
    /// Examples of one micro-batch (`per_device_train_batch_size`).
    public var trainBatchSize: Int
    /// Examples of one batch in evaluation (`per_device_eval_batch_size`).
    public var evaluationBatchSize: Int
    /// Micro-batches of one optimizer step (`gradient_accumulation_steps`).
    public var gradientAccumulationSteps: Int
    /// The highest learning rate (`learning_rate`).
    public var learningRate: Double
    /// Passes over the data (`num_train_epochs`).
    public var epochs: Double
    /// Optimizer steps, if they replace ``epochs`` (`max_steps`).
    public var maxSteps: Int?
    /// The schedule's name (`lr_scheduler_type`).
    public var schedule: Schedule
    /// The schedule's parameters (`lr_scheduler_kwargs`).
    public var scheduleParameters: JSONValue?
    /// How long the rate rises (`warmup_steps`, `warmup_ratio`).
    public var warmup: StepInterval
    /// The optimizer (`optim`, `use_muon` and the like).
    public var optimizer: OptimizerArguments
    /// Decay of the first moment (`adam_beta1`).
    public var adamBeta1: Double
    /// Decay of the second moment (`adam_beta2`).
    public var adamBeta2: Double
    /// What is added to the divisor (`adam_epsilon`).
    public var adamEpsilon: Double
    /// Decoupled weight decay (`weight_decay`).
    public var weightDecay: Double
    /// The longest gradient; 0 does not clip (`max_grad_norm`).
    public var maxGradientNorm: Double
    /// Whether weights to multiply and activations are bfloat16 (`bf16`, `pure_bf16`).
    public var usesBFloat16: Bool
    /// Whether trained bfloat16 weights have float32 masters (unless `pure_bf16`).
    public var keepsMasters: Bool
    /// The seed of everything random (`seed`).
    public var seed: UInt64
    /// The seed of the training order (`data_seed`; the run's when not set).
    public var dataSeed: UInt64
    /// When to log (`logging_strategy`).
    public var loggingStrategy: IntervalStrategy
    /// The steps between logs (`logging_steps`).
    public var loggingInterval: StepInterval
    /// Where event files for TensorBoard are written (`report_to`, `logging_dir`); nil for none.
    public var tensorBoardFolder: String?
    /// Whether the first step is logged (`logging_first_step`).
    public var logsFirstStep: Bool
    /// When to save (`save_strategy`).
    public var saveStrategy: SaveStrategy
    /// The steps between checkpoints (`save_steps`).
    public var saveInterval: StepInterval
    /// Most checkpoints to keep (`save_total_limit`).
    public var saveTotalLimit: Int?
    /// Whether checkpoints hold weights only (`save_only_model`).
    public var savesOnlyModel: Bool
    /// When to evaluate (`eval_strategy`).
    public var evaluationStrategy: IntervalStrategy
    /// The steps between evaluations (`eval_steps`; those between logs when not set).
    public var evaluationInterval: StepInterval
    /// Steps or epochs before the first evaluation (`eval_delay`).
    public var evaluationDelay: Double
    /// Whether to evaluate before the first step (`eval_on_start`).
    public var evaluatesOnStart: Bool
    /// Whether to go back to the best checkpoint (`load_best_model_at_end`).
    public var loadsBestModelAtEnd: Bool
    /// What the best checkpoint is judged by (`metric_for_best_model`).
    public var bestModelMetric: String
    /// Whether larger is better (`greater_is_better`; unless the metric is a loss when not set).
    public var greaterIsBetter: Bool
    /// Whether a last batch that is not full is dropped (`dataloader_drop_last`).
    public var dropsLastBatch: Bool

    /// What training goes on from.
    public enum Resume: Hashable, Sendable {
        /// The newest checkpoint, if there is one and the folder is not started anew.
        case automatic
        /// The newest checkpoint, which must be there.
        case newest
        /// Nothing.
        case never
        /// A checkpoint folder.
        case checkpoint(String)
    }

    /// Courses of the learning rate.
    public enum Schedule: String, Hashable, Sendable, CaseIterable {
        case linear, cosine, polynomial, constant
        case cosineWithRestarts = "cosine_with_restarts"
        case constantWithWarmup = "constant_with_warmup"
        case inverseSquareRoot = "inverse_sqrt"
        case cosineWithMinimum = "cosine_with_min_lr"
        case cosineWarmupWithMinimum = "cosine_warmup_with_min_lr"
        case warmupStableDecay = "warmup_stable_decay"
        case reduceOnPlateau = "reduce_lr_on_plateau"
        case greedy

        /// Whether it follows what evaluations come to.
        public var followsEvaluations: Bool { self == .reduceOnPlateau || self == .greedy }
        /// Whether the rate rises before it takes its course, as long as `warmup_steps` says.
        public var warmsUp: Bool { self != .constant && !followsEvaluations }
    }

    /// When something happens during training.
    public enum IntervalStrategy: String, Hashable, Sendable {
        case never = "no"
        case steps
        case epoch
    }

    /// When checkpoints are saved.
    public enum SaveStrategy: String, Hashable, Sendable {
        case never = "no"
        case steps
        case epoch
        /// After an evaluation that is better than all before it.
        case best

        /// What is saved whatever evaluations come to.
        package var interval: IntervalStrategy {
            switch self {
            case .never, .best: .never
            case .steps: .steps
            case .epoch: .epoch
            }
        }
    }

    /// The defaults.
    public init() { self.init(.defaults) }

    init(_ values: OptionValues) {
        outputFolder = values.text("output_dir")
        overwritesOutputFolder = values.flag("overwrite_output_dir")
        trains = values.flag("do_train")
        resume = Resume(values.optionalText("resume_from_checkpoint"))
        allowedChanges = Set(values.list("allow_changed"))
        trainBatchSize = values.integer("per_device_train_batch_size")
        evaluationBatchSize = values.integer("per_device_eval_batch_size")
        gradientAccumulationSteps = values.integer("gradient_accumulation_steps")
        learningRate = values.number("learning_rate")
        epochs = values.number("num_train_epochs")
        maxSteps = values.optionalInteger("max_steps").flatMap { $0 > 0 ? $0 : nil }
        schedule = values.word("lr_scheduler_type")
        scheduleParameters = values.mapping("lr_scheduler_kwargs")
        warmup = StepInterval(
            values.optionalNumber("warmup_ratio") ?? values.number("warmup_steps"))
        optimizer = OptimizerArguments(values)
        adamBeta1 = values.number("adam_beta1")
        adamBeta2 = values.number("adam_beta2")
        adamEpsilon = values.number("adam_epsilon")
        weightDecay = values.number("weight_decay")
        maxGradientNorm = values.number("max_grad_norm")
        usesBFloat16 = values.flag("bf16") || values.flag("pure_bf16")
        keepsMasters = !values.flag("pure_bf16")
        seed = UInt64(values.integer("seed"))
        dataSeed = UInt64(values.optionalInteger("data_seed") ?? values.integer("seed"))
        loggingStrategy = values.word("logging_strategy")
        loggingInterval = StepInterval(values.number("logging_steps"))
        tensorBoardFolder =
            values.list("report_to").contains("tensorboard")
            ? values.optionalText("logging_dir") ?? values.text("output_dir") + "/runs" : nil
        logsFirstStep = values.flag("logging_first_step")
        saveStrategy = values.word("save_strategy")
        saveInterval = StepInterval(values.number("save_steps"))
        saveTotalLimit = values.optionalInteger("save_total_limit")
        savesOnlyModel = values.flag("save_only_model")
        evaluationStrategy = values.word("eval_strategy")
        // An interval of 0 stands for the one between logs as well.
        let evaluationSteps = values.optionalNumber("eval_steps").flatMap { $0 == 0 ? nil : $0 }
        evaluationInterval = StepInterval(evaluationSteps ?? values.number("logging_steps"))
        evaluationDelay = values.number("eval_delay")
        evaluatesOnStart = values.flag("eval_on_start")
        evaluates = values.flag("do_eval") || evaluationStrategy != .never
        predicts = values.flag("do_predict")
        predictsWithGeneration = values.flag("predict_with_generate")
        loadsBestModelAtEnd = values.flag("load_best_model_at_end")
        bestModelMetric = values.optionalText("metric_for_best_model") ?? "loss"
        greaterIsBetter =
            values.optionalFlag("greater_is_better") ?? !bestModelMetric.hasSuffix("loss")
        dropsLastBatch = values.flag("dataloader_drop_last")
    }
}

extension TrainingArguments.Resume {
    init(_ text: String?) {
        guard let text, !text.isEmpty else {
            self = .automatic
            return
        }
        switch RunOption.yamlFlag(text) {
        case true?: self = .newest
        case false?: self = .never
        case nil: self = .checkpoint(text)
        }
    }
}
