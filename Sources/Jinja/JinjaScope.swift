/// The variables of a part of a template, found as Jinja finds them: before anything runs.
final class JinjaScope {
    /// The slots of one frame, shared by the scopes of a macro's body.
    final class Layout {
        let parent: Layout?
        private(set) var count = 0

        init(parent: Layout?) { self.parent = parent }

        func makeSlot() -> Int {
            count += 1
            return count - 1
        }
    }

    private enum Origin {
        case parameter, empty
        case resolve(String)
        case alias(Layout, Int)
    }

    /// What is known of the names at one place.
    private struct Symbols {
        var slots = [String: Int]()
        var origins = [Int: Origin]()
        var stored = Set<String>()
    }

    let parent: JinjaScope?
    let layout: Layout
    private var symbols = Symbols()
    /// The slot of each name, also while branches are looked at separately.
    private var known = [String: Int]()

    init(parent: JinjaScope?, layout: Layout) { (self.parent, self.layout) = (parent, layout) }

    private func find(_ name: String) -> (layout: Layout, slot: Int)? {
        if let slot = symbols.slots[name] { return (layout, slot) }
        return parent?.find(name)
    }

    @discardableResult
    private func define(_ name: String, _ origin: Origin) -> Int {
        let slot = known[name] ?? layout.makeSlot()
        known[name] = slot
        symbols.slots[name] = slot
        symbols.origins[slot] = origin
        return slot
    }

    /// A parameter, which is assigned when the scope is entered.
    @discardableResult
    func declare(_ name: String) -> Int {
        symbols.stored.insert(name)
        return define(name, .parameter)
    }

    func load(_ name: String) {
        if find(name) == nil { define(name, .resolve(name)) }
    }

    func store(_ name: String) {
        symbols.stored.insert(name)
        guard symbols.slots[name] == nil else { return }
        if let (layout, slot) = parent?.find(name) {
            define(name, .alias(layout, slot))
        } else {
            define(name, .empty)
        }
    }

    /// Looks at branches, of which at most one runs.
    func branch(_ branches: [() -> Void]) {
        let before = symbols
        var after = [Symbols]()
        for branch in branches {
            symbols = before
            branch()
            after.append(symbols)
        }
        symbols = before
        var stored = Set<String>()
        for branch in after { stored.formUnion(branch.stored) }
        stored.subtract(symbols.stored)
        for branch in after {
            symbols.slots.merge(branch.slots) { $1 }
            symbols.origins.merge(branch.origins) { $1 }
            symbols.stored.formUnion(branch.stored)
        }
        for name in stored {
            guard let slot = symbols.slots[name] else { continue }
            if let (layout, outer) = parent?.find(name) {
                symbols.origins[slot] = .alias(layout, outer)
            } else {
                symbols.origins[slot] = .resolve(name)
            }
        }
    }

    /// Where a name is, seen from the scope's frame.
    func reference(_ name: String) -> JinjaReference {
        if find(name) == nil { load(name) }
        guard let (owner, slot) = find(name) else { return JinjaReference(levels: 0, slot: 0) }
        return JinjaReference(levels: levels(to: owner), slot: slot)
    }

    private func levels(to owner: Layout) -> Int {
        var (levels, layout) = (0, self.layout)
        while layout !== owner, let parent = layout.parent {
            levels += 1
            layout = parent
        }
        return levels
    }

    /// What happens when the scope is entered.
    var loads: [JinjaLoad] {
        symbols.origins.sorted { $0.key < $1.key }.compactMap { slot, origin in
            switch origin {
            case .parameter: nil
            case .empty: .empty(slot: slot)
            case .resolve(let name): .resolve(slot: slot, name: name)
            case .alias(let owner, let outer):
                .alias(slot: slot, JinjaReference(levels: levels(to: owner), slot: outer))
            }
        }
    }
}

/// Looks at the names of statements, without entering what has a scope of its own.
extension JinjaScope {
    func visit(_ expression: JinjaSyntax.Expression) {
        switch expression.form {
        case .literal: return
        case .name(let name): load(name)
        case .list(let items), .tuple(let items), .concatenation(let items): items.forEach(visit)
        case .dictionary(let items):
            for item in items {
                visit(item.key)
                visit(item.value)
            }
        case .negative(let value), .positive(let value), .not(let value), .attribute(let value, _):
            visit(value)
        case .and(let left, let right), .or(let left, let right),
            .arithmetic(_, let left, let right), .element(let left, let right):
            visit(left)
            visit(right)
        case .comparison(let first, let others):
            visit(first)
            for other in others { visit(other.1) }
        case .conditional(let test, let first, let second):
            visit(test)
            visit(first)
            if let second { visit(second) }
        case .slice(let value, let parts):
            visit(value)
            for case let part? in parts { visit(part) }
        case .call(let value, let arguments), .test(let value, _, let arguments):
            visit(value)
            arguments.all.forEach(visit)
        case .filter(let value, _, let arguments):
            if let value { visit(value) }
            arguments.all.forEach(visit)
        }
    }

    func visit(_ target: JinjaSyntax.Target, asParameter: Bool = false) {
        switch target {
        case .name(let name): if asParameter { declare(name) } else { store(name) }
        case .attribute(let name, _, _): load(name)
        case .tuple(let targets): for target in targets { visit(target, asParameter: asParameter) }
        }
    }

    func visit(_ statements: [JinjaSyntax.Statement]) { statements.forEach(visit) }

    private func visit(_ statement: JinjaSyntax.Statement) {
        switch statement.form {
        case .data, .generation, .block, .leave, .skip, .unsupported: return
        case .output(let value): visit(value)
        case .conditional(let branches, let otherwise): visit(branches[...], otherwise)
        case .loop(let loop): visit(loop.elements)
        case .assign(let target, let value):
            visit(value)
            visit(target)
        case .assignBlock(let target, _, _): visit(target)
        case .macro(let name, _): store(name)
        case .callBlock(_, let call): visit(call)
        case .filterBlock(let filter, _): visit(filter)
        case .with(let values, _): for value in values { visit(value.value) }
        }
    }

    private func visit(
        _ branches: ArraySlice<(test: JinjaSyntax.Expression, body: [JinjaSyntax.Statement])>,
        _ otherwise: [JinjaSyntax.Statement]
    ) {
        guard let first = branches.first else { return }
        visit(first.test)
        branch([
            { self.visit(first.body) },
            {
                // Each further branch is a condition by itself, in the scope of those before it.
                for other in branches.dropFirst() {
                    self.visit([other][...], [])
                }
            },
            { self.visit(otherwise) },
        ])
    }
}
