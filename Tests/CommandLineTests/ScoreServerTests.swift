import Fledge
import FledgeTesting
import Foundation
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A reward model behind HTTP, and whoever asks it, as two processes.
@Suite("fledge score-server", .commandIsBuilt)
struct ScoreServerTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
        try StageSets.write(to: project.file("data"), count: 2)
    }

    private static let keys = ["stage=rm", "dataset=pairs", "max_steps=2"]

    /// A server that listens, and its port.
    private func server(
        _ more: [String] = [], environment: [String: String] = [:]
    ) throws -> (process: CommandRun, port: Int) {
        let output = project.file("server-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let process = try CommandRun(
            ["score-server", "run.yaml", "--port", "0"] + more + Self.keys, in: project.path,
            output: output, environment: environment)
        process.wait(for: 1, in: output)
        let text = try String(contentsOfFile: output, encoding: .utf8)
        let prefix = "listening on 127.0.0.1:"
        try #require(text.hasPrefix(prefix) && text.hasSuffix("\n"), "\(text)")
        return (process, try #require(Int(text.dropFirst(prefix.count).dropLast())))
    }

    private func train() throws {
        let trained = try CommandRun(["train", "run.yaml"] + Self.keys, in: project.path).wait()
        try #require(trained.status == 0, "\(trained.errors)")
    }

    private func ask(
        _ port: Int, _ path: String = "/", _ method: String = "POST", body: String = "{}",
        headers: [String: String] = [:]
    ) async throws -> (status: Int, json: JSONValue) {
        var request = try URLRequest(
            url: #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        if method == "POST" { request.httpBody = Data(body.utf8) }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let json = (try? JSONValue(parsing: Array(data), file: "answer")) ?? .null
        return (try #require(response as? HTTPURLResponse).statusCode, json)
    }

    @Test func twoPartiesAgree() async throws {
        try train()
        let (process, port) = try server()
        let scored = try CommandRun(
            ["score", "run.yaml", "--output", "-"] + Self.keys, in: project.path
        ).wait()
        let expected = try scored.lines.flatMap { line in
            let json = try JSONValue(parsing: line)
            return ["chosen", "rejected"].compactMap { json[$0]?.doubleValue }
        }
        #expect(expected.count == 4 && Set(expected).count == 4, "\(scored.errors)")
        let texts = [("q 0?", "ab"), ("q 0?", "ababab"), ("q 1?", "abab"), ("q 1?", "abababab")].map
        {
            "<|im_start|>user\n\($0)<|im_end|>\n<|im_start|>assistant\n\($1)<|im_end|>\n"
        }
        let answers = texts.map {
            JudgedAnswer(promptIDs: [], answerIDs: [], text: $0, answer: "")
        }
        var options = RemoteReward.Options()
        (options.batchSize, options.concurrency) = (1, 4)
        for path in ["", "/", "/v1/score/evaluation"] {
            let reward = try RemoteReward("http://127.0.0.1:\(port)\(path)", options: options)
            let found = try await reward.scores(answers)
            #expect(found.count == 4)
            for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6, "\(a) \(b)") }
        }
        let whole = try await ask(
            port, "/v1/score/evaluation", body: "{\"model\": \"mine\", \"messages\": [\"ab\"]}")
        #expect(whole.status == 200)
        #expect(whole.json.members?.map(\.key) == ["id", "object", "model", "scores"])
        #expect(whole.json["id"]?.stringValue?.hasPrefix("scoreval-") == true)
        #expect(whole.json["object"] == "score.evaluation" && whole.json["model"] == "mine")
        // Cut at a length: the rest makes no difference.
        let cut = try await ask(
            port, body: "{\"messages\": [\"abXXXX\", \"abYY\"], \"max_length\": 2}")
        let scores = cut.json["scores"]?.arrayValue?.compactMap(\.doubleValue) ?? []
        #expect(scores.count == 2 && scores[0] == scores[1])
        #expect(whole.json["scores"]?[0]?.doubleValue == scores.first)
        let long = String(repeating: "a", count: 5000)
        #expect(try await ask(port, body: "{\"messages\": [\"\(long)\"]}").status == 200)
        process.signal(SIGINT)
        let ended = try process.wait()
        #expect(ended.status == 130 && ended.errors.contains("The server was stopped"))
    }

    @Test func whatIsWrongHasItsStatus() async throws {
        try train()
        let (process, port) = try server()
        let bodies = [
            "", "{", "[]", "3", "{\"messages\": \"a\"}", "{\"messages\": []}",
            "{\"messages\": [1]}", "{\"messages\": [\"a\", null]}", "{\"messages\": [\"\"]}",
            "{\"messages\": [\"a\"], \"max_length\": 0}",
            "{\"messages\": [\"a\"], \"max_length\": -1}",
            "{\"messages\": [\"a\"], \"max_length\": \"2\"}",
            "{\"messages\": [\"a\"], \"max_length\": 1e300}",
            String(repeating: "[", count: 100_000), "{\"messages\": [{\"a\": 1}]}",
        ]
        for body in bodies {
            let answer = try await ask(port, body: body)
            #expect(answer.status == 400, "\(body.prefix(60))")
            #expect(answer.json["detail"]?.stringValue?.isEmpty == false)
        }
        #expect(try await ask(port, "/none").status == 404)
        #expect(try await ask(port, "/", "GET").status == 405)
        #expect(try await ask(port, "/v1/score/evaluation", "DELETE").status == 405)
        let huge = String(repeating: " ", count: 33 << 20)
        #expect(try await ask(port, body: huge).status == 413)
        // Bytes that are no HTTP end their connection alone.
        try shout(port, "\0\u{1}\u{2}\r\n\r\n")
        try shout(port, "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n")
        try shout(port, "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")
        try shout(port, "POST / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\nabc")
        try shout(port, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
        try shout(port, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n")
        try shout(port, "POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n{")
        let fine = try await ask(port, body: "{\"messages\": [\"ab\"]}")
        #expect(fine.status == 200 && process.isRunning)
        process.signal(SIGTERM)
        #expect(try process.wait().status == 130)
    }

    /// Sends bytes, and hangs up.
    private func shout(_ port: Int, _ text: String) throws {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0) }
        usleep(50_000)
    }

    @Test func aKeyIsAskedFor() async throws {
        try train()
        let (process, port) = try server(environment: ["API_KEY": "s3cret"])
        let body = "{\"messages\": [\"ab\"]}"
        for headers in [[:], ["Authorization": "Bearer other1"], ["Authorization": "s3cret"]] {
            let answer = try await ask(port, body: body, headers: headers)
            #expect(answer.status == 401 && answer.json["detail"] == "Invalid API key.")
        }
        let right = try await ask(port, body: body, headers: ["Authorization": "Bearer s3cret"])
        #expect(right.status == 200)
        var options = RemoteReward.Options()
        let answers = [JudgedAnswer(promptIDs: [], answerIDs: [], text: "ab", answer: "")]
        let refused = await #expect(throws: FledgeError.self) {
            _ = try await RemoteReward("http://127.0.0.1:\(port)", options: options).scores(answers)
        }
        #expect(refused?.message.contains("401") == true)
        options.token = "s3cret"
        let found = try await RemoteReward("http://127.0.0.1:\(port)", options: options).scores(
            answers)
        #expect(found == right.json["scores"]?.arrayValue?.compactMap(\.doubleValue))
        // A second server finds its port taken.
        let second = try CommandRun(
            ["score-server", "run.yaml", "--port", "\(port)"] + Self.keys, in: project.path
        ).wait()
        #expect(second.status == 1 && second.isClearFailure, "\(second.errors)")
        process.signal(SIGINT)
        _ = try process.wait()
    }

    @Test func whatCannotBeServedIsToldAtOnce() throws {
        func run(_ words: String...) throws -> Outcome {
            try CommandRun(
                ["score-server", "run.yaml"] + words + Self.keys, in: project.path
            ).wait()
        }
        let none = try run("--port", "0")
        #expect(none.isClearFailure && none.errors.contains("There is no value head"))
        #expect(none.output.isEmpty)
        try train()
        for words in [["--host", "nowhere"], ["--port", "70000"], ["--port", "-1"]] {
            let outcome = try CommandRun(
                ["score-server", "run.yaml"] + words + Self.keys, in: project.path
            ).wait()
            #expect(outcome.status == 2 && outcome.output.isEmpty, "\(words) \(outcome.errors)")
        }
    }
}
