public import Logging

extension Logger {
    /// What training reports at `debug` and `trace`: batches, checkpoints, and how long they take.
    ///
    /// Its label is `fledge.train`. Nothing is said at the level `info` and above, so programs that do
    /// not ask hear nothing; a handler that lets `debug` through is given to `LoggingSystem.bootstrap`
    /// before the first run.
    public static let fledgeTrain = Logger(label: "fledge.train")
}
