internal import FledgeCore

/// The content of an `adapter_config.json`, as far as it changes what a LoRA adapter computes.
public struct PEFTConfiguration: Hashable, Sendable {
    /// The rank of modules without a pattern.
    public var rank: Int
    /// The numerator of the scale of modules without a pattern.
    public var alpha: Double
    /// Probability with which an input channel is dropped in training.
    public var dropout: Double
    /// Whether the scale is `alpha/√rank`.
    public var isRankStabilized: Bool
    /// The adapted modules.
    public var modules: ModuleSelection
    /// Ranks of single modules by expressions for the end of their path; the first that matches counts.
    public var rankPattern: [Pattern<Int>] = []
    /// Numerators of single modules, likewise.
    public var alphaPattern: [Pattern<Double>] = []
    /// Path of the model that the adapter belongs to.
    public var baseModel: String?

    /// What holds for the modules that an expression names.
    public struct Pattern<Value: Hashable & Sendable>: Hashable, Sendable {
        /// The regular expression.
        public var expression: String
        /// What holds.
        public var value: Value

        /// Creates a pattern.
        public init(_ expression: String, _ value: Value) {
            (self.expression, self.value) = (expression, value)
        }
    }

    /// The rank of the module at `path`.
    public func rank(of path: String) -> Int { Self.match(path, rankPattern) ?? rank }

    /// What the update of the module at `path` is multiplied by.
    public func scaling(of path: String) -> Double {
        let rank = Double(rank(of: path))
        let alpha = Self.match(path, alphaPattern) ?? alpha
        return isRankStabilized ? alpha / rank.squareRoot() : alpha / rank
    }

    private static func match<Value>(_ path: String, _ patterns: [Pattern<Value>]) -> Value? {
        patterns.first { ModulePattern.names($0.expression, path) }?.value
    }
}

extension PEFTConfiguration {
    /// The configuration of fresh adapters.
    ///
    /// - Parameter isPart: Whether the model is a part of another, which has modules of the same names in
    ///   other parts: then whole paths are named, as in the reference.
    init(_ method: LoRA, layers: [String], isPart: Bool) {
        rank = method.rank
        alpha = method.alpha
        dropout = method.dropout
        isRankStabilized = method.isRankStabilized
        guard !isPart else {
            modules = ModuleSelection(.list(layers))
            return
        }
        switch method.targets {
        case .named(let names): modules = ModuleSelection(.list(names))
        case .allLinear:
            var names: [String] = []
            for layer in layers {
                let name = layer.split(separator: ".").last.map(String.init) ?? layer
                if !names.contains(name) { names.append(name) }
            }
            modules = ModuleSelection(.list(names))
        }
    }
}
