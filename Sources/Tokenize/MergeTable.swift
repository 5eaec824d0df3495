/// The merges of a byte-pair vocabulary: a pair of ids to its rank and the id of both together.
struct MergeTable: Sendable {
    /// What a pair becomes.
    struct Merge: Sendable {
        /// Its place in the list of merges; lower ones come first.
        var rank: Int32
        /// The id of both together.
        var id: Int32
    }

    /// The pairs in the order of their ranks.
    private(set) var pairs: [(left: Int32, right: Int32)] = []
    private var keys: [UInt64]
    private var values: [Merge]

    /// Reserves space for a number of merges.
    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity + 2 { size *= 2 }
        keys = Array(repeating: UInt64.max, count: size)
        values = Array(repeating: Merge(rank: 0, id: 0), count: size)
        pairs.reserveCapacity(capacity)
    }

    /// Adds the next merge; a pair that comes again gets its later rank, as in `tokenizers`.
    mutating func append(_ left: Int32, _ right: Int32, becomes id: Int32) {
        precondition(2 * pairs.count < keys.count, "MergeTable: more merges than announced")
        let merge = Merge(rank: Int32(pairs.count), id: id)
        pairs.append((left, right))
        let key = MergeTable.key(left, right)
        var slot = self.slot(key)
        while keys[slot] != UInt64.max, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
        keys[slot] = key
        values[slot] = merge
    }

    /// What a pair becomes; `nil` when it is not merged.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge? {
        let key = MergeTable.key(left, right)
        var slot = self.slot(key)
        while keys[slot] != UInt64.max {
            if keys[slot] == key { return values[slot] }
            slot = (slot + 1) & (keys.count - 1)
        }
        return nil
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        let mixed = (key ^ (key >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 33) & (keys.count - 1)
    }
}
