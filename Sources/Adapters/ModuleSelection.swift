internal import FledgeCore

/// Which modules of a model an adapter was made for, as PEFT matches them: names, or an expression
/// over the whole path; without those that are excluded; in some layers only.
public struct ModuleSelection: Hashable, Sendable {
    /// Names of modules.
    public enum Names: Hashable, Sendable {
        /// Modules whose path is one of the texts, or ends with a dot and one of them.
        case list([String])
        /// Modules whose whole path matches a regular expression.
        case expression(String)
        /// Every linear layer but the head.
        case allLinear
    }

    /// The modules that are taken.
    public var targets: Names
    /// Those among them that are left out (`exclude_modules`).
    public var excluded: Names?
    /// The layers to which names are held (`layers_to_transform`); nil for all. Full paths and
    /// expressions are taken in any layer.
    public var layers: [Int]?
    /// What the list of layers is called (`layers_pattern`), any name when empty.
    public var layerNames: [String] = []
    /// Modules that are trained whole (`modules_to_save`), which no adapter goes into.
    public var savedModules: [String] = []

    /// Selects modules by name.
    public init(_ targets: Names) { self.targets = targets }

    /// Whether the module at `path` is taken.
    public func contains(_ path: String) -> Bool {
        if let excluded, Self.match(path, excluded) { return false }
        if savedModules.contains(where: { ("." + path + ".").contains("." + $0 + ".") }) {
            return false
        }
        guard Self.match(path, targets) else { return false }
        guard case .list(let names) = targets, let layers, !layers.isEmpty, !names.contains(path)
        else { return true }
        return layerIndex(of: path).map(layers.contains) ?? false
    }

    private static func match(_ path: String, _ names: Names) -> Bool {
        switch names {
        case .list(let names): names.contains { LoRA.matches(path, $0) }
        case .expression(let text): ModulePattern(text)?.matchesWhole(path) ?? false
        case .allLinear: !LoRA.matches(path, "lm_head")
        }
    }

    /// The number after the last part of the path that may be a list of layers.
    private func layerIndex(of path: String) -> Int? {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        // PEFT wants a part before the list and one after the number, and takes the last that fit.
        for index in parts.indices.reversed() where index >= 2 && index + 1 < parts.count {
            guard parts[index].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[index])
            else { continue }
            let name = String(parts[index - 1])
            if layerNames.isEmpty || layerNames.contains(name) { return number }
        }
        return nil
    }
}

/// A regular expression over the paths of modules, in the syntax that Python and Swift share.
struct ModulePattern {
    private let regex: Regex<AnyRegexOutput>

    /// Parses an expression; nil when it is none.
    init?(_ text: String) {
        guard let regex = try? Regex(text) else { return nil }
        self.regex = regex.matchingSemantics(.unicodeScalar)
    }

    /// Whether the expression matches the whole path.
    func matchesWhole(_ path: String) -> Bool { (try? regex.wholeMatch(in: path)) != nil }

    /// Whether a pattern of ranks names the path: it matches what follows any dot, to the end.
    static func names(_ pattern: String, _ path: String) -> Bool {
        // One pattern for each module is common, and compiling one takes longer than all of this.
        if pattern.utf8.allSatisfy(isPlain) { return ends(path, with: pattern) }
        return ModulePattern("(?:.*\\.)?(?:\(pattern))")?.matchesWhole(path) ?? false
    }

    /// Whether a byte means itself in an expression, or any one byte, as the dot does.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func ends(_ path: String, with pattern: String) -> Bool {
        let (path, pattern) = (path.utf8, pattern.utf8)
        guard path.count >= pattern.count else { return false }
        let start = path.index(path.endIndex, offsetBy: -pattern.count)
        let isWhole =
            start == path.startIndex || path[path.index(before: start)] == UInt8(ascii: ".")
        return isWhole
            && zip(path[start...], pattern).allSatisfy { $0 == $1 || $1 == UInt8(ascii: ".") }
    }
}
