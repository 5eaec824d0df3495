internal import FledgeCore

/// A wish to stretch a model's rotary positions to longer texts, whatever its config.json says
/// (LLaMA-Factory's `rope_scaling`).
public struct ContextStretch: Hashable, Sendable {
    /// How frequencies are stretched.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case linear, dynamic, yarn, llama3
    }

    /// How frequencies are stretched.
    public var kind: Kind
    /// The length of texts that there shall be room for; nil for twice the model's own.
    public var length: Int?

    /// Creates a wish.
    public init(_ kind: Kind, length: Int? = nil) { (self.kind, self.length) = (kind, length) }

    /// The whole number by which a length has to grow; nil where it is long enough.
    func factor(over original: Int) -> Int? {
        guard let length else { return 2 }
        return length > original ? (length - 1) / original + 1 : nil
    }
}

extension DecoderConfiguration {
    /// Stretches rotary positions.
    ///
    /// The length of before is `original_max_position_embeddings` where config.json states one. The base,
    /// the part of a head that is rotated, and what else a family has beside the scaling stay.
    ///
    /// - Returns: What was done, in a sentence.
    /// - Throws: ``FledgeError`` when the model's family does not take it.
    public mutating func stretch(_ wish: ContextStretch) throws -> String {
        let (reader, rope) = (reader, reader.statedRope)
        func refused(_ reason: String) -> FledgeError {
            reader.unsupported("rope_scaling cannot be \(wish.kind.rawValue): \(reason)")
        }
        guard rope?["full_attention"] == nil else {
            throw refused("layers of this model differ in their rotary positions.")
        }
        guard rope?["alpha"]?.isNull ?? true else {
            throw refused("the model's own positions have a base that alpha makes.")
        }
        let stated = rope?["original_max_position_embeddings"] ?? reader.statedOriginal
        if case .linear = ropeScaling, stated == nil {
            throw refused(
                "config.json stretches already and does not say from which length; add original_max_position_embeddings."
            )
        }
        let original = stated?.intValue ?? maxPositions
        guard original > 0, let factor = wish.factor(over: original) else {
            return
                "rope_scaling changes nothing: texts have up to \(wish.length ?? 0) tokens, and the model was made for \(original)."
        }
        let (length, isTooLong) = original.multipliedReportingOverflow(by: factor)
        guard !isTooLong, length < 1 << 31 else {
            throw reader.unsupported("No model can be stretched to \(wish.length ?? 0) tokens.")
        }
        guard length > contextLength || contextLength <= original else {
            return
                "rope_scaling changes nothing: config.json stretches to \(contextLength) tokens already."
        }
        var scaling: JSONValue = [
            "rope_type": .string(wish.kind.rawValue), "factor": .number(Double(factor)),
            "original_max_position_embeddings": .integer(original),
            "rope_theta": .number(ropeTheta),
        ]
        if wish.kind == .llama3 {
            (scaling["low_freq_factor"], scaling["high_freq_factor"]) = (.number(1), .number(4))
        }
        for key in ["partial_rotary_factor", "llama_4_scaling_beta"] {
            if let kept = rope?[key] { scaling[key] = kept }
        }
        var changed = self.original ?? json()
        changed["max_position_embeddings"] = .integer(length)
        let isNewer = changed["rope_parameters"]?.members != nil
        changed["rope_scaling"] = isNewer ? nil : scaling
        changed["rope_parameters"] = isNewer ? scaling : nil
        if !isNewer { changed["rope_theta"] = .number(ropeTheta) }
        // The family has its say.
        let read = try family.configuration(
            ConfigurationReader(changed, originalFile ?? "config.json"))
        (ropeTheta, ropeScaling) = (read.ropeTheta, read.ropeScaling)
        (partialRotaryFactor, maxPositions) = (read.partialRotaryFactor, read.maxPositions)
        self.original = changed
        let effect =
            wish.kind == .dynamic
            ? "Texts may have \(length) tokens instead of \(original); angles stay as they are up to that length (dynamic, as in LLaMA-Factory)."
            : "Rotary positions are stretched by \(factor) (\(wish.kind.rawValue)): from \(original) to \(length) tokens."
        return
            "\(effect) What is trained belongs to this: give rope_scaling and cutoff_len again where an adapter is used."
    }
}
