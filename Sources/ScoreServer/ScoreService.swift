public import Fledge
internal import Foundation
internal import Synchronization

/// What a server of scores answers, whoever brings the requests: LLaMA-Factory's contract.
///
/// `POST / ` and `POST /v1/score/evaluation` take `{"model": …, "messages": [text, …], "max_length": n}`
/// and give `{"id": …, "object": "score.evaluation", "model": …, "scores": [x, …]}`. Requests are scored
/// one after another.
public final class ScoreService: Sendable {
    /// A request.
    public struct Request: Hashable, Sendable {
        /// `POST` for one that is to be scored.
        public var method: String
        /// The path, without a query.
        public var path: String
        /// The value of the header `Authorization`.
        public var authorization: String?
        /// The bytes.
        public var body: [UInt8]

        /// Creates a request.
        public init(
            method: String = "POST", path: String = "/", authorization: String? = nil,
            body: [UInt8]
        ) {
            (self.method, self.path) = (method, path)
            (self.authorization, self.body) = (authorization, body)
        }
    }

    /// An answer.
    public struct Response: Hashable, Sendable {
        /// The status, such as 200.
        public var status: Int
        /// What is said.
        public var body: JSONValue

        /// An answer about what is wrong.
        static func failure(_ status: Int, _ detail: String) -> Response {
            Response(status: status, body: ["detail": .string(detail)])
        }
    }

    /// The paths under which texts are scored.
    static let paths: Set = ["/", "/v1/score/evaluation"]
    /// The most bytes of a request.
    public static let largestBody = 32 << 20
    /// The most texts of a request.
    static let mostTexts = 100_000

    private let queue = DispatchQueue(label: "fledge.score")
    private let scorer: Mutex<TextScorer>
    private let key: String?
    private let counts = Mutex((waiting: 0, givenUp: 0))

    /// Requests that have come and have no answer yet.
    package var waitingCount: Int { counts.withLock(\.waiting) }
    /// Requests that nobody waited for.
    package var givenUpCount: Int { counts.withLock(\.givenUp) }

    /// Creates a service.
    ///
    /// - Parameter key: What requests have to bring as `Authorization: Bearer`; nil and empty for nothing.
    public init(_ scorer: sending TextScorer, key: String? = nil) {
        self.scorer = Mutex(scorer)
        self.key = key?.isEmpty == false ? key : nil
    }

    /// The answer to a request, once those before it have theirs.
    ///
    /// - Parameter isAwaited: Whether somebody still waits for it: asked before it is scored, and between
    ///   batches of its texts, from another thread. What nobody waits for is given up, with status 499.
    public func response(
        to request: Request, isAwaited: @escaping @Sendable () -> Bool = { true }
    ) async -> Response {
        if let refusal = refusal(method: request.method, request.path, request.authorization) {
            return refusal
        }
        counts.withLock { $0.waiting += 1 }
        let response = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: self.scored(request.body, isAwaited))
            }
        }
        counts.withLock {
            $0.waiting -= 1
            if response == Self.abandoned { $0.givenUp += 1 }
        }
        return response
    }

    /// The answer to what is refused whatever its body says; nil for the rest.
    func refusal(method: String, _ path: String, _ authorization: String?) -> Response? {
        guard Self.paths.contains(path) else {
            return .failure(
                404, "There is nothing at this path; scores are at /v1/score/evaluation.")
        }
        guard method.uppercased() == "POST" else {
            return .failure(405, "Scores are asked for by POST.")
        }
        guard isAuthorized(authorization) else { return .failure(401, "Invalid API key.") }
        return nil
    }

    /// Compared in the same time whatever differs.
    private func isAuthorized(_ authorization: String?) -> Bool {
        guard let key else { return true }
        let (expected, found) = (Array("Bearer \(key)".utf8), Array((authorization ?? "").utf8))
        guard expected.count == found.count else { return false }
        return zip(expected, found).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func scored(
        _ body: [UInt8], _ isAwaited: @Sendable () -> Bool
    ) -> Response {
        guard isAwaited() else { return Self.abandoned }
        guard body.count <= Self.largestBody else { return Self.tooLarge }
        let request: JSONValue
        do { request = try JSONValue(parsing: body, file: "request") } catch {
            return .failure(400, "The request is no JSON: \(error)")
        }
        guard let items = request["messages"]?.arrayValue else {
            return .failure(400, "There is no list of messages.")
        }
        let texts = items.compactMap(\.stringValue)
        guard texts.count == items.count else {
            return .failure(400, "Messages have to be texts: question and answer as one.")
        }
        guard !texts.isEmpty, texts.count <= Self.mostTexts else {
            return .failure(
                400, "There are \(texts.count) messages, expected 1 to \(Self.mostTexts).")
        }
        let length = request["max_length"].flatMap { $0.isNull ? nil : $0 }
        guard length.map({ ($0.intValue ?? 0) > 0 }) ?? true else {
            return .failure(400, "max_length has to be a whole number from 1 on.")
        }
        do {
            let scores = try scorer.withLock {
                try $0.scores(of: texts, cutTo: length?.intValue, isWanted: isAwaited)
            }
            let id = UUID().uuidString.replacing("-", with: "").lowercased()
            return Response(
                status: 200,
                body: [
                    "id": .string("scoreval-\(id)"), "object": "score.evaluation",
                    "model": .string(request["model"]?.stringValue ?? "model"),
                    "scores": .array(scores.map { .number($0) }),
                ])
        } catch let error as FledgeError where error.code == .interrupted {
            return Self.abandoned
        } catch let error as FledgeError where error.code == .data {
            return .failure(400, error.description)
        } catch {
            return .failure(500, "\(error)")
        }
    }

    /// Nobody hears it.
    static let abandoned = Response.failure(499, "Whoever asked has gone.")

    static let tooLarge = Response.failure(
        413, "The request has more than \(largestBody >> 20) MiB.")
}
