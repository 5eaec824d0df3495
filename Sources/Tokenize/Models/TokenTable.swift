/// Byte strings with an id each, and ids with their byte strings.
///
/// The strings lie in one run of bytes, so that loading makes no object per token, and the search is
/// over bytes: `String` keys would lose tokens that are canonically equivalent to others.
struct TokenTable: Sendable {
    private var storage: [UInt8] = []
    private var starts: [UInt32] = []
    private var ends: [UInt32] = []
    /// Open addressing: part of the hash above the id, or -1 for free.
    private var slots: [Int64]
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
        guard id >= 0, id <= TokenTable.maximumID, !contains(id),
            storage.count + token.count < Int(UInt32.max)
        else { return false }
        if 2 * count >= slots.count { grow() }
        let hash = ByteHash.hash(token)
        guard let slot = freeSlot(token, hash) else { return false }
        while starts.count <= Int(id) {
            starts.append(UInt32.max)
            ends.append(UInt32.max)
        }
        starts[Int(id)] = UInt32(storage.count)
        storage.append(contentsOf: token)
        ends[Int(id)] = UInt32(storage.count)
        slots[slot] = TokenTable.entry(hash, id)
        count += 1
        return true
    }

    /// Adds a token. False when the id or the token is there already, or the id is out of range.
    mutating func insert(_ token: [UInt8], id: Int32) -> Bool {
        token.withUnsafeBufferPointer { insert($0, id: id) }
    }

    @inline(__always)
    private static func entry(_ hash: UInt64, _ id: Int32) -> Int64 {
        Int64(bitPattern: (hash >> 33) << 32) | Int64(id)
    }

    private func freeSlot(_ token: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        let tag = Int64(bitPattern: hash >> 33)
        while slots[slot] >= 0 {
            let entry = slots[slot]
            if entry >> 32 == tag, matches(Int32(truncatingIfNeeded: entry), token) { return nil }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    @inline(__always)
    private func matches(_ id: Int32, _ token: UnsafeBufferPointer<UInt8>) -> Bool {
        let (start, end) = (Int(starts[Int(id)]), Int(ends[Int(id)]))
        guard end - start == token.count else { return false }
        return storage.withUnsafeBufferPointer { storage in
            for index in 0..<token.count where storage[start + index] != token[index] {
                return false
            }
            return true
        }
    }

    /// The id of a token.
    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
        let hash = ByteHash.hash(token)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        let tag = Int64(bitPattern: hash >> 33)
        return slots.withUnsafeBufferPointer { slots in
            while slots[slot] >= 0 {
                let entry = slots[slot]
                let id = Int32(truncatingIfNeeded: entry)
                if entry >> 32 == tag, matches(id, token) { return id }
                slot = (slot + 1) & (slots.count - 1)
            }
            return nil
        }
    }

    /// The id of a token.
    func id(of token: [UInt8]) -> Int32? { token.withUnsafeBufferPointer { id(of: $0) } }

    /// Calls with the bytes of a token; they are empty for an id without one.
    func withBytes<Result>(
        of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        guard contains(id) else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        let range = Int(starts[Int(id)])..<Int(ends[Int(id)])
        return try storage.withUnsafeBufferPointer {
            try body(UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    /// The bytes of a token.
    func bytes(of id: Int32) -> [UInt8] { withBytes(of: id) { Array($0) } }

    private mutating func grow() {
        slots = Array(repeating: -1, count: 2 * slots.count)
        for id in 0..<Int32(starts.count) where contains(id) {
            let hash = withBytes(of: id, ByteHash.hash)
            var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = TokenTable.entry(hash, id)
        }
    }
}
