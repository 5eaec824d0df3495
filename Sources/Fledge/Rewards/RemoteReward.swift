internal import FledgeCore
public import FledgeTrain
internal import Foundation

#if canImport(FoundationNetworking)
    internal import FoundationNetworking
#endif

/// Asks a service for scores, by LLaMA-Factory's contract (`reward_model_type: api`).
///
/// A request is `{"model": "model", "messages": [text, …]}`, the texts being question and answer with
/// their control tokens; the answer holds `"scores"`, one for each text in their order. A service that
/// cannot be reached, is too slow, or says that it cannot answer now (429, 5xx) is asked again, after
/// waits that double; any other answer than scores is an error at once. No redirection is followed.
public struct RemoteReward: RewardSource, Sendable {
    /// How a service is asked.
    public struct Options: Hashable, Sendable {
        /// Seconds that a request may take.
        public var timeout = 60.0
        /// How often a request is made again.
        public var retries = 5
        /// Most requests that are under way at a time.
        public var concurrency = 4
        /// Answers of a request.
        public var batchSize = 8
        /// Seconds before a request is made for the second time; twice as many before each further time.
        public var firstDelay = 0.5
        /// Most seconds between two requests, also where the service asks for more (`Retry-After`).
        public var longestDelay = 60.0
        /// Sent as `Authorization: Bearer`; nil for nothing.
        public var token: String?

        /// Creates the defaults.
        public init() {}

        /// The seconds before a request is made for the n-th time again, counted from 0.
        func delay(before retry: Int) -> Double {
            min(longestDelay, firstDelay * pow(2, Double(min(retry, 60))))
        }
    }

    /// The variable of the environment that holds a token.
    public static let tokenVariable = "FLEDGE_REWARD_TOKEN"

    let address: String
    private let request: URLRequest
    private let options: Options
    private let announce: @Sendable (String) -> Void

    /// Creates a reward.
    ///
    /// - Parameters:
    ///   - address: An address that begins with `http`.
    ///   - announce: Hears of requests that are made again.
    /// - Throws: ``FledgeError`` when it is none, or the token cannot be sent.
    public init(
        _ address: String, options: Options = Options(),
        announce: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        guard let url = URL(string: address), ["http", "https"].contains(url.scheme?.lowercased()),
            url.host?.isEmpty == false
        else {
            throw FledgeError(
                .configuration, "reward_model is \(address), expected an address.",
                advice: "Write it as http://127.0.0.1:8000/v1/score/evaluation.")
        }
        precondition(
            options.timeout > 0 && options.retries >= 0 && options.concurrency > 0
                && options.batchSize > 0, "RemoteReward: \(options)")
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let token = options.token {
            guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw FledgeError(
                    .configuration,
                    "The token of the reward service is empty or holds white space or other characters that no header has.",
                    advice: "Look at \(Self.tokenVariable) and reward_model_token.")
            }
            request.setValue("Bearer " + token, forHTTPHeaderField: "Authorization")
        }
        (self.request, self.options, self.announce) = (request, options, announce)
        // A password in the address is nothing to show.
        var shown = URLComponents(url: url, resolvingAgainstBaseURL: false)
        shown?.user = nil
        shown?.password = nil
        self.address = shown?.string ?? address
    }

    /// The scores of the service.
    ///
    /// - Throws: ``FledgeError`` that names the address, what was found, and what to do; of a task that
    ///   is cancelled, `CancellationError`.
    public func scores(_ answers: [JudgedAnswer]) async throws -> [Double] {
        let texts = answers.map(\.text)
        let parts = stride(from: 0, to: texts.count, by: options.batchSize).map {
            Array(texts[$0..<min($0 + options.batchSize, texts.count)])
        }
        var scores = [[Double]](repeating: [], count: parts.count)
        try await withThrowingTaskGroup(of: (Int, [Double]).self) { group in
            var next = 0
            func start() {
                let (index, part) = (next, parts[next])
                next += 1
                group.addTask { (index, try await ask(part)) }
            }
            while next < min(options.concurrency, parts.count) { start() }
            while let (index, part) = try await group.next() {
                scores[index] = part
                if next < parts.count { start() }
            }
        }
        return scores.flatMap(\.self)
    }

    /// The scores of some texts, asked for until the service answers.
    private func ask(_ texts: [String]) async throws -> [Double] {
        var request = request
        let body: JSONValue = [
            "model": "model", "messages": .array(texts.map { .string($0) }),
        ]
        request.httpBody = Data(body.serialized(.dense).utf8)
        var attempt = 0
        while true {
            let failure: Failure
            do {
                let reply = try await HTTPExchange.perform(request, timeout: options.timeout)
                if reply.status == 200 { return try scores(in: reply, of: texts.count) }
                failure = Failure(reply, shown: excerpt(reply.body))
            } catch let error as HTTPExchange.Failure {
                failure = Failure(error)
            }
            try Task.checkCancellation()
            guard failure.isPassing, attempt < options.retries else {
                throw error(failure, attempts: attempt + 1)
            }
            let delay = min(
                options.longestDelay, max(failure.delay ?? 0, options.delay(before: attempt)))
            attempt += 1
            announce(
                "The reward service \(address) \(failure.reason); asking again in \(delay.rounded(places: 1)) s (\(attempt) of \(options.retries))."
            )
            try await Task.sleep(for: .seconds(delay))
        }
    }

    private func error(_ failure: Failure, attempts: Int) -> FledgeError {
        let times = attempts == 1 ? "" : ", \(attempts) times in a row"
        return FledgeError(
            .service, "The reward service \(failure.reason)\(times).", advice: failure.advice,
            at: .init(file: address))
    }

    /// What a body says, for messages; no secret.
    private func excerpt(_ body: [UInt8]) -> String {
        var text = String(decoding: body.prefix(2000), as: UTF8.self)
        if let token = options.token { text = text.replacing(token, with: "***") }
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let shown = line.count > 200 ? line.prefix(200) + "…" : line[...]
        return shown.isEmpty ? "nothing" : JSONValue.string(String(shown)).serialized()
    }

    /// The scores that a reply holds.
    private func scores(in reply: HTTPExchange.Reply, of count: Int) throws -> [Double] {
        func wrong(_ found: String) -> FledgeError {
            FledgeError(
                .service,
                "The reward service \(found), expected {\"scores\": [\(count) numbers]}; it said \(excerpt(reply.body)).",
                advice:
                    "It has to answer as LLaMA-Factory's score server does; see Docs/Rewards.md.",
                at: .init(file: address))
        }
        let json: JSONValue
        do { json = try JSONValue(parsing: reply.body, file: address) } catch {
            throw wrong("sent no JSON")
        }
        guard let list = json["scores"] else { throw wrong("sent \(json.kind) without scores") }
        guard let items = list.arrayValue else { throw wrong("sent \(list.kind) as scores") }
        guard items.count == count else {
            throw wrong("sent \(items.count) scores for \(count) answers")
        }
        return try items.enumerated().map { index, item in
            guard let number = item.doubleValue else {
                throw wrong("sent \(item.kind) as score \(index + 1)")
            }
            guard number.isFinite else { throw wrong("sent \(number) as score \(index + 1)") }
            return number
        }
    }
}

extension RemoteReward {
    /// Why there are no scores.
    private struct Failure {
        /// What the service did.
        var reason: String
        /// What to do about it.
        var advice: String
        /// Whether it may be over soon.
        var isPassing: Bool
        /// The seconds that the service asks to wait.
        var delay: Double?

        /// An answer that is no success.
        init(_ reply: HTTPExchange.Reply, shown: String) {
            reason = "answered with status \(reply.status) and said \(shown)"
            isPassing = reply.status == 429 || reply.status >= 500
            delay = reply.headers["retry-after"].flatMap(Self.seconds)
            advice =
                switch reply.status {
                case 401, 403:
                    "Put the token that it wants into the environment, as \(tokenVariable), or into reward_model_token."
                case 404, 405:
                    "Look at the path of the address: LLaMA-Factory's server scores at /v1/score/evaluation."
                case 413: "It takes smaller requests: set a smaller per_device_train_batch_size."
                case 300..<400:
                    "It leads elsewhere (\(reply.headers["location"] ?? "it does not say where")): name that address, if it is meant."
                case 429, 500...: "Look at what the service logs, or set a larger reward_retries."
                default: "Look at what the service logs."
                }
        }

        /// No answer.
        init(_ failure: HTTPExchange.Failure) {
            (reason, isPassing) = (failure.reason, failure.isPassing)
            advice =
                failure.isPassing
                ? "See whether it runs and is reached at this address; reward_timeout and reward_retries say how long it is waited for."
                : "Look at the address."
        }

        /// What `Retry-After` asks for: seconds, or a date.
        private static func seconds(_ text: String) -> Double? {
            if let seconds = Double(text), seconds.isFinite { return max(seconds, 0) }
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(identifier: "GMT")
            format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
            return format.date(from: text).map { max($0.timeIntervalSinceNow, 0) }
        }
    }
}
