import Fledge
import FledgeTesting
import Foundation
import Testing

@Suite("fledge score", .commandIsBuilt)
struct ScoreCommandTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
        try StageSets.write(to: project.file("data"), count: 2)
    }

    private func run(_ arguments: String...) throws -> Outcome {
        try fledge(arguments, in: project.path)
    }

    private func fledge(_ arguments: [String], in folder: String) throws -> Outcome {
        try CommandRun(arguments, in: folder).wait()
    }

    @Test func aRewardModelIsTrainedAndScores() throws {
        let keys = ["stage=rm", "dataset=pairs", "max_steps=2"]
        let none = try fledge(["score", "run.yaml", "--output", "-"] + keys, in: project.path)
        #expect(none.isClearFailure && none.errors.contains("There is no value head"))
        let trained = try fledge(["train", "run.yaml"] + keys, in: project.path)
        #expect(trained.status == 0, "\(trained.errors)")
        let scored = try fledge(["score", "run.yaml", "--output", "-"] + keys, in: project.path)
        #expect(scored.status == 0, "\(scored.errors)")
        #expect(scored.lines.count == 2)
        for line in scored.lines {
            let scores = try JSONValue(parsing: line)
            #expect(scores.members?.map(\.key) == ["chosen", "rejected"])
        }
        let file = try run("score", "run.yaml", "--output", "s.jsonl", "stage=rm", "dataset=tiny")
        #expect(file.status == 0 && file.output.isEmpty, "\(file.errors)")
        let text = try String(contentsOfFile: project.file("s.jsonl"), encoding: .utf8)
        #expect(text.hasPrefix("{\"score\": ") && text.hasSuffix("}\n"))
        let nothing = try run("score", "run.yaml", "--output", "-", "stage=rm", "dataset=")
        #expect(nothing.status == 2 && nothing.errors.contains("no dataset is named"))
    }
}
