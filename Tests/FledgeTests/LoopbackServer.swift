import Foundation
import Synchronization

/// A server on the loopback interface that answers as a test says, also in ways that no server should.
final class LoopbackServer: Sendable {
    /// A request that came.
    struct Request: Sendable {
        /// The first line and the headers.
        var head: String
        /// The bytes behind them.
        var body: String
    }

    /// What is done with a connection.
    enum Answer: Sendable {
        /// A status with a body, after so many seconds.
        case status(Int, String, headers: [String] = [], after: Double = 0)
        /// These bytes, and the end of the connection.
        case bytes(String)
        /// The end of the connection.
        case nothing

        /// Scores.
        static func scores(_ scores: [Double], after delay: Double = 0) -> Answer {
            .status(200, "{\"scores\": \(scores)}", after: delay)
        }
    }

    private struct State {
        var requests: [Request] = []
        var current = 0
        var most = 0
    }

    private let socket: Int32
    let port: UInt16
    private let state = Mutex(State())

    /// The requests so far.
    var requests: [Request] { state.withLock(\.requests) }
    /// Most connections that were open at a time.
    var mostAtOnce: Int { state.withLock(\.most) }
    var address: String { "http://127.0.0.1:\(port)/" }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - port: 0 for any that is free.
    ///   - answer: Gets each request with its number, from 0 on.
    init(
        port: UInt16 = 0, _ answer: @escaping @Sendable (Int, Request) -> Answer
    ) throws {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                guard bind(socket, pointer, size) == 0, listen(socket, 64) == 0 else {
                    return Int32(-1)
                }
                return getsockname(socket, pointer, &size)
            }
        }
        guard status == 0 else { throw POSIXError(.EADDRINUSE) }
        (self.socket, self.port) = (socket, UInt16(bigEndian: address.sin_port))
        signal(SIGPIPE, SIG_IGN)
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                guard let server = self else {
                    close(connection)
                    return
                }
                Thread.detachNewThread { server.serve(connection, answer) }
            }
        }
    }

    deinit { stop() }

    /// Listens no more.
    func stop() {
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    /// A port at which nobody listens.
    static func freePort() throws -> UInt16 {
        let server = try LoopbackServer { _, _ in .nothing }
        defer { server.stop() }
        return server.port
    }

    private func serve(_ connection: Int32, _ answer: (Int, Request) -> Answer) {
        defer { close(connection) }
        guard let request = read(connection) else { return }
        let number = state.withLock { state in
            state.requests.append(request)
            state.current += 1
            state.most = max(state.most, state.current)
            return state.requests.count - 1
        }
        defer { state.withLock { $0.current -= 1 } }
        switch answer(number, request) {
        case .nothing: return
        case .bytes(let text): write(text, connection)
        case .status(let status, let body, let headers, let delay):
            if delay > 0 { Thread.sleep(forTimeInterval: delay) }
            let lines =
                ["HTTP/1.1 \(status) Word", "Content-Length: \(body.utf8.count)"] + headers + [
                    "Connection: close", "", body,
                ]
            write(lines.joined(separator: "\r\n"), connection)
        }
    }

    private func write(_ text: String, _ connection: Int32) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, 0)
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = String(text[..<end.lowerBound])
                let body = String(text[end.upperBound...])
                let length = head.lowercased().split(separator: "\r\n")
                    .first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
                if body.utf8.count >= length ?? 0 { return Request(head: head, body: body) }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }
}
