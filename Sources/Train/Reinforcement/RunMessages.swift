internal import Synchronization

/// What arises beside the thread of a run, such as in requests that are under way, and is told on it.
public final class RunMessages {
    /// Hears the messages, on the thread of the run.
    public var listener: (String) -> Void = { _ in }
    private let box = Box()

    /// Creates a place without messages.
    public init() {}

    /// Takes a message from any thread.
    public var post: @Sendable (String) -> Void {
        { [box] message in box.messages.withLock { $0.append(message) } }
    }

    /// Tells what has come since the last time.
    func deliver() {
        let come = box.messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
        come.forEach(listener)
    }

    private final class Box: Sendable {
        let messages = Mutex<[String]>([])
    }
}
