public import FledgeCore
public import FledgeTokenize

/// Places where the reference is known to be wrong and its numbers can be brought back.
public struct ReferenceQuirks: OptionSet, Hashable, Sendable {
    /// One bit a quirk.
    public let rawValue: UInt32

    /// Creates a set from its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(bit: UInt32) { rawValue = 1 << bit }

    /// Plainly packed samples attend to each other.
    public static let packingAttention = ReferenceQuirks(bit: 0)
    /// Where the padding token is the end token, pre-training never learns the end.
    public static let padMasksEnd = ReferenceQuirks(bit: 1)
    /// The loss with label smoothing is not divided by the accumulation.
    public static let smoothingNotDivided = ReferenceQuirks(bit: 2)
    /// The ASFT loss is not divided by the accumulation.
    public static let asftNotDivided = ReferenceQuirks(bit: 3)
    /// The losses hinge, ipo and kto_pair train with the sigmoid loss.
    public static let preferenceLossIgnored = ReferenceQuirks(bit: 4)
    /// With one end token a dialogue, masking the history still learns ends in it.
    public static let historyEndLabels = ReferenceQuirks(bit: 5)
    /// Mismatched pairs are formed inside of preprocessing batches.
    public static let ktoMapBatches = ReferenceQuirks(bit: 6)
    /// Packing shortens the cutoff by one token.
    public static let cutoffMinusOne = ReferenceQuirks(bit: 7)
    /// The evaluation loss is averaged batch by batch.
    public static let evaluationBatchMean = ReferenceQuirks(bit: 8)
    /// Metrics have the reference's names where those mislead.
    public static let metricNames = ReferenceQuirks(bit: 9)
    /// Control strings in a message become control tokens.
    public static let contentSpecials = ReferenceQuirks(bit: 10)
    /// Copies of saved modules are untied.
    public static let untieSavedModules = ReferenceQuirks(bit: 11)
    /// Losses are divided by the number of labels before shifting.
    public static let unshiftedLabelCount = ReferenceQuirks(bit: 12)
    /// A good answer that is empty counts as a bad one.
    public static let ktoEmptyAnswers = ReferenceQuirks(bit: 13)
    /// Blocks of texts are formed inside of preprocessing batches, the rest of each left out.
    public static let pretrainingMapBatches = ReferenceQuirks(bit: 14)
    /// Rows in the form openai get system texts of one model family, arguments of calls that are texts
    /// are quoted, and without tags they are read with those of the form sharegpt.
    public static let openAIAlignment = ReferenceQuirks(bit: 15)
    /// Results of tools in a row are joined as one model family writes them, whatever the template, and
    /// single ones stand as the reference's templates have them.
    public static let toolResultsJoined = ReferenceQuirks(bit: 16)
    /// Of messages nothing is read but role, content and, in the form openai, calls without the text
    /// beside them: no thoughts, no marks of what is not to be learned, no other names of roles.
    public static let messageMembers = ReferenceQuirks(bit: 24)
    /// Members that columnar files only pad with are null in tools and calls.
    public static let columnarPadding = ReferenceQuirks(bit: 25)

    /// An empty list of tools makes an empty system text.
    public static let emptyTools = ReferenceQuirks(bit: 17)
    /// Of several blocks of calls in a message the first counts, and equal ones vanish; GLM-4's format
    /// refuses several calls. The form of calls is the reference's where models' own templates write
    /// another one.
    public static let singleToolCalls = ReferenceQuirks(bit: 18)
    /// Thoughts that are closed and never opened stay so.
    public static let halfOpenThoughts = ReferenceQuirks(bit: 19)
    /// A template that is not named is read off the model's own one by lengths and single characters,
    /// whatever comes of it.
    public static let derivedTemplate = ReferenceQuirks(bit: 20)
    /// The weight of the auxiliary loss of routers reaches the models of one family alone.
    public static let auxiliaryLossIgnored = ReferenceQuirks(bit: 26)

    /// All quirks.
    public static let all = ReferenceQuirks(names.map(\.1))

    /// The quirks with their names in a configuration.
    private static let names: [(String, ReferenceQuirks)] = [
        ("packing_attention", .packingAttention), ("pad_masks_eos", .padMasksEnd),
        ("smoothing_not_divided", .smoothingNotDivided), ("asft_not_divided", .asftNotDivided),
        ("preference_loss_ignored", .preferenceLossIgnored),
        ("history_eos_labels", .historyEndLabels), ("kto_map_batches", .ktoMapBatches),
        ("cutoff_minus_one", .cutoffMinusOne), ("eval_batch_mean", .evaluationBatchMean),
        ("metric_names", .metricNames), ("content_specials", .contentSpecials),
        ("untie_saved_modules", .untieSavedModules),
        ("unshifted_label_count", .unshiftedLabelCount),
        ("kto_empty_answers", .ktoEmptyAnswers), ("pt_map_batches", .pretrainingMapBatches),
        ("openai_alignment", .openAIAlignment), ("tool_results_joined", .toolResultsJoined),
        ("message_members", .messageMembers), ("columnar_padding", .columnarPadding),
        ("empty_tools", .emptyTools), ("single_tool_calls", .singleToolCalls),
        ("half_open_thoughts", .halfOpenThoughts), ("derived_template", .derivedTemplate),
        ("aux_loss_ignored", .auxiliaryLossIgnored),
    ]

    /// The ways of the reference in which a template shall write.
    public var templateWays: ChatTemplate.ReferenceWays {
        let ways: [(ReferenceQuirks, ChatTemplate.ReferenceWays)] = [
            (.emptyTools, .emptyTools), (.singleToolCalls, .singleCalls),
            (.halfOpenThoughts, .halfThoughts), (.toolResultsJoined, .plainResults),
        ]
        return ways.reduce(into: []) { if contains($1.0) { $0.formUnion($1.1) } }
    }

    /// The names of the quirks in the set.
    public var names: [String] {
        ReferenceQuirks.names.compactMap { contains($0.1) ? $0.0 : nil }
    }

    /// Reads `none`, `all`, a name, or a list of names.
    public init(_ value: JSONValue) throws {
        if let items = value.arrayValue {
            self = try items.reduce(into: []) { $0.formUnion(try ReferenceQuirks($1)) }
            return
        }
        switch value.stringValue {
        case nil where value.isNull: self = []
        case "none": self = []
        case "all": self = .all
        case let name:
            guard let found = ReferenceQuirks.names.first(where: { $0.0 == name }) else {
                let known = ReferenceQuirks.names.map(\.0).joined(separator: ", ")
                throw FledgeError(
                    .configuration, "reference_quirks has no \(name ?? value.serialized()).",
                    advice: "It is none, all, or a list of: \(known).")
            }
            self = found.1
        }
    }

    /// The quirks of names that were checked already; `all` stands for all.
    package init(checked names: [String]) {
        self = names.reduce(into: []) { set, name in
            if name == "all" { set = .all }
            for (known, quirk) in ReferenceQuirks.names where known == name { set.formUnion(quirk) }
        }
    }
}
