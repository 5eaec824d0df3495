internal import FlyingFox
internal import FlyingSocks

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// The connection that a request came by, asked whether its other end is still there.
///
/// The server's library reads no connection while its request is answered, and gives no socket out: the
/// open file is looked for by the address of its peer. It stays open as long as the request is answered.
struct PeerConnection: Sendable {
    private let descriptor: Int32

    /// Files of the process that are looked at.
    private static let mostFiles: Int32 = 4096
    /// `POLLRDHUP` of Linux, which its header gives to GNU programs alone.
    private static let halfClosed: Int32 = 0x2000

    /// Nil where no connection has the address.
    init?(to address: HTTPRequest.Address?) {
        guard let address,
            let descriptor = (0..<Self.mostFiles).first(where: { file in
                let socket = Socket(file: .init(rawValue: file))
                return (try? socket.remotePeer()).map { .make(from: $0) == address } == true
            })
        else { return nil }
        self.descriptor = descriptor
    }

    /// Whether the other end has hung up.
    ///
    /// One that sends no more has, too: no program that asks for scores closes half of its connection and
    /// waits.
    var isClosed: Bool {
        let wanted = Int16(truncatingIfNeeded: Self.halfClosed | POLLHUP | POLLERR)
        var entry = pollfd(fd: descriptor, events: wanted, revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & wanted != 0
    }
}
