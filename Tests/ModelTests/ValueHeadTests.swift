import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

@Suite("Value heads") struct ValueHeadTests {
    private let batch = TokenBatch(
        ids: [4, 5, 6, 7, 8], layout: SequenceLayout(lengths: [3, 2]), samples: [6, 7])

    @Test func freshHeadsAreDrawnByName() {
        let (a, b) = (ValueHead(channels: 16, seed: 1), ValueHead(channels: 16, seed: 1))
        #expect(a.weight.value.doubles() == b.weight.value.doubles())
        #expect(
            a.weight.value.doubles() != ValueHead(channels: 16, seed: 2).weight.value.doubles())
        let values = a.weight.value.doubles() + a.bias.value.doubles()
        #expect(values.allSatisfy { abs($0) <= 0.25 } && Set(values).count == 17)
        #expect(a.dropout == 0.1)
        #expect(
            a.trainableParameters.map(\.name) == ["v_head.summary.weight", "v_head.summary.bias"])
    }

    /// Values that were checked against the toy model's own formula.
    @Test func valuesAreThoseOfTheFormula() throws {
        let model = try TinyModel.make()
        let head = ValueHead(
            weight: TinyModel.tensor("v_head.summary.weight", [1, 16]),
            bias: TinyModel.tensor("v_head.summary.bias", [1]), dropout: 0)
        let hidden = model.hiddenStates(batch, ForwardPass(.float32))
        let found = head(hidden, rows: [2, 4], samples: [6, 7], ForwardPass(.float32)).doubles()
        let (states, weight) = (hidden.doubles(), head.weight.value.doubles())
        for (row, value) in zip([2, 4], found) {
            let expected = (0..<16).reduce(head.bias.value.scalar) {
                $0 + states[row * 16 + $1] * weight[$1]
            }
            #expect(abs(value - expected) < 1e-6)
        }
    }

    @Test func dropoutIsOfTheSampleAndOfTrainingAlone() throws {
        let hidden = Tensor(Array(repeating: Float(1), count: 5 * 16), shape: [5, 16])
        let head = ValueHead(channels: 16, seed: 1, dropout: 0.5)
        func values(_ pass: ForwardPass, samples: [Int] = [6, 7]) -> [Double] {
            head(hidden, rows: [2, 4], samples: samples, pass).doubles()
        }
        let plain = values(ForwardPass(.float32))
        let training = ForwardPass(.float32, training: batch, seed: 42)
        #expect(values(training) != plain && values(training) == values(training))
        #expect(values(training, samples: [6, 8])[0] == values(training)[0])
        #expect(values(training, samples: [6, 8])[1] != values(training)[1])
        #expect(values(training.withoutDropout) == plain)
        // The draws are those of the whole place, so that a layout without shared prefixes has them too.
        let mask = try #require(training.dropout(0.5, at: "v_head"))
        let rows = try #require(
            training.dropout(0.5, at: "v_head", rows: [2, 4], samples: [6, 7]))
        #expect(rows.rowKeys == [mask.rowKeys[2], mask.rowKeys[4]])
    }

    @Test func filesAreTheReferences() throws {
        let folder = try TemporaryFolder()
        let head = ValueHead(channels: 16, seed: 3)
        #expect(!ValueHead.isPresent(in: folder.path))
        try head.save(to: folder.path)
        #expect(ValueHead.isPresent(in: folder.path))
        let file = try SafetensorsFile(path: folder.path + "/value_head.safetensors")
        #expect(file.names == ["v_head.summary.bias", "v_head.summary.weight"])
        #expect(file.metadata == ["format": "pt"])
        #expect(file.shape(of: "v_head.summary.weight") == [1, 16])
        let other = ValueHead(channels: 16, seed: 4)
        try other.restore(from: folder.path)
        #expect(other.weight.value.doubles() == head.weight.value.doubles())
        #expect(
            try ValueHead(folder: folder.path, channels: 16).bias.value.doubles()
                == head.bias.value.doubles())
    }

    @Test func whatCannotBeLoadedIsNamed() throws {
        func error(_ fill: (String) throws -> Void) throws -> FledgeError? {
            let folder = try TemporaryFolder()
            try fill(folder.path)
            return #expect(throws: FledgeError.self) {
                try ValueHead(folder: folder.path, channels: 16)
            }
        }
        #expect(try error { _ in }?.code == .fileNotFound)
        let pickled = try error {
            try Data([0x80, 2]).write(to: URL(filePath: $0 + "/value_head.bin"))
        }
        #expect(pickled?.code == .unsupported)
        #expect(pickled?.location?.file.hasSuffix("/value_head.bin") == true)
        let other = try error { try ValueHead(channels: 8, seed: 1).save(to: $0) }
        #expect(other?.code == .mismatch)
        #expect(other?.message.contains("[1, 8]") == true)
        let missing = try error {
            try SafetensorsWriter.write(
                [("summary.weight", Tensor(zeros: [1, 16]))], to: $0 + "/value_head.safetensors")
        }
        #expect(missing?.message.contains("v_head.summary.weight") == true)
    }
}
