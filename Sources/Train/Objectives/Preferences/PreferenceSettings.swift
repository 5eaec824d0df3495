import FledgeCore

/// Constants that preference losses are made with, by name of a configuration's keys.
public struct PreferenceSettings: Hashable, Sendable {
    /// `pref_beta`.
    public var beta: Double
    /// `dpo_label_smoothing`.
    public var labelSmoothing: Double
    /// `simpo_gamma`.
    public var gamma: Double

    /// Creates settings, the reference's when all is left out.
    public init(beta: Double = 0.1, labelSmoothing: Double = 0, gamma: Double = 0.5) {
        (self.beta, self.labelSmoothing, self.gamma) = (beta, labelSmoothing, gamma)
    }
}

/// A preference loss by its name in a configuration (`pref_loss`).
public struct NamedPreferenceLoss: Sendable {
    /// The name.
    public let name: String
    /// Makes the loss.
    public let make: @Sendable (PreferenceSettings) throws -> any PreferenceLoss

    /// Gives a loss a name.
    public init(
        _ name: String,
        _ make: @escaping @Sendable (PreferenceSettings) throws -> any PreferenceLoss
    ) {
        (self.name, self.make) = (name, make)
    }

    /// The losses of the reference and of TRL.
    public static let standard: [NamedPreferenceLoss] = [
        .init("sigmoid") {
            SigmoidPreference(beta: $0.beta, labelSmoothing: $0.labelSmoothing)
        },
        .init("hinge") { HingePreference(beta: $0.beta) },
        .init("ipo") { IdentityPreference(beta: $0.beta) },
        .init("kto_pair") { PairedFeedbackPreference(beta: $0.beta) },
        .init("orpo") { OddsRatioPreference(beta: $0.beta) },
        .init("simpo") { SimplePreference(beta: $0.beta, gamma: $0.gamma) },
        .init("robust") {
            guard $0.labelSmoothing < 0.5 else {
                throw FledgeError(
                    .configuration,
                    "pref_loss: robust divides by 1 - 2·dpo_label_smoothing, which \($0.labelSmoothing) makes no positive number.",
                    advice: "Set dpo_label_smoothing below 0.5.")
            }
            return RobustPreference(beta: $0.beta, labelSmoothing: $0.labelSmoothing)
        },
        .init("exo_pair") { ExactPreference(beta: $0.beta, labelSmoothing: $0.labelSmoothing) },
        .init("apo_zero") { AnchoredPreference(beta: $0.beta) },
        .init("apo_down") { LoweringPreference(beta: $0.beta) },
        .init("sppo_hard") { SelfPlayPreference(beta: $0.beta) },
        .init("discopop") { DiscoveredPreference(beta: $0.beta) },
    ]

    /// The losses as the reference's program computes them today: whatever asks for another loss with a
    /// reference is the sigmoid's, of means where the name is `ipo` (quirk `preference_loss_ignored`).
    public static let ofTheReference: [NamedPreferenceLoss] = standard.map { named in
        guard ["hinge", "ipo", "kto_pair"].contains(named.name) else { return named }
        return NamedPreferenceLoss(named.name) {
            SigmoidPreference(
                beta: $0.beta, labelSmoothing: $0.labelSmoothing, averages: named.name == "ipo")
        }
    }
}
