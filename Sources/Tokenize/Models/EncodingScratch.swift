internal import Synchronization

/// Memory that encoding works in; one for each thread that encodes at the same time.
final class EncodingScratch: @unchecked Sendable {  // the pool hands it to one thread at a time
    var pieces = TextPieces()
    var normalized: [UInt8] = []
    let cache = WordCache()
    private(set) var symbols = UnsafeMutablePointer<Int32>.allocate(capacity: 256)
    private(set) var merges = UnsafeMutablePointer<UInt64>.allocate(capacity: 256)
    private(set) var links = UnsafeMutablePointer<Int32>.allocate(capacity: 512)
    private var capacity = 256
    var heap = MergeHeap()
    var path = UnigramPath()

    deinit {
        symbols.deallocate()
        merges.deallocate()
        links.deallocate()
    }

    /// Makes room for a number of symbols; what was in it is lost.
    func reserve(_ count: Int) {
        guard count > capacity else { return }
        symbols.deallocate()
        merges.deallocate()
        links.deallocate()
        capacity = max(count, 2 * capacity)
        symbols = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
        links = .allocate(capacity: 2 * capacity)
    }
}

/// The free scratch memories of a model.
final class ScratchPool: Sendable {
    private let free = Mutex<[EncodingScratch]>([])

    /// A scratch memory that no other thread has.
    func take() -> EncodingScratch { free.withLock { $0.popLast() } ?? EncodingScratch() }

    /// Makes a scratch memory free again.
    func giveBack(_ scratch: EncodingScratch) { free.withLock { $0.append(scratch) } }
}

/// A heap of numbers, the smallest first.
struct MergeHeap {
    private var items: [UInt64] = []

    var isEmpty: Bool { items.isEmpty }

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    /// Adds a number without keeping the order; ``order()`` restores it.
    mutating func append(_ item: UInt64) { items.append(item) }

    mutating func order() {
        var parent = items.count / 2
        while parent > 0 {
            parent -= 1
            sink(parent)
        }
    }

    mutating func push(_ item: UInt64) {
        items.append(item)
        items.withUnsafeMutableBufferPointer { items in
            var child = items.count - 1
            while child > 0 {
                let parent = (child - 1) >> 1
                guard item < items[parent] else { break }
                items[child] = items[parent]
                child = parent
            }
            items[child] = item
        }
    }

    mutating func pop() -> UInt64? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        if !items.isEmpty {
            items[0] = last
            sink(0)
        }
        return top
    }

    private mutating func sink(_ start: Int) {
        items.withUnsafeMutableBufferPointer { items in
            let item = items[start]
            var parent = start
            while true {
                var child = 2 * parent + 1
                guard child < items.count else { break }
                if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
                guard items[child] < item else { break }
                items[parent] = items[child]
                parent = child
            }
            items[parent] = item
        }
    }
}
