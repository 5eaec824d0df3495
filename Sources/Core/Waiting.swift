internal import Dispatch

/// Runs an asynchronous function to its end while the calling thread, which is none of Swift's own,
/// waits.
///
/// - Parameter isCancelled: Asked ten times a second: the function's task is cancelled when it says so.
/// - Returns: What the function returns; what it throws is thrown.
@available(*, noasync)
package func waiting<Value>(
    isCancelled: () -> Bool = { false }, for body: () async throws -> Value
) throws -> Value {
    // Only one of the two threads runs at a time, so that nothing is shared that would have to be
    // Sendable.
    try withoutActuallyEscaping(body) { body in
        nonisolated(unsafe) let body = body
        nonisolated(unsafe) var result: Result<Value, any Error>?
        let done = DispatchSemaphore(value: 0)
        let task = Task {
            do { result = .success(try await body()) } catch { result = .failure(error) }
            done.signal()
        }
        while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            if isCancelled() { task.cancel() }
        }
        guard let result else {
            throw FledgeError(.interrupted, "An asynchronous call ended without a result.")
        }
        return try result.get()
    }
}
