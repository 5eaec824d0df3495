internal import Fledge
internal import FlyingFox
internal import FlyingSocks
internal import Foundation

/// Serves the scores of a reward model by HTTP.
public final class ScoreServer: Sendable {
    private let server: HTTPServer
    private let host: String

    /// Creates a server, which does not listen yet.
    ///
    /// - Parameters:
    ///   - host: An address of this machine: IPv4, IPv6 or `localhost`.
    ///   - port: 0 for any that is free.
    /// - Throws: ``FledgeError`` when there is no such address.
    public init(_ service: ScoreService, host: String = "127.0.0.1", port: Int = 0) throws {
        guard let number = UInt16(exactly: port) else {
            throw FledgeError(
                .configuration, "The port is \(port); it should be from 0 to 65535.")
        }
        self.host = host
        let configuration = try Self.configuration(host, number)
        server = HTTPServer(config: configuration, handler: ScoreHandler(service: service))
    }

    private static func configuration(
        _ host: String, _ port: UInt16
    ) throws -> HTTPServer.Configuration {
        // An answer may take as long as it takes: requests wait for those before them.
        let timeout = 86_400.0
        func silent(_ logger: some Logging) -> any Logging { logger }
        func configuration(_ address: some SocketAddress) -> HTTPServer.Configuration {
            HTTPServer.Configuration(
                address: address, timeout: timeout, logger: silent(.disabled))
        }
        let plain = host == "localhost" ? "127.0.0.1" : host
        if let address = try? sockaddr_in.inet(ip4: plain, port: port) {
            return configuration(address)
        }
        let unbracketed =
            plain.hasPrefix("[") && plain.hasSuffix("]")
            ? String(plain.dropFirst().dropLast()) : plain
        if let address = try? sockaddr_in6.inet6(ip6: unbracketed, port: port) {
            return configuration(address)
        }
        throw FledgeError(
            .configuration, "The host is \(host), expected an address of this machine.",
            advice: "127.0.0.1 is for programs of this machine, 0.0.0.0 for all networks.")
    }

    /// Listens and answers until the task is cancelled.
    ///
    /// - Parameter ready: Hears the address, `host:port`, as soon as requests are taken.
    /// - Throws: ``FledgeError`` when the address cannot be listened at.
    public func run(_ ready: @escaping @Sendable (String) -> Void) async throws {
        let server = server
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await server.run() } catch {
                    try Task.checkCancellation()
                    throw FledgeError(
                        .service,
                        "Nothing can listen at this address: \(error.localizedDescription).",
                        advice:
                            "Look whether another program does, or let --port 0 find a free one.")
                }
            }
            group.addTask {
                while await !server.isListening {
                    try await Task.sleep(for: .milliseconds(2))
                }
                if let port = await server.listeningPort { ready("\(self.host):\(port)") }
                // The other task ends the group.
                try await Task.sleep(for: .seconds(1_000_000_000))
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

extension HTTPServer {
    /// The port that requests come to; nil while it does not listen.
    fileprivate var listeningPort: UInt16? {
        switch listeningAddress {
        case .ip4(_, let port)?, .ip6(_, let port)?: port
        case .unix?, nil: nil
        }
    }
}

/// Brings requests of the network to a service.
private struct ScoreHandler: HTTPHandler {
    let service: ScoreService

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        let authorization = request.headers[.authorization]
        // Before anything of the body is read.
        if let refusal = service.refusal(
            method: request.method.rawValue, request.path, authorization)
        {
            return response(refusal)
        }
        guard request.bodySequence.count.map({ $0 <= ScoreService.largestBody }) ?? true else {
            return response(ScoreService.tooLarge)
        }
        var body: [UInt8] = []
        for try await part in request.bodySequence {
            body += part
            if body.count > ScoreService.largestBody { return response(ScoreService.tooLarge) }
        }
        let peer = PeerConnection(to: request.remoteAddress)
        return response(
            await service.response(
                to: ScoreService.Request(
                    method: request.method.rawValue, path: request.path,
                    authorization: authorization, body: body),
                isAwaited: { peer?.isClosed != true }))
    }

    private func response(_ response: ScoreService.Response) -> HTTPResponse {
        let phrases = [
            200: HTTPStatusCode.ok, 400: .badRequest, 401: .unauthorized, 404: .notFound,
            405: .methodNotAllowed, 413: .payloadTooLarge,
        ]
        var headers: HTTPHeaders = [.contentType: "application/json"]
        if response.status == 405 { headers[HTTPHeader("Allow")] = "POST" }
        if response.status == 401 { headers[HTTPHeader("WWW-Authenticate")] = "Bearer" }
        // What is left of a body that nobody reads ends with its connection.
        if response.status != 200 { headers[.connection] = "close" }
        return HTTPResponse(
            statusCode: phrases[response.status] ?? .internalServerError, headers: headers,
            body: Data(response.body.serialized().utf8))
    }
}
