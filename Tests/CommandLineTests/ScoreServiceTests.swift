import Fledge
import FledgeScoreServer
import FledgeTesting
import Foundation
import Synchronization
import Testing

/// Requests whose askers have gone.
@Suite("Requests that nobody waits for") struct ScoreServiceTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try ValueHead(channels: 16, seed: 5).save(to: project.file("model"))
    }

    private func service(batchSize: Int = 1) throws -> ScoreService {
        let run = try RunConfiguration(
            yaml: """
                model_name_or_path: \(project.path)/model
                template: chatml
                per_device_eval_batch_size: \(batchSize)
                """, file: "run.yaml", purpose: .inference, environment: [:])
        return try ScoreService(TextScorer(run))
    }

    private func request(_ count: Int) -> ScoreService.Request {
        let texts = (0..<count).map { "\"text \($0)\"" }.joined(separator: ", ")
        return .init(body: Array("{\"messages\": [\(texts)]}".utf8))
    }

    @Test func whatNobodyWaitsForIsGivenUp() async throws {
        let service = try service()
        let scored = await service.response(to: request(3))
        #expect(scored.status == 200 && scored.body["scores"]?.arrayValue?.count == 3)
        let gone = await service.response(to: request(3)) { false }
        #expect(gone.status == 499 && service.givenUpCount == 1)
        // Asked once before, and once before each of the batches until whoever asked has gone.
        let asked = Mutex(0)
        let left = await service.response(to: request(100)) {
            asked.withLock {
                $0 += 1; return $0 < 5
            }
        }
        let times = asked.withLock { $0 }
        #expect(left.status == 499 && times == 5 && service.givenUpCount == 2)
        // The next one is answered as ever.
        let next = await service.response(to: request(2))
        #expect(next.status == 200)
    }

    /// Over the network: two connections wait behind a request that is under way, and one hangs up.
    @Test func aConnectionThatIsClosedIsGivenUp() async throws {
        let service = try service()
        let server = try ScoreServer(service)
        let port = Mutex<UInt16?>(nil)
        let running = Task {
            try await server.run { address in
                port.withLock { $0 = address.split(separator: ":").last.flatMap { UInt16($0) } }
            }
        }
        defer { running.cancel() }
        func until(_ condition: () -> Bool) async throws -> Bool {
            for _ in 0..<3000 {
                if condition() { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
        let listens = try await until { port.withLock { $0 != nil } }
        let found = port.withLock { $0 }
        let number = try #require(listens ? found : nil)
        // The queue is held until both have come.
        let isFree = Mutex(false)
        let held = request(1)
        async let first = service.response(to: held) {
            while !isFree.withLock({ $0 }) { usleep(5000) }
            return true
        }
        let leaving = try connect(number)
        send(leaving, request(50))
        let staying = try connect(number)
        send(staying, request(2))
        let haveCome = try await until { service.waitingCount == 3 }
        #expect(haveCome)
        close(leaving)
        isFree.withLock { $0 = true }
        let status = await first.status
        let areDone = try await until { service.waitingCount == 0 }
        #expect(status == 200 && areDone)
        #expect(service.givenUpCount == 1)
        // Never waited for in a call: the server may need the thread.
        var answer = [UInt8](repeating: 0, count: 64)
        let hasAnswer = try await until {
            recv(staying, &answer, answer.count, Int32(MSG_DONTWAIT)) > 0
        }
        #expect(hasAnswer)
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 200 OK"))
        close(staying)
    }

    private func connect(_ port: UInt16) throws -> Int32 {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        return socket
    }

    private func send(_ socket: Int32, _ request: ScoreService.Request) {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(request.body.count)\r\n\r\n"
        let bytes = Array(head.utf8) + request.body
        _ = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, 0) }
    }
}
