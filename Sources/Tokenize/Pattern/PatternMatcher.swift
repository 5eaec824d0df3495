/// Runs a ``PatternProgram`` over a text: backtracking in the order of the pattern, as the engines
/// that published patterns were written for.
struct PatternMatcher: ~Copyable {
    /// A place to go back to: `low` is -1, or the place down to which a run may give back.
    private struct Frame {
        var instruction: Int32
        var position: Int
        var low: Int
    }

    private var frames: UnsafeMutablePointer<Frame>
    private var capacity = 256
    private var count = 0
    /// How often a match may still go back: patterns come from strangers, and some would take longer
    /// than the world exists.
    private var retries = PatternMatcher.retryLimit

    /// Oniguruma's own limit for a single match.
    static let retryLimit = 10_000_000

    init() { frames = .allocate(capacity: capacity) }

    deinit { frames.deallocate() }

    /// The end of the match that begins at `start`; -1 when there is none.
    @inline(__always)
    mutating func end(
        of program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int {
        let byte = start < text.count ? text[start] : 0x80
        var candidates = program.candidates[byte < 0x80 ? Int(byte) : 128]
        // At the end of the text only an empty match is left, which any alternative may be.
        if start == text.count { candidates = program.candidates[128] }
        retries = PatternMatcher.retryLimit
        while candidates != 0 {
            let index = candidates.trailingZeroBitCount
            candidates &= candidates - 1
            let end = run(program, text, Int(program.entries[index]), start)
            if end >= 0 { return end }
        }
        return -1
    }

    /// Calls with the matches of a text from left to right, which do not overlap.
    ///
    /// Behind a match that would go back too often nothing more is found.
    @inline(__always)
    mutating func forEachMatch(
        of program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void
    ) {
        var position = 0
        while position <= text.count {
            let end = end(of: program, text, from: position)
            guard retries >= 0 else { return }
            if end >= 0 { body(position, end) }
            if end > position {
                position = end
            } else {
                position += position < text.count ? UTF8Text.length(text[position]) : 1
            }
        }
    }

    private mutating func push(_ instruction: Int, _ position: Int, low: Int) {
        if count == capacity {
            let larger = UnsafeMutablePointer<Frame>.allocate(capacity: 2 * capacity)
            larger.moveInitialize(from: frames, count: count)
            frames.deallocate()
            frames = larger
            capacity *= 2
        }
        (frames + count).initialize(
            to: Frame(
                instruction: Int32(instruction), position: position, low: low))
        count += 1
    }

    @inline(__always)
    private static func contains(
        _ bits: UnsafePointer<UInt64>, _ text: UnsafeBufferPointer<UInt8>, _ position: Int
    ) -> Int {
        let byte = text[position]
        if byte < 0x80 {
            return bits[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 ? position + 1 : -1
        }
        let (value, next) = UTF8Text.decode(text, at: position)
        let place = UnicodeCategory.place(value)
        return bits[place >> 6] >> UInt64(place & 63) & 1 != 0 ? next : -1
    }

    private mutating func run(
        _ program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>, _ entry: Int, _ start: Int
    ) -> Int {
        let base = count
        var (instruction, position) = (entry, start)
        let instructions = UnsafePointer(program.instructions.baseAddress!)
        let sets = UnsafePointer(program.sets.baseAddress!)
        while true {
            let current = instructions[instruction]
            var fails = false
            switch current.operation {
            case .set:
                let bits = sets + Int(current.a) * ScalarSet.wordCount
                let next =
                    position < text.count ? PatternMatcher.contains(bits, text, position) : -1
                if next < 0 { fails = true } else { position = next }
                instruction += 1
            case .run:
                let bits = sets + Int(current.a) * ScalarSet.wordCount
                var (taken, low, end) = (Int32(0), position, position)
                while end < text.count, taken < current.high {
                    let next = PatternMatcher.contains(bits, text, end)
                    if next < 0 { break }
                    taken += 1
                    end = next
                    if taken == current.low { low = end }
                }
                if taken < current.low {
                    fails = true
                } else {
                    position = end
                    instruction += 1
                    let isLast = instructions[instruction].operation == .accept
                    if end > low, current.b == 0, !isLast { push(instruction, end, low: low) }
                }
            case .fork:
                push(Int(current.b), position, low: -1)
                instruction = Int(current.a)
            case .jump: instruction = Int(current.a)
            case .inner:
                let end = inner(program, text, instruction, current, position)
                if end < 0 { fails = true } else { position = end }
                instruction = Int(current.a)
            case .assertion:
                fails = !holds(program, text, Int(current.a), position)
                instruction += 1
            case .accept:
                count = base
                return position
            }
            guard fails else { continue }
            if count == base { return -1 }
            retries -= 1
            if retries < 0 {
                count = base
                return -1
            }
            let frame = frames[count - 1]
            instruction = Int(frame.instruction)
            position = frame.position
            if frame.low < 0 {
                count -= 1
            } else {
                position = UTF8Text.previous(text, before: position)
                if position > frame.low {
                    frames[count - 1].position = position
                } else {
                    count -= 1
                }
            }
        }
    }

    /// The end of a group that is not entered again, or the position itself when looking around.
    private mutating func inner(
        _ program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>, _ instruction: Int,
        _ current: PatternProgram.Instruction, _ position: Int
    ) -> Int {
        var start = position
        var reaches = true
        if current.b >= 3 {
            for _ in 0..<current.low {
                if start == 0 {
                    reaches = false
                } else {
                    start = UTF8Text.previous(text, before: start)
                }
            }
        }
        let end = reaches ? run(program, text, instruction + 1, start) : -1
        if current.b == 0 { return end }
        return (end >= 0) == (current.b & 1 == 1) ? position : -1
    }

    private func holds(
        _ program: PatternProgram, _ text: UnsafeBufferPointer<UInt8>, _ assertion: Int,
        _ position: Int
    ) -> Bool {
        switch assertion {
        case 0: return position == 0
        case 1: return position == text.count
        case 2: return position == 0 || text[position - 1] == 0x0A
        case 3: return position == text.count || text[position] == 0x0A
        default:
            guard let base = program.sets.baseAddress else { return false }
            let bits = UnsafePointer(base) + program.wordSet * ScalarSet.wordCount
            let before =
                position > 0
                && PatternMatcher.contains(bits, text, UTF8Text.previous(text, before: position))
                    >= 0
            let after = position < text.count && PatternMatcher.contains(bits, text, position) >= 0
            return (before != after) == (assertion == 4)
        }
    }
}
