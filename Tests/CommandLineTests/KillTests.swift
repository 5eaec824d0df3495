import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs of every stage and kind of tuning that are killed at random moments and started again until they
/// are done: they end in the bits of a run that nobody touched.
///
/// `Scripts/kill-test.sh` makes more of them: `FLEDGE_KILLS` is their number, `FLEDGE_KILL_SEED` what the
/// moments follow from.
@Suite("Kills", .commandIsBuilt)
struct KillTests {
    private static func number(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }

    @Test func killedRunsEndInTheSameBits() throws {
        let (count, seed) = (Self.number("FLEDGE_KILLS", 10), Self.number("FLEDGE_KILL_SEED", 42))
        var dice = KeyedGenerator(RandomKey(seed: UInt64(clamping: seed)).appending("kills"))
        let kinds = KillProject.Kind.all.shuffled(using: &dice)
        var references = [KillProject.Kind: (results: [String: [UInt8]], seconds: Double)]()
        var (kills, equal, unreadable) = (0, 0, 0)
        for index in 0..<count {
            let kind = kinds[index % kinds.count]
            let reference = try references[kind] ?? Self.undisturbed(kind)
            references[kind] = reference
            let project = try KillProject(kind)
            for _ in 0..<Int.random(in: 1...2, using: &dice) {
                let moment = Double.random(in: 0..<reference.seconds, using: &dice)
                let run = try project.start()
                usleep(UInt32(moment * 1e6))
                guard run.isRunning else { break }
                run.signal(SIGKILL)
                _ = try run.wait()
                kills += 1
                let damaged = project.unreadableCheckpoints()
                unreadable += damaged.count
                #expect(damaged.isEmpty, "\(kind), killed after \(moment) s")
            }
            let outcome = try Self.finish(project)
            #expect(outcome.status == 0, "\(kind): \(outcome.errors)")
            guard outcome.status == 0 else { continue }
            let results = try project.results()
            let different = Set(results.keys).union(reference.results.keys).filter {
                results[$0] != reference.results[$0]
            }
            equal += different.isEmpty ? 1 : 0
            #expect(different.isEmpty, "\(kind), result \(index) of seed \(seed)")
        }
        print(
            "\(kills) kills, \(equal) of \(count) results equal, \(unreadable) unreadable checkpoints"
        )
        #expect(kills > count / 2, "too many runs had ended before they were to be killed")
    }

    /// What a run leaves that nobody touches, and how long it takes.
    private static func undisturbed(
        _ kind: KillProject.Kind
    ) throws -> (results: [String: [UInt8]], seconds: Double) {
        let project = try KillProject(kind)
        let start = ContinuousClock.now
        let outcome = try project.start().wait()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        try #require(outcome.status == 0, "\(kind): \(outcome.errors)")
        let results = try project.results()
        #expect(results["last/optimizer.safetensors"] != nil && results.count >= 5, "\(kind)")
        return (results, seconds)
    }

    /// Starts the run once more, unless it was done when it should have been killed.
    private static func finish(_ project: KillProject) throws -> Outcome {
        try project.start().wait()
    }
}
