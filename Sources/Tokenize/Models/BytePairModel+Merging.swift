extension BytePairModel {
    /// Merges the lowest rank, leftmost first, by looking at all pairs each time.
    @inline(__always)
    func mergeShort(
        _ symbols: UnsafeMutablePointer<Int32>, _ pairs: UnsafeMutablePointer<UInt64>,
        _ count: inout Int
    ) {
        while count > 1 {
            var best = 0
            var lowest = MergeTable.rank(pairs[0])
            for index in 1..<max(count - 1, 1) {
                let rank = MergeTable.rank(pairs[index])
                if rank < lowest { (lowest, best) = (rank, index) }
            }
            let merge = pairs[best]
            guard merge != MergeTable.none else { return }
            symbols[best] = MergeTable.symbol(merge)
            count -= 1
            var index = best + 1
            while index < count {
                symbols[index] = symbols[index + 1]
                pairs[index - 1] = pairs[index]
                index += 1
            }
            if best > 0 { pairs[best - 1] = merges.merge(symbols[best - 1], symbols[best]) }
            if best < count - 1 { pairs[best] = merges.merge(symbols[best], symbols[best + 1]) }
        }
    }

    /// The same result for words of any length, with a queue of the candidates.
    func mergeLong(_ scratch: EncodingScratch, _ count: inout Int) {
        let (symbols, pairs) = (scratch.symbols, scratch.merges)
        let (next, previous) = (scratch.links, scratch.links + count)
        scratch.heap.removeAll()
        for index in 0..<count {
            next[index] = Int32(index + 1)
            previous[index] = Int32(index - 1)
            pairs[index] =
                index < count - 1
                ? merges.merge(symbols[index], symbols[index + 1]) : MergeTable.none
            if pairs[index] != MergeTable.none {
                scratch.heap.append(MergeTable.rank(pairs[index]) << 32 | UInt64(index))
            }
        }
        scratch.heap.order()
        func offer(_ left: Int) {
            let right = Int(next[left])
            pairs[left] =
                right < count ? merges.merge(symbols[left], symbols[right]) : MergeTable.none
            if pairs[left] != MergeTable.none {
                scratch.heap.push(MergeTable.rank(pairs[left]) << 32 | UInt64(left))
            }
        }
        while let candidate = scratch.heap.pop() {
            let left = Int(candidate & 0xFFFF_FFFF)
            // Stale when either side was merged meanwhile.
            guard symbols[left] >= 0, MergeTable.rank(pairs[left]) == candidate >> 32,
                pairs[left] != MergeTable.none
            else { continue }
            let right = Int(next[left])
            symbols[left] = MergeTable.symbol(pairs[left])
            symbols[right] = -1
            pairs[right] = MergeTable.none
            next[left] = next[right]
            if Int(next[left]) < count { previous[Int(next[left])] = Int32(left) }
            if previous[left] >= 0 { offer(Int(previous[left])) }
            offer(left)
        }
        var kept = 0
        for index in 0..<count where symbols[index] >= 0 {
            symbols[kept] = symbols[index]
            kept += 1
        }
        count = kept
    }
}
