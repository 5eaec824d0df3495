internal import FledgeCore
internal import Foundation
internal import Synchronization

#if canImport(FoundationNetworking)
    internal import FoundationNetworking
#endif

/// One request and what comes back, with limits of time and size. No redirection is followed, so that
/// nothing is sent to an address that nobody named.
enum HTTPExchange {
    /// What came back.
    struct Reply: Sendable {
        var status: Int
        /// By names in lower case.
        var headers: [String: String]
        var body: [UInt8]
    }

    /// Why nothing came back.
    struct Failure: Error {
        /// What the other side did, as a part of a sentence.
        var reason: String
        /// Whether it may be over soon.
        var isPassing: Bool
    }

    /// The largest answer that is taken.
    private static let largestBody = 64 << 20

    /// Makes a request.
    ///
    /// - Parameter timeout: Seconds until the whole answer has to be there.
    /// - Throws: ``Failure``; of a task that is cancelled, `CancellationError`.
    static func perform(_ request: URLRequest, timeout: Double) async throws -> Reply {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            group.addTask { try await Exchange().run(request, timeout) }
            group.addTask {
                try await Task.sleep(for: .seconds(timeout))
                throw tooLate(timeout)
            }
            defer { group.cancelAll() }
            guard let reply = try await group.next() else { throw CancellationError() }
            return reply
        }
    }

    private static func tooLate(_ timeout: Double) -> Failure {
        Failure(
            reason: "did not answer within \(JSONWriter.text(of: timeout)) s", isPassing: true)
    }

    /// A request that is under way; everything that may change is behind its lock.
    private final class Exchange: NSObject, URLSessionDataDelegate, Sendable {
        private struct State {
            var continuation: CheckedContinuation<Reply, any Error>?
            var session: URLSession?
            var response: HTTPURLResponse?
            var body: [UInt8] = []
            var isCancelled = false
            var isTooLarge = false
        }
        private let state = Mutex(State())

        func run(_ request: URLRequest, _ timeout: Double) async throws -> Reply {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let options = URLSessionConfiguration.ephemeral
                    // Its own limit is for silences; the whole is limited outside.
                    options.timeoutIntervalForRequest = timeout + 5
                    options.httpShouldSetCookies = false
                    options.urlCache = nil
                    let session = URLSession(
                        configuration: options, delegate: self, delegateQueue: nil)
                    // A session that was given up makes no tasks any more.
                    let task = session.dataTask(with: request)
                    let isCancelled = state.withLock { state in
                        if !state.isCancelled {
                            (state.continuation, state.session) = (continuation, session)
                        }
                        return state.isCancelled
                    }
                    guard !isCancelled else {
                        session.invalidateAndCancel()
                        continuation.resume(throwing: CancellationError())
                        return
                    }
                    task.resume()
                }
            } onCancel: {
                state.withLock { $0.isCancelled = true }
                finish(throwing: CancellationError())
            }
        }

        private func finish(throwing error: (any Error)?) {
            let (continuation, session, reply) = state.withLock { state in
                let reply = state.response.map { response in
                    Reply(
                        status: response.statusCode,
                        headers: Dictionary(
                            response.allHeaderFields.map {
                                ("\($0.key)".lowercased(), "\($0.value)")
                            }, uniquingKeysWith: { $1 }), body: state.body)
                }
                defer { (state.continuation, state.session) = (nil, nil) }
                return (state.continuation, state.session, reply)
            }
            if error is Failure || error == nil {
                session?.finishTasksAndInvalidate()
            } else {
                session?.invalidateAndCancel()
            }
            guard let continuation else { return }
            switch (error, reply) {
            case (let error?, _): continuation.resume(throwing: error)
            case (nil, let reply?): continuation.resume(returning: reply)
            case (nil, nil):
                continuation.resume(
                    throwing: Failure(reason: "sent no answer", isPassing: true))
            }
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask,
            willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
            completionHandler: @escaping (URLRequest?) -> Void
        ) {
            // With no new request, the redirection itself is what came back.
            state.withLock { $0.response = response }
            completionHandler(nil)
        }

        func urlSession(
            _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
            completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
        ) {
            state.withLock { $0.response = response as? HTTPURLResponse }
            completionHandler(.allow)
        }

        func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data)
        {
            let isTooLarge = state.withLock { state in
                guard !state.isTooLarge else { return false }
                state.body += data
                state.isTooLarge = state.body.count > largestBody
                return state.isTooLarge
            }
            // Its end comes as an error, which then says why.
            if isTooLarge { dataTask.cancel() }
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
        ) {
            let isTooLarge = state.withLock(\.isTooLarge)
            finish(
                throwing: isTooLarge
                    ? Failure(
                        reason: "sent more than \(largestBody >> 20) MiB", isPassing: false)
                    : error.map { Failure($0) })
        }
    }
}

extension HTTPExchange.Failure {
    /// What an error of the connection means.
    fileprivate init(_ error: any Error) {
        let code = (error as? URLError)?.code
        let words = (error as NSError).localizedDescription
        switch code {
        case .cannotConnectToHost?: self.init(reason: "cannot be reached", isPassing: true)
        case .timedOut?: self.init(reason: "did not answer in time", isPassing: true)
        case .cannotFindHost?, .dnsLookupFailed?:
            self.init(reason: "cannot be found: its name leads nowhere", isPassing: true)
        case .networkConnectionLost?, .badServerResponse?, .unknown?, .cannotParseResponse?:
            self.init(reason: "broke the connection off", isPassing: true)
        case .notConnectedToInternet?: self.init(reason: "cannot be reached", isPassing: true)
        default: self.init(reason: "cannot be asked (\(words))", isPassing: false)
        }
    }
}
