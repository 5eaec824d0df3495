internal import Dispatch
internal import Synchronization

/// The results of a function for all elements, in their order, made by several threads.
///
/// - Parameter chunkSize: Elements that a thread takes at a time.
/// - Throws: The error of the first element that has one.
package func concurrentMap<Element: Sendable, Result: Sendable, Failure: Error>(
    _ elements: [Element], threads: Int, chunkSize: Int = 256,
    _ body: @Sendable (Element) throws(Failure) -> Result
) throws(Failure) -> [Result] {
    let chunkCount = (elements.count + chunkSize - 1) / chunkSize
    guard threads > 1, chunkCount > 1 else { return try elements.map(body) }
    let next = Atomic<Int>(0)
    let failed = Atomic<Bool>(false)
    let chunks = Mutex<[Int: Swift.Result<[Result], Failure>]>([:])
    DispatchQueue.concurrentPerform(iterations: min(threads, chunkCount)) { _ in
        // Chunks are taken in order, so whatever is before a failed one was taken too.
        while !failed.load(ordering: .relaxed) {
            let chunk = next.add(1, ordering: .relaxed).oldValue
            guard chunk < chunkCount else { return }
            let range = chunk * chunkSize..<min((chunk + 1) * chunkSize, elements.count)
            let result = Swift.Result { () throws(Failure) in try elements[range].map(body) }
            if case .failure = result { failed.store(true, ordering: .relaxed) }
            chunks.withLock { $0[chunk] = result }
        }
    }
    let all = chunks.withLock { $0 }
    var results = [Result]()
    results.reserveCapacity(elements.count)
    for chunk in 0..<chunkCount {
        guard let part = all[chunk] else { break }
        results += try part.get()
    }
    return results
}
