internal import FledgeCore
public import FledgeModel
public import FledgeTrain

/// Distillation on answers of the policy's own (`stage: distill`; Agarwal et al. 2024, Lu 2025): each token
/// is worth how much likelier it is to a teacher, so that the reverse divergence from it falls.
public struct OnPolicyDistillation: PolicyMethod {
    /// Creates the method.
    public init() {}

    /// `distill`.
    public var name: String { "distill" }

    /// How answers are drawn, and the teacher.
    public var reads: Set<KeyGroup> { [.rollouts, .teacher] }

    /// None: the teacher's probabilities are all that counts.
    public var reward: (@Sendable (JudgedAnswer) throws -> Double)? { nil }

    /// False.
    public var isJudged: Bool { false }

    /// The mean divergence of an answer from the teacher.
    public var plotted: [String] { ["kl"] }

    /// One.
    public var defaultAnswersPerQuestion: Int { 1 }

    /// True: else the divergence would be that of another distribution.
    public var drawsFromAll: Bool { true }

    /// False.
    public var trainsValues: Bool { false }

    /// The teacher.
    public func reference(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> PolicyReference? {
        let keys = configuration.reinforcement
        let named = keys.teacher ?? ""
        let model = try ReferenceContent(
            model: configuration.modelPath(of: named),
            merged: keys.teacherAdapters.map { configuration.adapterPath(of: $0) },
            linears: keys.teacherQuantization.map { .quantized($0) } ?? .plain,
            type: configuration.trainingType, families: configuration.families,
            stretch: configuration.trainingStretch
        ).load()
        let (theirs, ours) = (
            model.configuration.vocabularySize, side.model.configuration.vocabularySize
        )
        guard theirs == ours else {
            throw FledgeError(
                .mismatch,
                "teacher_model has vectors for \(theirs) tokens, the policy for \(ours).",
                advice: "Name a model with the policy's tokenizer.", at: .init(file: named))
        }
        return PolicyReference(
            ModelReference(model), companion: model, notes: ["The teacher is the model \(named)."])
    }

    /// Refuses a run without a teacher.
    public func check(_ configuration: RunConfiguration) throws {
        try checkPolicy(configuration)
        try configuration.values.require(
            configuration.reinforcement.teacher != nil,
            "`teacher_model` is necessary for `stage: distill`.", ["teacher_model"])
        let bits = configuration.values.optionalInteger("teacher_model_quantization_bit")
        try configuration.values.require(
            bits == nil || bits == 4 || bits == 8, "`teacher_model_quantization_bit` is 4 or 8.",
            ["teacher_model_quantization_bit"])
    }

    /// A gradient of each token's own.
    public func options(
        _ configuration: RunConfiguration, _ generation: GenerationOptions
    ) -> PolicyOptions {
        let keys = configuration.reinforcement
        var options = PolicyOptions(
            generation: generation, estimator: TeacherAdvantages(), loss: PolicyGradientLoss())
        options.answersPerQuestion = keys.answersPerQuestion ?? defaultAnswersPerQuestion
        // A token's reward is ln p of the teacher less its own.
        options.rewardControl = FixedKLControl(1)
        options.takeTemperature()
        options.masksTruncated = keys.masksTruncated
        options.take(configuration)
        return options
    }
}
