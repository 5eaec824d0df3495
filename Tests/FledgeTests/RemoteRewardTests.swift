import Fledge
import Foundation
import Synchronization
import Testing

/// A service that scores answers, well and badly behaved.
@Suite("A remote reward", .serialized)
struct RemoteRewardTests {
    private func answers(_ count: Int) -> [JudgedAnswer] {
        (0..<count).map {
            JudgedAnswer(promptIDs: [1], answerIDs: [2], text: "t\($0) \"ö\"", answer: "a")
        }
    }

    private func options(
        timeout: Double = 20, retries: Int = 3, batch: Int = 8, token: String? = nil
    ) -> RemoteReward.Options {
        var options = RemoteReward.Options()
        (options.timeout, options.retries, options.batchSize) = (timeout, retries, batch)
        (options.firstDelay, options.token) = (0.02, token)
        return options
    }

    private func failure(
        _ server: LoopbackServer, _ options: RemoteReward.Options? = nil
    ) async throws -> FledgeError {
        let reward = try RemoteReward(server.address, options: options ?? self.options())
        let error = await #expect(throws: FledgeError.self) {
            _ = try await reward.scores(answers(2))
        }
        return try #require(error)
    }

    @Test func theRequestIsThatOfTheReference() async throws {
        let server = try LoopbackServer { _, _ in .scores([1, -2.5]) }
        let scores = try await RemoteReward(server.address).scores(answers(2))
        #expect(scores == [1, -2.5])
        let request = try #require(server.requests.first)
        #expect(request.head.hasPrefix("POST / HTTP/1.1\r\n"))
        #expect(request.head.contains("Content-Type: application/json"))
        #expect(!request.head.lowercased().contains("authorization"))
        let body = try JSONValue(parsing: request.body)
        #expect(body == ["model": "model", "messages": ["t0 \"ö\"", "t1 \"ö\""]])
        _ = try await RemoteReward(server.address, options: options(token: "s3cret")).scores(
            answers(2))
        #expect(server.requests[1].head.contains("Authorization: Bearer s3cret"))
        let none = try await RemoteReward(server.address).scores([])
        #expect(none.isEmpty && server.requests.count == 2)
    }

    @Test func partsKeepTheirOrderAndTheirLimit() async throws {
        let server = try LoopbackServer { number, request in
            let text = (try? JSONValue(parsing: request.body))?["messages"]?[0]?.stringValue
            let index = text.flatMap { Double($0.dropFirst().prefix { $0.isNumber }) } ?? -1
            // Earlier ones take longer.
            return .scores([index], after: 0.3 - 0.04 * index)
        }
        var options = options(batch: 1)
        options.concurrency = 2
        let scores = try await RemoteReward(server.address, options: options).scores(answers(6))
        #expect(scores == [0, 1, 2, 3, 4, 5])
        #expect(server.mostAtOnce == 2 && server.requests.count == 6)
    }

    @Test func aSlowAnswerIsAskedForAgain() async throws {
        let server = try LoopbackServer { number, _ in
            .scores([1, 2], after: number == 0 ? 3 : 0)
        }
        let begin = ContinuousClock.now
        let scores = try await RemoteReward(server.address, options: options(timeout: 0.5)).scores(
            answers(2))
        #expect(scores == [1, 2] && server.requests.count == 2)
        #expect(ContinuousClock.now - begin < .seconds(2.5))
        let slow = try LoopbackServer { _, _ in .scores([1, 2], after: 2) }
        let error = try await failure(slow, options(timeout: 0.3, retries: 1))
        #expect(error.code == .service && error.message.contains("did not answer within 0.3 s"))
        #expect(error.message.contains("2 times in a row"))
        #expect(error.advice.contains("reward_timeout"))
        #expect(error.location?.file == slow.address)
    }

    @Test func faultsOfTheServerPass() async throws {
        let server = try LoopbackServer { number, _ in
            number < 3 ? .status(500 + number, "still loading") : .scores([1, 2])
        }
        let heard = Mutex<[String]>([])
        let reward = try RemoteReward(server.address, options: options()) { line in
            heard.withLock { $0.append(line) }
        }
        let scores = try await reward.scores(answers(2))
        #expect(scores == [1, 2] && server.requests.count == 4)
        let lines = heard.withLock { $0 }
        #expect(lines.count == 3 && lines[0].contains("status 500") && lines[2].contains("3 of 3"))
        let dead = try LoopbackServer { _, _ in .status(503, "out of\nmemory") }
        let error = try await failure(dead, options(retries: 2))
        #expect(dead.requests.count == 3)
        #expect(error.message.contains("status 503") && error.message.contains("out of memory"))
    }

    @Test(arguments: [400, 401, 403, 404, 413, 422])
    func whatIsWrongIsNotRepeated(_ status: Int) async throws {
        let server = try LoopbackServer { _, request in
            .status(status, "{\"detail\": \"no\", \"you\": \"Bearer s3cret\"}")
        }
        let error = try await failure(server, options(token: "s3cret"))
        #expect(server.requests.count == 1)
        #expect(error.message.contains("status \(status)") && error.message.contains("***"))
        #expect(!error.description.contains("s3cret"))
        if status == 401 { #expect(error.advice.contains("FLEDGE_REWARD_TOKEN")) }
    }

    @Test func aServiceMayAskToWait() async throws {
        let server = try LoopbackServer { number, _ in
            number == 0
                ? .status(429, "slow down", headers: ["Retry-After: 1"]) : .scores([1, 2])
        }
        let begin = ContinuousClock.now
        let scores = try await RemoteReward(server.address, options: options()).scores(answers(2))
        #expect(scores == [1, 2] && ContinuousClock.now - begin > .seconds(0.95))
        // A limit holds for what the service asks too.
        let greedy = try LoopbackServer { number, _ in
            number == 0
                ? .status(503, "", headers: ["Retry-After: 86400"]) : .scores([1, 2])
        }
        var short = options()
        short.longestDelay = 0.1
        let again = try await RemoteReward(greedy.address, options: short).scores(answers(2))
        #expect(again == [1, 2])
    }

    @Test(arguments: [
        ("<html>Welcome</html>", "sent no JSON"), ("{\"scores\": [1, 2]", "sent no JSON"),
        ("{\"score\": [1, 2]}", "without scores"), ("[1, 2]", "sent an array without scores"),
        ("{\"scores\": 3}", "sent a number as scores"),
        ("{\"scores\": [1]}", "sent 1 scores for 2 answers"),
        ("{\"scores\": [1, 2, 3]}", "sent 3 scores for 2 answers"),
        ("{\"scores\": [1, \"2\"]}", "sent a string as score 2"),
        ("{\"scores\": [NaN, 2]}", "sent nan as score 1"),
        ("{\"scores\": [1, null]}", "sent null as score 2"), ("", "sent no JSON"),
    ])
    func whatIsNoScoresIsShown(_ body: String, _ part: String) async throws {
        let server = try LoopbackServer { _, _ in .status(200, body) }
        let error = try await failure(server)
        #expect(error.code == .service && error.message.contains(part), "\(error)")
        #expect(error.message.contains("expected {\"scores\": [2 numbers]}"))
        #expect(server.requests.count == 1)
    }

    @Test func nobodyListens() async throws {
        let port = try LoopbackServer.freePort()
        let reward = try RemoteReward(
            "http://127.0.0.1:\(port)/score", options: options(retries: 1))
        let error = await #expect(throws: FledgeError.self) {
            _ = try await reward.scores(answers(2))
        }
        #expect(
            error?.message.contains("cannot be reached, 2 times in a row") == true,
            "\(error as Any)")
        #expect(error?.description.contains("http://127.0.0.1:\(port)/score") == true)
    }

    @Test func aServerComesBack() async throws {
        let port = try LoopbackServer.freePort()
        var patient = options(retries: 12)
        patient.firstDelay = 0.05
        let reward = try RemoteReward("http://127.0.0.1:\(port)/", options: patient)
        async let scores = reward.scores(answers(2))
        try await Task.sleep(for: .seconds(0.4))
        let server = try LoopbackServer(port: port) { _, _ in .scores([3, 4]) }
        #expect(try await scores == [3, 4])
        #expect(server.requests.count == 1)
    }

    @Test func aBrokenConnectionIsMadeAgain() async throws {
        let server = try LoopbackServer { number, _ in
            switch number {
            case 0: .nothing
            case 1: .bytes("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"sco")
            default: .scores([5, 6])
            }
        }
        let scores = try await RemoteReward(server.address, options: options()).scores(answers(2))
        #expect(scores == [5, 6] && server.requests.count == 3)
    }

    @Test(arguments: [301, 302, 307, 308])
    func nothingIsSentElsewhere(_ status: Int) async throws {
        let other = try LoopbackServer { _, _ in .scores([1, 2]) }
        let server = try LoopbackServer { [address = other.address] _, _ in
            .status(status, "", headers: ["Location: \(address)"])
        }
        let error = try await failure(server, options(token: "s3cret"))
        #expect(error.message.contains("status \(status)"), "\(error)")
        #expect(error.advice.contains(other.address))
        #expect(other.requests.isEmpty && server.requests.count == 1)
    }

    @Test func cancellingEndsAtOnce() async throws {
        let server = try LoopbackServer { _, _ in .scores([1, 2], after: 20) }
        let reward = try RemoteReward(server.address, options: options())
        let begin = ContinuousClock.now
        let task = Task { try await reward.scores(answers(2)) }
        try await Task.sleep(for: .seconds(0.3))
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(ContinuousClock.now - begin < .seconds(5))
        // Also between two requests.
        let port = try LoopbackServer.freePort()
        var slow = options()
        slow.firstDelay = 30
        let waiting = try RemoteReward("http://127.0.0.1:\(port)/", options: slow)
        let second = Task { try await waiting.scores(answers(2)) }
        try await Task.sleep(for: .seconds(0.3))
        second.cancel()
        await #expect(throws: CancellationError.self) { _ = try await second.value }
        #expect(ContinuousClock.now - begin < .seconds(10))
    }

    @Test func addressesAndTokens() throws {
        for address in ["", "localhost:8000", "ftp://a/b", "http://", "http:///x", "not a url"] {
            #expect(throws: FledgeError.self, "\(address)") { try RemoteReward(address) }
        }
        for token in ["", "a b", "a\r\nX-Other: 1", "ö"] {
            let error = #expect(throws: FledgeError.self, "\(token)") {
                try RemoteReward("http://127.0.0.1/", options: options(token: token))
            }
            #expect(token.isEmpty || error?.description.contains(token) == false)
        }
    }
}
