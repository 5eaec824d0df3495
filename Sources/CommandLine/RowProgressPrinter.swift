import Fledge
import Foundation
import Synchronization

/// Tells of rows that are tokenised, where that takes longer than a moment.
final class RowProgressPrinter: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let begin = ContinuousClock.now
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    /// Notes the rows that are done; may be called from any thread.
    @Sendable func note(_ done: Int, of total: Int) {
        let now = ContinuousClock.now
        let pause: Duration = isTerminal ? .seconds(1) : .seconds(10)
        let isDue = last.withLock { last in
            // The last line stays, whole.
            let isEnd = done == total && last != nil
            guard isEnd || now - (last ?? begin) >= (last == nil ? .seconds(2) : pause) else {
                return false
            }
            last = now
            return true
        }
        guard isDue else { return }
        let line = "Tokenised \(done) of \(total) rows"
        guard isTerminal else { return Console.announce(line + ".") }
        Console.write("\r" + line + (done == total ? ".\n" : " …"))
    }
}
