import Fledge
import Logging

/// What the libraries report, on standard error, where `FLEDGE_LOG` asks for it.
enum LibraryReports {
    static let variable = "FLEDGE_LOG"

    /// Turns reports on.
    ///
    /// - Throws: ``FledgeError`` when the variable holds another word than `debug` or `trace`.
    static func start(_ environment: [String: String]) throws {
        guard let word = environment[variable], !word.isEmpty else { return }
        guard let level = Logger.Level(rawValue: word), [.debug, .trace].contains(level) else {
            throw FledgeError(
                .configuration, "\(variable) is \(word); it should be debug or trace.")
        }
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }
}
