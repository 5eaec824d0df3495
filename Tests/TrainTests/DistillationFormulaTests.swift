import FledgeCore
import FledgeTrain
import Foundation
import Testing

/// What a teacher's probabilities are worth, against the newest TRL on random inputs.
@Suite("Distillation against trl 1.16") struct DistillationFormulaTests {
    private static func fixture() throws -> JSONValue {
        try #require(PolicyFixtures.named("reinforcement_groups")["distillation"])
    }

    @Test func divergencesOfDistributions() throws {
        let fixture = try Self.fixture()
        let teacher = try fixture.rows("teacher")
        for item in try fixture.items("divergences") {
            let divergence = DistributionDivergence(interpolation: try item.number("beta"))
            let (values, slopes) = (try item.doubles("values"), try item.rows("slopes"))
            for (row, student) in try item.rows("student").enumerated() {
                let found = divergence(student: student, teacher: teacher[row])
                expectEqual([found.value], [values[row]], "\(divergence)")
                expectEqual(found.slopes, slopes[row], "slopes of \(divergence)")
            }
            let extreme = divergence(student: [1000, 0, -1000], teacher: [1000, -1000, 0])
            #expect(extreme.value.isFinite && extreme.slopes.allSatisfy(\.isFinite))
        }
    }

    @Test func drawnTokens() throws {
        for item in try Self.fixture().items("completions") {
            let lengths = try item.doubles("lengths").map { Int($0) }
            let cut = { (key: String) in
                try zip(item.rows(key), lengths).map { Array($0.prefix($1)) }
            }
            let (teacher, drawn, new) = (try cut("teacher"), try cut("drawn"), try cut("new"))
            let judged = TeacherAdvantages(emphasis: try item.number("gamma"))(
                teacher.indices.map { row in
                    AnswerRewards(zip(teacher[row], drawn[row]).map { $0 - $1 })
                })
            let costs = new.indices.map {
                PolicyGradientLoss()(
                    PolicyTokens(new: new[$0], old: drawn[$0], advantages: judged[$0].advantages))
            }
            let count = Double(lengths.reduce(0, +))
            expectEqual(
                [costs.flatMap(\.losses).reduce(0, +) / count], [try item.number("loss")], "loss")
            expectEqual(
                costs.flatMap(\.slopes).map { $0 / count }, try cut("slopes").flatMap(\.self),
                "slopes")
        }
    }
}
