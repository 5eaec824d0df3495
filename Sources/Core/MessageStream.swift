#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What a program tells its user beside results, on standard error.
///
/// A place that takes no messages (closed, full, a pipe that nobody reads) loses them, and nothing
/// else: no work depends on who listens.
public enum MessageStream {
    /// Writes a text, as far as it is taken.
    public static func write(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes a text to a descriptor, as far as it is taken.
    package static func write(_ text: String, to descriptor: Int32) {
        var text = text
        // To a pipe that does not wait: give its reader a moment, not more.
        _ = text.withUTF8 {
            DescriptorWriter.write(UnsafeRawBufferPointer($0), to: descriptor, patience: 100)
        }
    }

    /// Puts something into the places of standard input, output and error that are closed.
    ///
    /// Otherwise the next files that are opened would get these places, and messages would be written
    /// into them. Results still fail to be written where standard output was closed.
    public static func fillClosedStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest free place is this one.
            _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
        }
        // A broken pipe ends a command by a failed write, not by a signal; so does a file that may
        // not grow further.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}
