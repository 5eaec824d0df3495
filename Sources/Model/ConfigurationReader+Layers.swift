internal import FledgeCore

/// Settings that differ from layer to layer.
extension ConfigurationReader {
    /// Whether the file states a window, whatever layers have it.
    public var hasWindow: Bool { self["sliding_window"].map { !$0.isNull } ?? false }

    /// For each layer how many of the tokens up to its own a token sees there, nil for all of them:
    /// `layer_types` and `sliding_window`.
    ///
    /// - Parameters:
    ///   - count: Number of layers.
    ///   - slides: Whether a layer has a window where no `layer_types` say; all do where there is one, if
    ///     this is left out.
    /// - Throws: ``FledgeError`` where they do not fit each other, or layers are of another kind.
    public func windows(layers count: Int, slides: ((Int) -> Bool)? = nil) throws -> [Int?] {
        knows("sliding_window")
        let kinds: [Bool]
        if let listed = self["layer_types"], !listed.isNull {
            let names = listed.arrayValue?.compactMap(\.stringValue) ?? []
            guard names.count == count else {
                throw wrong("layer_types", "a list of a word for each of \(count) layers")
            }
            let known = ["full_attention", "sliding_attention"]
            if let other = names.first(where: { !known.contains($0) }) {
                throw unsupported(
                    "A layer is of the type \(other); known are \(known.joined(separator: " and "))."
                )
            }
            kinds = names.map { $0 == known[1] }
        } else {
            let slides = slides ?? { _ in self.hasWindow }
            kinds = (0..<max(0, min(count, 1 << 20))).map(slides)
        }
        guard kinds.contains(true) else { return [] }
        let window = try optionalInteger("sliding_window") ?? 0
        guard window > 0 else { throw wrong("sliding_window", "a number above 0") }
        return kinds.map { $0 ? window : nil }
    }

    /// The same where `use_sliding_window` has to say that there are any, as in Qwen's files.
    func windowsWhereUsed(
        layers count: Int, slides: @escaping (Int) -> Bool
    ) throws -> [Int?] {
        knows("sliding_window", "max_window_layers")
        guard try flag("use_sliding_window") ?? false else {
            try requireFullAttention()
            return []
        }
        let json = has("sliding_window") ? self : withDefault("sliding_window", 4096)
        return try json.windows(layers: count) { json.hasWindow && slides($0) }
    }

    /// Whether the file has rotary scaling in the older spelling.
    var hasOlderRopeScaling: Bool { self["rope_scaling"]?.members?.isEmpty == false }

    /// The rotary base and scaling of layers of one kind, where the file has them by kind
    /// (`rope_parameters`); nil where it has them once for all.
    func rope(
        ofLayers kind: String, maxPositions: Int
    ) throws -> (theta: Double?, scaling: RopeScaling)? {
        guard let given = self["rope_parameters"]?[kind], !given.isNull else { return nil }
        let theta = given["rope_theta"]
        guard theta == nil || theta?.doubleValue.map({ $0 > 1 && $0.isFinite }) == true else {
            throw wrong("rope_parameters", "an object whose bases are numbers above 1")
        }
        guard given["rope_type"]?.stringValue != "proportional" else {
            let part = given["partial_rotary_factor"]?.doubleValue ?? 1
            let factor = given["factor"]?.doubleValue ?? 1
            guard part > 0, part <= 1, factor > 0, factor.isFinite else {
                throw wrong(
                    "rope_parameters",
                    "an object whose partial_rotary_factor is above 0, at most 1, and factor above 0"
                )
            }
            return (theta?.doubleValue, .proportional(part: part, factor: factor))
        }
        return (theta?.doubleValue, try ropeScaling(given, maxPositions))
    }
}
