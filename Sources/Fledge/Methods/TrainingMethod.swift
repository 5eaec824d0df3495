public import FledgeCore
internal import FledgeData
public import FledgeModel
public import FledgeTrain

/// One kind of training, as `stage` names it: what its rows are, how samples become batches, and what
/// is minimised.
///
/// A method of your own is one small file: hand it over with the standard ones,
/// `RunConfiguration(path: …, methods: .standard + [Mine()])`, and `TrainingRecipe`, `RunPlanner` and
/// `Preprocessing` treat it as they treat theirs.
public protocol TrainingMethod<Sample, Batch>: Sendable {
    /// What a row becomes.
    associatedtype Sample: StageSample
    /// What is computed at once.
    associatedtype Batch: TokenizedBatch

    /// The value of `stage` that means it.
    var name: String { get }

    /// What its rows look like.
    var rows: RowTraits { get }

    /// Whether it can be trained, or its rows be prepared alone.
    var isTrainable: Bool { get }

    /// The keys of a configuration that this method alone reads, beside the standard ones.
    var keys: [RunOption] { get }

    /// The groups of standard keys that it reads.
    var reads: Set<KeyGroup> { get }

    /// Whether it trains a value head that gives scores, with which an exported model is a classifier.
    var makesScores: Bool { get }

    /// The values that its plots show, beside loss and evaluation loss.
    var plotted: [String] { get }

    /// Whether micro-batches of one optimizer step may be computed together: true where no row's loss
    /// depends on those beside it.
    func mergesBatches(_ configuration: RunConfiguration) -> Bool

    /// Micro-batches of a step.
    func batchesPerStep(_ configuration: RunConfiguration) -> Int

    /// How answers are drawn in the steps of a run; nil where none are.
    func rollouts(_ configuration: RunConfiguration) -> RolloutSize?

    /// Refuses options that make no sense with this method, before anything is loaded.
    ///
    /// - Throws: ``FledgeError`` that names the key.
    func check(_ configuration: RunConfiguration) throws

    /// How the rows of a run become samples.
    ///
    /// - Throws: ``FledgeError`` when the options do not fit together.
    func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<Sample>

    /// Puts samples into a batch.
    ///
    /// - Parameter sharesPrefixes: Whether what samples begin with is computed once.
    func collate(
        _ samples: [(index: Int, sample: Sample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) throws -> Batch

    /// Tokens that a sample by itself puts into a batch, and how many predictions of them are
    /// supervised: those of the batch that ``collate(_:epoch:sharesPrefixes:_:)`` makes of it.
    ///
    /// - Parameter sharesPrefixes: Whether what its sequences begin with is computed once.
    func size(
        of sample: Sample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int)

    /// What is trained with a model that was loaded, and what trains it.
    ///
    /// - Throws: ``FledgeError`` when something that the method needs is missing or does not fit.
    func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<Batch>

    /// Adds to the values of an evaluation what follows from them.
    ///
    /// - Parameter prefix: What the names of the set's values begin with, such as `eval`.
    func complete(_ values: inout [String: Double], prefix: String)

    /// What the method predicts with what it trains (`do_predict`); nil where it predicts nothing.
    func predictor(
        _ parts: TrainingParts<Batch>, _ side: ModelSide, _ text: TextSide,
        _ configuration: RunConfiguration
    ) -> Predictor<Batch>?

    /// The error of a row for evaluation that the model cannot take; nil where there is none.
    func excess(
        _ evaluations: [Sample], _ side: ModelSide, _ configuration: RunConfiguration
    ) -> FledgeError?

    /// How evaluation losses become one number where the reference is to be equalled.
    var referenceEvaluationMean: EvaluationMean { get }

    /// How the metrics of evaluation batches become one number each where the reference is to be equalled.
    var referenceMetricMean: EvaluationMean { get }
}

extension TrainingMethod {
    /// True.
    public var isTrainable: Bool { true }

    /// None.
    public var keys: [RunOption] { [] }

    /// All but those of generated answers: a key that is taken for one without effect is not compared
    /// when a run is resumed.
    public var reads: Set<KeyGroup> {
        Set(KeyGroup.allCases).subtracting([
            .generation, .rollouts, .proximal, .ratios, .groups, .rewards, .teacher,
        ])
    }

    /// False.
    public var makesScores: Bool { false }

    /// None.
    public var plotted: [String] { [] }

    /// True.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool { true }

    /// Those whose gradients are accumulated.
    public func batchesPerStep(_ configuration: RunConfiguration) -> Int {
        configuration.training.gradientAccumulationSteps
    }

    /// None are.
    public func rollouts(_ configuration: RunConfiguration) -> RolloutSize? { nil }

    /// Refuses nothing.
    public func check(_ configuration: RunConfiguration) throws {}

    /// Adds nothing.
    public func complete(_ values: inout [String: Double], prefix: String) {}

    /// Nothing.
    public func predictor(
        _ parts: TrainingParts<Batch>, _ side: ModelSide, _ text: TextSide,
        _ configuration: RunConfiguration
    ) -> Predictor<Batch>? { nil }

    /// None.
    public func excess(
        _ evaluations: [Sample], _ side: ModelSide, _ configuration: RunConfiguration
    ) -> FledgeError? { nil }

    /// Batches count by their rows.
    public var referenceEvaluationMean: EvaluationMean { .ofBatchesBySamples }

    /// Metrics have weights of their own.
    public var referenceMetricMean: EvaluationMean { .weighted }
}

/// What the rows of a method look like.
public struct RowTraits: Hashable, Sendable {
    /// Whether rows are plain texts, written in no template.
    public var isText: Bool
    /// Whether rows hold a better and a worse answer.
    public var isRanking: Bool
    /// Whether rows say whether their answer is good.
    public var isMarked: Bool
    /// Whether several samples come into one row where nothing is said about it.
    public var packsByDefault: Bool
    /// Whether several samples may come into one row.
    public var packs: Bool
    /// Whether the model's own template is compared up to the last answer alone, since only that one is
    /// learned.
    public var learnsLastAnswer: Bool

    /// Creates traits; everything is false that is left out.
    public init(
        isText: Bool = false, isRanking: Bool = false, isMarked: Bool = false,
        packsByDefault: Bool = false, packs: Bool = false, learnsLastAnswer: Bool = false
    ) {
        (self.isText, self.isRanking, self.isMarked) = (isText, isRanking, isMarked)
        (self.packsByDefault, self.packs) = (packsByDefault, packs)
        self.learnsLastAnswer = learnsLastAnswer
    }
}

/// What a method trains with a model.
public struct TrainingParts<Batch: TokenizedBatch> {
    /// What training changes and saves.
    public var artifact: any ModelArtifact
    /// The parameters that training changes.
    public var parameters: [Parameter]
    /// The value head that is trained with the model; nil where there is none.
    public var head: ValueHead?
    /// Models whose weights are held beside the policy's, such as a reference.
    public var companions: [any CausalLM]
    /// What judges answers by a model; nil where none does.
    public var scoring: AnswerScoring?
    /// What arises while the stage waits for others; nil where nothing does.
    public var messages: RunMessages?
    /// Whether random draws are made for each sample, which cannot share a prefix then.
    public var draws: Bool
    /// What the user should know: which policy is the reference, where a head is from.
    public var notes: [String]
    /// What is computed once before the first step; nil for nothing.
    public var preparation: Preparation?
    /// Makes the stage; blocks are computed again in the backward pass when it says so.
    public var stage: (_ recomputesBlocks: Bool) -> any Stage<Batch>

    /// What is computed once before the first step of a run.
    ///
    /// - Parameter coming: The batches that the steps of the run and its evaluations will see.
    public typealias Preparation = (_ coming: ComingBatches<Batch>) throws -> Void

    /// Creates the parts of a method with a stage of its own.
    ///
    /// - Parameters:
    ///   - artifact: What is saved; the model side's own one when left out.
    ///   - head: The value head that is trained with the model.
    ///   - companions: Models whose weights are held beside the policy's.
    ///   - stage: Makes the stage; blocks are computed again in the backward pass when it is told so.
    public init(
        _ side: ModelSide, artifact: (any ModelArtifact)? = nil, head: ValueHead? = nil,
        companions: [any CausalLM] = [], notes: [String] = [],
        stage: @escaping (_ recomputesBlocks: Bool) -> any Stage<Batch>
    ) {
        self.artifact = artifact ?? side.artifact
        (self.head, self.companions, self.notes) = (head, companions, notes)
        (self.stage, preparation, draws) = (stage, nil, false)
        parameters = side.model.trainableParameters + (head?.trainableParameters ?? [])
    }

    /// Creates the parts of a method that minimises an objective.
    ///
    /// - Parameters:
    ///   - artifact: What is saved; the model side's own one when left out.
    ///   - head: The value head that is trained with the model.
    ///   - companions: Models whose weights are held beside the policy's.
    ///   - embeddingNoise: How much noise training adds to embeddings (NEFTune's α).
    ///   - shiftsAttention: Whether training sees groups of tokens alone.
    ///   - usesDropout: Whether the objective leaves dropout on.
    ///   - preparation: What is computed once before the first step.
    public init(
        _ side: ModelSide, _ objective: some Objective<Batch>, seed: UInt64,
        artifact: (any ModelArtifact)? = nil, head: ValueHead? = nil,
        companions: [any CausalLM] = [],
        embeddingNoise: Double = 0, shiftsAttention: Bool = false, usesDropout: Bool = true,
        notes: [String] = [], preparation: Preparation? = nil
    ) {
        self.artifact = artifact ?? side.artifact
        (self.notes, self.companions, self.head) = (notes, companions, head)
        self.preparation = preparation
        parameters =
            side.model.trainableParameters + objective.modules.flatMap { $0.trainableParameters }
        // Groups are those of each sample by itself too.
        draws =
            embeddingNoise > 0 || shiftsAttention
            || (usesDropout && (side.adapters?.configuration.dropout ?? 0) > 0)
        let (model, auxiliaryWeight) = (side.computed, side.auxiliaryWeight)
        stage = { recomputes in
            func stage(_ model: some CausalLM) -> any Stage<Batch> {
                ObjectiveStage(
                    model, objective, seed: seed, recomputesBlocks: recomputes,
                    embeddingNoise: embeddingNoise, shiftsAttention: shiftsAttention,
                    auxiliaryWeight: auxiliaryWeight)
            }
            return stage(model)
        }
    }
}

extension [any TrainingMethod] {
    /// The methods of LLaMA-Factory's stages, and Fledge's own.
    public static var standard: [any TrainingMethod] {
        [
            Pretraining(), SupervisedFineTuning(), RewardModeling(), ProximalPolicyOptimization(),
            DirectPreferenceOptimization(), KahnemanTverskyOptimization(),
            GroupRelativePolicyOptimization(), ReinforceLeaveOneOut(), OnPolicyDistillation(),
        ]
    }
}
