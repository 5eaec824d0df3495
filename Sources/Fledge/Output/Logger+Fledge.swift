public import Logging

extension Logger {
    /// What recipes report at `debug` and `trace`: keys that are read, files that are opened, tokenised
    /// data that are found again, and what runs begin with.
    ///
    /// Its label is `fledge`. As with ``Logging/Logger/fledgeTrain`` nothing is said from `info` on.
    public static let fledge = Logger(label: "fledge")
}
