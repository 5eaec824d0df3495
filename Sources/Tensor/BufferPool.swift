import FledgeKernels
import Synchronization

/// Keeps released buffers for the next tensor of the same size.
///
/// A training step allocates the same sizes over and over; asking the system each time costs page
/// faults worth several times the traffic itself. Sizes are rounded up to classes an eighth of a
/// power of two apart, and the buffer released last is handed out first, since it is still cached.
/// Sizes that change from step to step do not pile up: before the pool asks the system for more than
/// live tensors ever held (and a tenth), it gives back the sizes that were not used for longest.
public enum BufferPool {
    private struct State {
        var free: [Int: [UInt]] = [:]
        var lastUse: [Int: Int] = [:]
        var clock = 0
        var mostHeld = 0
        var current = 0
        var peak = 0
        var cached = 0
        var heldPeak = 0

        /// The most bytes that live tensors and kept buffers may have together.
        var limit: Int { mostHeld + BufferPool.allowance(for: mostHeld) }

        /// Takes buffers out until what is held and kept fits in what was ever held.
        mutating func evicted() -> [UInt] {
            var result: [UInt] = []
            for size in free.keys.sorted(by: { lastUse[$0, default: 0] < lastUse[$1, default: 0] })
            {
                while current + cached > limit, let address = free[size]?.popLast() {
                    cached -= size
                    result.append(address)
                }
            }
            return result
        }
    }

    private static let state = Mutex(State())

    /// Bytes that live tensors hold now.
    public static var currentBytes: Int { state.withLock { $0.current } }

    /// The most bytes that were held at once since ``resetPeak()``.
    public static var peakBytes: Int { state.withLock { $0.peak } }

    /// The most bytes that live tensors and kept buffers had together since ``resetPeak()``.
    package static var heldPeakBytes: Int { state.withLock { $0.heldPeak } }

    /// Bytes that are kept for reuse.
    public static var cachedBytes: Int { state.withLock { $0.cached } }

    /// Whether live and kept bytes are within the bound that buffers of old sizes are evicted at.
    package static var isWithinLimit: Bool {
        state.withLock { $0.current + $0.cached <= $0.limit }
    }

    /// The most bytes that are kept for reuse beside what live tensors ever held.
    package static func allowance(for held: Int) -> Int { held / 10 + 32 << 20 }

    /// Starts a new measurement of ``peakBytes``.
    public static func resetPeak() {
        state.withLock { ($0.peak, $0.heldPeak) = ($0.current, $0.current + $0.cached) }
    }

    /// Gives the kept buffers back to the system.
    public static func empty() {
        let addresses = state.withLock { state in
            defer { (state.free, state.cached) = ([:], 0) }
            return state.free.values.flatMap { $0 }
        }
        for address in addresses { fledge_free(UnsafeMutableRawPointer(bitPattern: address)) }
    }

    /// The size that a request is rounded up to.
    package static func sizeClass(_ byteCount: Int) -> Int {
        guard byteCount > 512 else { return max(64, (byteCount + 63) & ~63) }
        let step = 1 << (Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount - 3)
        return (byteCount + step - 1) / step * step
    }

    static func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = sizeClass(byteCount)
        let (kept, evicted) = state.withLock { state -> (UInt?, [UInt]) in
            state.current += size
            state.peak = max(state.peak, state.current)
            state.mostHeld = max(state.mostHeld, state.current)
            state.clock += 1
            state.lastUse[size] = state.clock
            let address = state.free[size]?.popLast()
            if address != nil { state.cached -= size }
            let evicted = address == nil ? state.evicted() : []
            state.heldPeak = max(state.heldPeak, state.current + state.cached)
            return (address, evicted)
        }
        for address in evicted { fledge_free(UnsafeMutableRawPointer(bitPattern: address)) }
        if let kept, let pointer = UnsafeMutableRawPointer(bitPattern: kept) { return pointer }
        if let pointer = fledge_allocate(size) { return pointer }
        empty()
        guard let pointer = fledge_allocate(size) else { fledge_refuse_memory(size) }
        return pointer
    }

    static func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
        let size = sizeClass(byteCount)
        state.withLock { state in
            state.current -= size
            state.cached += size
            state.free[size, default: []].append(UInt(bitPattern: pointer))
        }
    }
}
