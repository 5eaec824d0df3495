/// A `for` loop.
final class JinjaLoopStatement: JinjaStatement {
    let target: JinjaTarget
    let elements: any JinjaExpression
    /// The condition of elements, with variables of its own.
    let test: (body: JinjaBody, target: JinjaTarget, condition: any JinjaExpression)?
    let body: JinjaBody
    let otherwise: JinjaBody
    let hasOtherwise: Bool
    /// Where `loop` is, if the body speaks of it.
    let loopSlot: Int?
    /// The slots of a recursive loop, which runs in a frame of its own.
    let recursiveSlots: Int?
    let offset: Int

    init(
        target: JinjaTarget, elements: any JinjaExpression,
        test: (body: JinjaBody, target: JinjaTarget, condition: any JinjaExpression)?,
        body: JinjaBody, otherwise: JinjaBody, hasOtherwise: Bool, loopSlot: Int?,
        recursiveSlots: Int?, at offset: Int
    ) {
        (self.target, self.elements, self.test) = (target, elements, test)
        (self.body, self.otherwise, self.hasOtherwise) = (body, otherwise, hasOtherwise)
        (self.loopSlot, self.recursiveSlots, self.offset) = (loopSlot, recursiveSlots, offset)
    }

    func execute(_ frame: JinjaFrame) throws -> JinjaFlow {
        do {
            let value = try elements.evaluate(frame)
            guard let recursiveSlots else {
                try run(value, frame)
                return .next
            }
            let text = try recurse(value, level: 0, frame, slots: recursiveSlots)
            try frame.rendering.write(frame.rendering.string(text))
        } catch let error as JinjaError { throw error.located(offset) }
        return .next
    }

    /// The text of a recursive loop over some elements.
    private func recurse(
        _ value: JinjaValue, level: Int, _ frame: JinjaFrame, slots: Int
    ) throws -> JinjaValue {
        let rendering = frame.rendering
        return try rendering.nested(12) {
            let inner = JinjaFrame(rendering, parent: frame, count: slots)
            return .text(
                try rendering.collecting {
                    try run(value, inner, level: level) { value, level in
                        try self.recurse(value, level: level, frame, slots: slots)
                    }
                })
        }
    }

    private func run(
        _ value: JinjaValue, _ frame: JinjaFrame, level: Int = 0,
        recursion: ((JinjaValue, Int) throws -> JinjaValue)? = nil
    ) throws {
        var ran = false
        if test == nil, loopSlot == nil, case .list(let list) = value {
            for item in list.items {
                if try !round(item, frame, &ran) { break }
            }
        } else {
            let source = try selected(value.makeIterator(), frame)
            if let loopSlot {
                let count = test == nil ? try JinjaLoopStatement.count(of: value) : nil
                let loop = JinjaLoop(source, count: count, level: level, recursion: recursion)
                // The loop may hold the frame, through its condition.
                defer {
                    frame.slots[loopSlot] = .missing
                    loop.finish()
                }
                while let item = try loop.next() {
                    frame.slots[loopSlot] = .object(loop)
                    if try !round(item, frame, &ran) { break }
                }
            } else {
                while let item = try source.next() {
                    if try !round(item, frame, &ran) { break }
                }
            }
        }
        if hasOtherwise, !ran { _ = try otherwise.run(frame) }
    }

    /// Runs the body once; false when the loop was left.
    private func round(
        _ item: JinjaValue, _ frame: JinjaFrame, _ ran: inout Bool
    ) throws -> Bool {
        try frame.rendering.step()
        try target.assign(item, frame)
        switch try body.run(frame) {
        case .leave: return false
        // Jinja counts a round as one only when it reaches the end of the body.
        case .skip: return true
        case .next:
            ran = true
            return true
        }
    }

    private static func count(of value: JinjaValue) throws -> Int? {
        switch value {
        case .list(let list), .tuple(let list): list.items.count
        case .dictionary(let dictionary): dictionary.count
        case .text, .markup: try value.count()
        case .object(let object): try object.count()
        default: 0
        }
    }

    /// The elements that the loop's condition holds for.
    private func selected(_ source: JinjaIterator, _ frame: JinjaFrame) -> JinjaIterator {
        guard let test else { return source }
        var hasEntered = false
        return JinjaIterator {
            if !hasEntered { try test.body.enter(frame) }
            hasEntered = true
            while let item = try source.next() {
                try frame.rendering.step()
                try test.target.assign(item, frame)
                if try test.condition.evaluate(frame).isTrue { return item }
            }
            return nil
        }
    }
}
