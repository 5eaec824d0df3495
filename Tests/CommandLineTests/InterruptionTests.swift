import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs that are stopped from outside, at no particular moment.
@Suite("Interruption", .commandIsBuilt)
struct InterruptionTests {
    private static let steps = 240
    private let project: TinyProject
    private let plain: TinyProject

    /// Two projects with the same run; one of them is never stopped.
    init() throws {
        (project, plain) = (try TinyProject(), try TinyProject())
        for each in [project, plain] {
            try each.writeRun("max_steps: \(Self.steps)\nsave_total_limit: 3\nseed: 7")
        }
    }

    private func losses(_ project: TinyProject) throws -> [Double] {
        try JSONValue(contentsOf: project.file("out/trainer_state.json"))["log_history"]?
            .arrayValue?.compactMap { $0["loss"]?.doubleValue } ?? []
    }

    private func expectSameEnd() throws {
        #expect(try fledge("train", "run.yaml", in: plain.path).status == 0)
        for name in ["out/adapter_model.safetensors", "out/checkpoint-240/optimizer.safetensors"] {
            #expect(try project.bytes(name) == plain.bytes(name), "\(name)")
        }
        let losses = try losses(project)
        #expect(losses.count == Self.steps)
        #expect(try losses == self.losses(plain))
    }

    /// Ctrl-C, the end of a service, and a terminal that is closed.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aStoppedRunSavesAndTheSameCommandGoesOn(_ number: Int32) throws {
        let run = try CommandRun(["train", "run.yaml"], in: project.path)
        run.wait(for: 30, in: project.file("out/trainer_log.jsonl"))
        run.signal(number)
        let stopped = try run.wait()
        #expect(stopped.status == 130, "\(stopped.errors)")
        let newest = try #require(TrainingCheckpoint.newest(in: project.file("out")))
        let checkpoint = try TrainingCheckpoint(folder: newest)
        #expect(checkpoint.step >= 30 && checkpoint.step < Self.steps)
        #expect(
            stopped.errors.contains(
                "The same command goes on from out/checkpoint-\(checkpoint.step)."),
            "\(stopped.errors)")
        #expect(!project.exists("out/adapter_model.safetensors"))
        let resumed = try fledge("train", "run.yaml", in: project.path)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("after step \(checkpoint.step)."))
        try expectSameEnd()
    }

    @Test func killedAtRandomMomentsNothingIsLost() throws {
        var generator = SystemRandomNumberGenerator()
        for round in 0..<6 {
            let run = try CommandRun(["train", "run.yaml"], in: project.path)
            // Past the start of the process, then anywhere, inside the writing of a file too.
            let lines = (project.exists("out") ? try losses(ofLog: ()) : 0) + 4 + round
            run.wait(for: lines, in: project.file("out/trainer_log.jsonl"))
            usleep(UInt32.random(in: 0..<20_000, using: &generator))
            run.signal(SIGKILL)
            _ = try run.wait()
            for name in project.names("out") where name.hasPrefix("checkpoint-") {
                _ = try TrainingCheckpoint(folder: project.file("out/" + name))
            }
        }
        if !project.exists("out/adapter_model.safetensors") {
            let last = try fledge("train", "run.yaml", in: project.path)
            #expect(last.status == 0, "\(last.errors)")
        }
        #expect(!project.names("out").contains { $0.hasPrefix(".checkpoint") })
        try expectSameEnd()
    }

    private func losses(ofLog: Void) throws -> Int {
        guard project.exists("out/trainer_log.jsonl") else { return 0 }
        return try project.bytes("out/trainer_log.jsonl").count { $0 == 10 }
    }

    /// Killed and stopped, a run that saves its best steps saves the same ones, and ends alike.
    @Test func whatSavesItsBestStepsGoesOn() throws {
        let words = [
            "train", "run.yaml", "save_strategy=best", "eval_strategy=steps", "eval_steps=20",
            "val_size=3", "load_best_model_at_end=true", "save_total_limit=null",
        ]
        #expect(try CommandRun(words, in: plain.path).wait().status == 0)
        for (number, lines) in [(SIGKILL, 70), (SIGTERM, 160)] {
            let run = try CommandRun(words, in: project.path)
            run.wait(for: lines, in: project.file("out/trainer_log.jsonl"))
            run.signal(number)
            _ = try run.wait()
        }
        let last = try CommandRun(words, in: project.path).wait()
        #expect(last.status == 0 && last.errors.contains("Resuming from"), "\(last.errors)")
        let best = plain.names("out").filter { $0.hasPrefix("checkpoint-") }
        // Where it was stopped it saved what it was asked for by nobody.
        #expect(!best.isEmpty && Set(best).isSubset(of: project.names("out")))
        for name in ["adapter_model.safetensors"] + best.map({ $0 + "/adapter_model.safetensors" })
        {
            #expect(try project.bytes("out/" + name) == plain.bytes("out/" + name), "\(name)")
        }
        // Nothing is left to do.
        let again = try CommandRun(words, in: project.path).wait()
        #expect(again.status == 0 && again.errors.contains("nothing is left to do"))
    }

    @Test func whatOverwritesSaysHowToGoOn() throws {
        let overwriting = ["train", "run.yaml", "overwrite_output_dir=true"]
        let run = try CommandRun(overwriting, in: project.path)
        run.wait(for: 20, in: project.file("out/trainer_log.jsonl"))
        run.signal(SIGINT)
        let stopped = try run.wait()
        #expect(stopped.status == 130)
        #expect(stopped.errors.contains("with resume_from_checkpoint=true goes on from"))
        let resumed = try CommandRun(
            overwriting + ["resume_from_checkpoint=true"], in: project.path
        ).wait()
        #expect(resumed.status == 0 && resumed.errors.contains("Resuming from"))
        try expectSameEnd()
    }

    @Test func anInterruptedEvaluationIsMadeUpFor() throws {
        let evaluating = [
            "train", "run.yaml", "eval_dataset=other", "eval_strategy=steps", "eval_steps=1",
            "per_device_eval_batch_size=1",
        ]
        for _ in 0..<3 {
            let run = try CommandRun(evaluating, in: project.path)
            let lines = (project.exists("out") ? try losses(ofLog: ()) : 0) + 40
            run.wait(for: lines, in: project.file("out/trainer_log.jsonl"))
            run.signal(SIGINT)
            #expect(try run.wait().status == 130)
        }
        #expect(try CommandRun(evaluating, in: project.path).wait().status == 0)
        let history =
            try JSONValue(contentsOf: project.file("out/trainer_state.json"))["log_history"]?
            .arrayValue ?? []
        let evaluated = history.filter { $0["eval_loss"] != nil }.compactMap {
            $0["step"]?.intValue
        }
        #expect(evaluated == Array(1...Self.steps))
        try expectSameEnd()
    }
}
