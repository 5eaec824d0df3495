/// The merges of a byte-pair vocabulary: a pair of symbols to its rank and the symbol of both.
///
/// The memory is filled once, before the table is shared, so that any number of threads may read it.
final class MergeTable: @unchecked Sendable {
    /// What a pair becomes: its rank in the upper half, its symbol in the lower.
    typealias Merge = UInt64

    /// A pair that is not merged; it ranks after all others.
    static let none = UInt64.max

    /// A merge of the list that a file holds.
    struct Pair: Sendable {
        var left: Int32
        var right: Int32
        var rank: Int32
        var both: Int32
    }

    /// The pairs in the order of the file.
    let pairs: [Pair]
    private let slots: UnsafeMutableBufferPointer<(key: UInt64, merge: Merge)>
    private let mask: Int
    /// A bit for each value of a part of the hash that occurs: most pairs are not merged, and the
    /// bits, unlike the table, stay in the cache.
    private let filter: UnsafeMutableBufferPointer<UInt64>
    private let filterMask: Int

    /// Makes the table; of a pair that comes again the later entry counts, as in `tokenizers`.
    init(_ pairs: [Pair]) {
        self.pairs = pairs
        var size = 16
        while 2 * size < 3 * pairs.count + 2 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: (UInt64.max, MergeTable.none))
        filterMask = 8 * size - 1
        filter = .allocate(capacity: size / 8)
        filter.initialize(repeating: 0)
        for pair in pairs {
            let key = MergeTable.key(pair.left, pair.right)
            let hash = MergeTable.hash(key)
            let bit = hash & filterMask
            filter[bit >> 6] |= 1 << UInt64(bit & 63)
            var slot = (hash >> 10) & mask
            while slots[slot].key != UInt64.max, slots[slot].key != key { slot = (slot + 1) & mask }
            slots[slot] = (key, UInt64(UInt32(pair.rank)) << 32 | UInt64(UInt32(pair.both)))
        }
    }

    deinit {
        slots.deallocate()
        filter.deallocate()
    }

    /// What a pair becomes; ``none`` when it is not merged.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge {
        let key = MergeTable.key(left, right)
        let hash = MergeTable.hash(key)
        let bit = hash & filterMask
        guard filter.baseAddress.unsafelyUnwrapped[bit >> 6] >> UInt64(bit & 63) & 1 != 0 else {
            return MergeTable.none
        }
        var slot = (hash >> 10) & mask
        // A table is never full, so that the search ends.
        let slots = slots.baseAddress.unsafelyUnwrapped
        while true {
            let entry = slots[slot]
            if entry.key == key { return entry.merge }
            if entry.key == UInt64.max { return MergeTable.none }
            slot = (slot + 1) & mask
        }
    }

    @inline(__always)
    static func rank(_ merge: Merge) -> UInt64 { merge >> 32 }

    @inline(__always)
    static func symbol(_ merge: Merge) -> Int32 { Int32(truncatingIfNeeded: merge) }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func hash(_ key: UInt64) -> Int {
        let mixed = (key ^ (key >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 29)
    }
}
