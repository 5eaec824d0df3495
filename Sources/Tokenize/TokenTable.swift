/// A vocabulary: ids to written tokens and back, by bytes.
///
/// The tokens lie in one run of bytes, so that loading makes no object per token, and the search is
/// over bytes: `String` keys would lose tokens that are canonically equivalent to others.
struct TokenTable: Sendable {
    private var storage: [UInt8] = []
    private var starts: [UInt32] = []
    private var ends: [UInt32] = []
    /// Open addressing: ids, or -1 for free.
    private var slots: [Int32]
    /// Number of tokens; ids may have gaps.
    private(set) var count = 0

    /// Reserves space for a number of tokens.
    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity { size *= 2 }
        slots = Array(repeating: -1, count: size)
        starts.reserveCapacity(capacity)
        ends.reserveCapacity(capacity)
        storage.reserveCapacity(capacity * 8)
    }

    /// One more than the largest id.
    var endID: Int { starts.count }

    /// Whether the id has a token.
    func contains(_ id: Int32) -> Bool {
        id >= 0 && Int(id) < starts.count && starts[Int(id)] != UInt32.max
    }

    /// The largest id: far more than any vocabulary has, and little enough not to fill the memory.
    static let maximumID: Int32 = 1 << 22

    /// A number as an id, if it can be one.
    static func checked(_ number: Int) -> Int32? {
        (0...Int(maximumID)).contains(number) ? Int32(number) : nil
    }

    /// Adds a token. False when the id or the token is there already, or the id is out of range.
    mutating func insert(_ token: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
        guard id >= 0, id <= TokenTable.maximumID, !contains(id) else { return false }
        var slot = TokenTable.hash(token) & (slots.count - 1)
        while slots[slot] >= 0 {
            if withBytes(of: slots[slot], { $0.elementsEqual(token) }) { return false }
            slot = (slot + 1) & (slots.count - 1)
        }
        while starts.count <= Int(id) {
            starts.append(UInt32.max)
            ends.append(UInt32.max)
        }
        starts[Int(id)] = UInt32(storage.count)
        storage.append(contentsOf: token)
        ends[Int(id)] = UInt32(storage.count)
        slots[slot] = id
        count += 1
        if 2 * count > slots.count { grow() }
        return true
    }

    /// The id of a token.
    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = TokenTable.hash(token) & (slots.count - 1)
        while slots[slot] >= 0 {
            if withBytes(of: slots[slot], { $0.elementsEqual(token) }) { return slots[slot] }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The id of a token.
    func id(of token: [UInt8]) -> Int32? { token.withUnsafeBufferPointer { id(of: $0) } }

    /// Calls with the written form of a token; it is empty for an id without one.
    func withBytes<Result>(
        of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        guard contains(id) else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        let range = Int(starts[Int(id)])..<Int(ends[Int(id)])
        return try storage.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    private mutating func grow() {
        slots = Array(repeating: -1, count: 2 * slots.count)
        for id in 0..<Int32(starts.count) where contains(id) {
            var slot = withBytes(of: id, TokenTable.hash) & (slots.count - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = id
        }
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ (hash >> 29)) >> 1)
    }
}
