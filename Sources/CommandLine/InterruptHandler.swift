import Fledge
import Foundation

/// Turns Ctrl-C, and the end of the terminal, into a request to stop; a second one ends the process at once.
final class InterruptHandler {
    private let sources: [any DispatchSourceSignal]

    /// Starts to listen.
    ///
    /// - Parameter words: What is said when the end is asked for.
    init(
        _ stop: StopFlag,
        saying words: String =
            "Stopping; what is done will be saved. Press Ctrl-C again to stop at once."
    ) {
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.isSet { _exit(130) }
                stop.set()
                Console.announce("\n" + words)
            }
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
