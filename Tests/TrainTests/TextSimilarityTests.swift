import FledgeCore
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// ROUGE and BLEU against the reference's own code.
@Suite struct TextSimilarityTests {
    private static func fixture() throws -> [JSONValue] {
        let path =
            (#filePath as NSString).deletingLastPathComponent
            + "/Fixtures/text_similarity.json"
        return try JSONValue(contentsOf: path).arrayValue ?? []
    }

    @Test func valuesAreTheReferences() throws {
        let rows = try Self.fixture()
        #expect(rows.count > 150)
        for row in rows {
            let (prediction, expected) = (
                row["prediction"]?.stringValue ?? "", row["expected"]?.stringValue ?? ""
            )
            let found = TextSimilarity(prediction, expected: expected).values
            for (name, value) in found {
                #expect(
                    value == row[name]?.doubleValue,
                    "\(name) of \(prediction.debugDescription) and \(expected.debugDescription)")
            }
        }
    }

    @Test func theSpecificationsPairs() {
        let pair = TextSimilarity("the cat sat on the mat", expected: "the cat is on the mat")
        #expect(pair.rouge1 == 80 && pair.rouge2 == 60)
        #expect(pair.rougeL == 83.3333 && pair.bleu4 == 78.392)
        #expect(!pair.hasChinese)
        // BLEU knows no words, so that it is the reference's also for Chinese.
        let chinese = TextSimilarity("今天天气很好", expected: "今天的天气真好")
        #expect(chinese.bleu4 == 20.548 && chinese.hasChinese)
    }
}
