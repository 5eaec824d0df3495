internal import Dispatch
internal import Foundation
internal import Synchronization

extension TextTokenizer {
    /// The ids of many texts, by all processor cores; each text's ids are those of `encode` for it alone.
    ///
    /// - Parameter threads: The number of threads at most; all cores when `nil`.
    public func encode(
        _ texts: [String], specials: SpecialTokenPolicy, threads: Int? = nil
    ) -> [[Int32]] {
        let results = Mutex([[Int32]](repeating: [], count: texts.count))
        let next = Atomic<Int>(0)
        let width = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        // Small runs of texts at a time keep threads busy to the end.
        let run = max(1, min(64, texts.count / (4 * width)))
        DispatchQueue.concurrentPerform(iterations: width) { _ in
            while true {
                let start = next.add(run, ordering: .relaxed).oldValue
                guard start < texts.count else { return }
                let range = start..<min(start + run, texts.count)
                let ids = range.map { encode(texts[$0], specials: specials) }
                results.withLock { results in
                    for (index, ids) in zip(range, ids) { results[index] = ids }
                }
            }
        }
        return results.withLock { $0 }
    }
}
