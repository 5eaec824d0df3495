#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

extension FledgeError {
    /// The error of a failed system call on a file.
    ///
    /// - Parameters:
    ///   - action: What was tried, as the continuation of "cannot": `open`, `write`.
    ///   - path: The path as the user wrote it.
    ///   - number: The value of `errno` right after the call.
    package static func system(
        _ action: String, _ path: String, errno number: Int32
    ) -> FledgeError {
        let reason = String(cString: strerror(number))
        let location = Location(file: path)
        switch number {
        case ENOENT:
            return FledgeError(
                .fileNotFound, "Cannot \(action): there is no such file or folder.",
                advice: "Check the path.", at: location)
        case ENOSPC, EDQUOT:
            return FledgeError(
                .fileAccess, "Cannot \(action): the disk is full (\(reason)).",
                advice: "Free some space or choose another folder.", at: location)
        default:
            return FledgeError(.fileAccess, "Cannot \(action): \(reason).", at: location)
        }
    }
}
