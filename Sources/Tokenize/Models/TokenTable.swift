/// Byte strings with an id each, and ids with their byte strings.
///
/// The strings lie in one run of bytes, so that loading makes no object per token, and the search is
/// over bytes: `String` keys would lose tokens that are canonically equivalent to others. A table is
/// filled by one thread and not changed once others read it.
final class TokenTable: @unchecked Sendable {
    private typealias Place = (start: UInt32, end: UInt32)

    private var storage: UnsafeMutablePointer<UInt8>
    private var storageCount = 0
    private var storageCapacity: Int
    /// Where the string of each id lies.
    private var places: UnsafeMutablePointer<Place>
    private var placeCapacity: Int
    /// Open addressing: part of the hash above the id, or -1 for free.
    private var slots: UnsafeMutablePointer<Int64>
    private var mask: Int
    /// Number of tokens; ids may have gaps.
    private(set) var count = 0
    /// One more than the largest id.
    private(set) var endID = 0

    /// Reserves space for a number of tokens.
    init(capacity: Int) {
        var size = 16
        while 2 * size < 3 * capacity { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: -1, count: size)
        placeCapacity = max(capacity, 16)
        places = .allocate(capacity: placeCapacity)
        storageCapacity = 8 * placeCapacity
        storage = .allocate(capacity: storageCapacity)
    }

    deinit {
        slots.deallocate()
        places.deallocate()
        storage.deallocate()
    }

    /// Whether the id has a token.
    func contains(_ id: Int32) -> Bool {
        id >= 0 && Int(id) < endID && places[Int(id)].start != UInt32.max
    }

    /// The largest id: far more than any vocabulary has, and little enough not to fill the memory.
    static let maximumID: Int32 = 1 << 22

    /// A number as an id, if it can be one.
    static func checked(_ number: Int) -> Int32? {
        (0...Int(maximumID)).contains(number) ? Int32(number) : nil
    }

    /// Adds a token. False when the id or the token is there already, or the id is out of range.
    func insert(_ token: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
        guard id >= 0, id <= TokenTable.maximumID, !contains(id),
            storageCount + token.count < Int(UInt32.max)
        else { return false }
        if 3 * count >= 2 * mask { grow() }
        let hash = ByteHash.hash(token)
        guard let slot = freeSlot(token, hash) else { return false }
        reserve(token.count, id)
        while endID <= Int(id) {
            (places + endID).initialize(to: (UInt32.max, UInt32.max))
            endID += 1
        }
        let start = storageCount
        if let bytes = token.baseAddress {
            (storage + start).initialize(from: bytes, count: token.count)
        }
        storageCount += token.count
        places[Int(id)] = (UInt32(start), UInt32(storageCount))
        slots[slot] = TokenTable.entry(hash, id)
        count += 1
        return true
    }

    /// Adds a token. False when the id or the token is there already, or the id is out of range.
    func insert(_ token: [UInt8], id: Int32) -> Bool {
        token.withUnsafeBufferPointer { insert($0, id: id) }
    }

    private func reserve(_ byteCount: Int, _ id: Int32) {
        if storageCount + byteCount > storageCapacity {
            storageCapacity = max(2 * storageCapacity, storageCount + byteCount)
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: storageCapacity)
            larger.moveInitialize(from: storage, count: storageCount)
            storage.deallocate()
            storage = larger
        }
        if Int(id) >= placeCapacity {
            placeCapacity = max(2 * placeCapacity, Int(id) + 1)
            let larger = UnsafeMutablePointer<Place>.allocate(capacity: placeCapacity)
            larger.moveInitialize(from: places, count: endID)
            places.deallocate()
            places = larger
        }
    }

    @inline(__always)
    private static func entry(_ hash: UInt64, _ id: Int32) -> Int64 {
        Int64(bitPattern: (hash >> 33) << 32) | Int64(id)
    }

    private func freeSlot(_ token: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & mask
        let tag = Int64(bitPattern: hash >> 33)
        while slots[slot] >= 0 {
            let entry = slots[slot]
            if entry >> 32 == tag, matches(Int32(truncatingIfNeeded: entry), token) { return nil }
            slot = (slot + 1) & mask
        }
        return slot
    }

    @inline(__always)
    private func matches(_ id: Int32, _ token: UnsafeBufferPointer<UInt8>) -> Bool {
        let place = places[Int(id)]
        guard Int(place.end - place.start) == token.count else { return false }
        let known = storage + Int(place.start)
        for index in 0..<token.count where known[index] != token[index] { return false }
        return true
    }

    /// Whether an id's token is this.
    func contains(_ id: Int32, as token: UnsafeBufferPointer<UInt8>) -> Bool {
        contains(id) && matches(id, token)
    }

    /// The id of a token.
    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
        let hash = ByteHash.hash(token)
        var slot = Int(truncatingIfNeeded: hash) & mask
        let tag = Int64(bitPattern: hash >> 33)
        while true {
            let entry = slots[slot]
            if entry < 0 { return nil }
            let id = Int32(truncatingIfNeeded: entry)
            if entry >> 32 == tag, matches(id, token) { return id }
            slot = (slot + 1) & mask
        }
    }

    /// The id of a token.
    func id(of token: [UInt8]) -> Int32? { token.withUnsafeBufferPointer { id(of: $0) } }

    /// Calls with the bytes of a token; they are empty for an id without one.
    @inline(__always)
    func withBytes<Result>(
        of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        guard contains(id) else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        let place = places[Int(id)]
        return try body(
            UnsafeBufferPointer(
                start: storage + Int(place.start), count: Int(place.end - place.start)))
    }

    /// The bytes of a token.
    func bytes(of id: Int32) -> [UInt8] { withBytes(of: id) { Array($0) } }

    private func grow() {
        slots.deallocate()
        mask = 2 * mask + 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: -1, count: mask + 1)
        for id in 0..<Int32(endID) where contains(id) {
            let hash = withBytes(of: id, ByteHash.hash)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = TokenTable.entry(hash, id)
        }
    }
}
