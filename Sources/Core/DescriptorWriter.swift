#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Writes to an open file, pipe or terminal.
package enum DescriptorWriter {
    /// Writes all of some bytes.
    ///
    /// - Parameter patience: The milliseconds to wait for a reader that takes nothing; below zero for
    ///   as long as it takes.
    /// - Returns: 0, or the system's number of what went wrong.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, patience: Int32 = -1
    ) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            #if canImport(Glibc)
                let written = Glibc.write(descriptor, part.baseAddress, part.count)
            #else
                let written = Musl.write(descriptor, part.baseAddress, part.count)
            #endif
            if written > 0 {
                rest = rest.dropFirst(written)
                continue
            }
            switch errno {
            case EINTR where written < 0: continue
            case EAGAIN where written < 0:
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, patience) > 0 else { return EAGAIN }
            default: return written < 0 ? errno : EIO
            }
        }
        return 0
    }
}
