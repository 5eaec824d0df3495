internal import Dispatch

/// Runs an asynchronous function to its end while the calling thread, which is none of Swift's own,
/// waits.
///
/// - Parameter isCancelled: Asked ten times a second: the function's task is cancelled when it says so.
/// - Returns: What the function returns; what it throws is thrown.
@available(*, noasync)
package func waiting<Value>(
    isCancelled: () -> Bool = { false }, for body: @escaping () async throws -> Value
) throws -> Value {
    // Only one of the two threads runs at a time, so that nothing is shared that would have to be
    // Sendable.
    nonisolated(unsafe) let body = body
    let outcome = Outcome<Value>()
    let done = DispatchSemaphore(value: 0)
    let task = Task(executorPreference: WaitingExecutor.shared) {
        do { outcome.result = .success(try await body()) } catch {
            outcome.result = .failure(error)
        }
        done.signal()
    }
    while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
        if isCancelled() { task.cancel() }
    }
    guard let result = outcome.result else {
        throw FledgeError(.interrupted, "An asynchronous call ended without a result.")
    }
    return try result.get()
}

/// Threads beside those of Swift's own pool, all of which may be waiting.
private final class WaitingExecutor: TaskExecutor {
    static let shared = WaitingExecutor()
    private let queue = DispatchQueue(label: "fledge.waiting", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// What the function came to: written before the semaphore is signalled, and read after it.
private final class Outcome<Value>: @unchecked Sendable {
    var result: Result<Value, any Error>?
}
