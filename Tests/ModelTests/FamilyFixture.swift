import FledgeCore
import FledgeModel
import FledgeTensor
import Foundation

/// A tiny model of a family with what transformers makes of it.
struct FamilyFixture {
    /// All that there are.
    static let names: [String] = {
        let folder = fixtures + "/families"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }()

    let path: String
    let expected: JSONValue
    let tensors: any TensorSource
    let rows: [[Int32]]

    init(_ name: String) throws {
        path = fixtures + "/families/" + name
        expected = try JSONValue(contentsOf: path + "/expected.json")
        let file = try SafetensorsFile(path: path + "/gradients.safetensors")
        let family = try Checkpoint(path: path).configuration.family
        tensors = try StackedTensors(file, family.stacks, path: path) ?? file
        rows = (expected["ids"]?.arrayValue ?? []).map { row in
            (row.arrayValue ?? []).compactMap(\.intValue).map { Int32($0) }
        }
    }

    func model(_ type: ElementType = .float32) throws -> DecoderLM {
        try Checkpoint(path: path).causalLM(storing: type)
    }

    var ids: [Int32] { rows.flatMap(\.self) }
    var layout: SequenceLayout { SequenceLayout(lengths: rows.map(\.count)) }

    /// Under the name of a module, or of files as transformers 4 wrote them.
    func gradient(_ name: String) throws -> Tensor {
        let older = [
            name.replacing("model.language_model.", with: "language_model.model."),
            "language_model." + name,
        ]
        let found = older.first { tensors.shape(of: $0) != nil }
        return try tensors.tensor(named: found ?? name, as: .float32)
    }

    func logits(_ row: Int) throws -> Tensor {
        try tensors.tensor(named: "logits.\(row)", as: .float32)
    }

    /// All predictions of the next token.
    var supervision: Supervision {
        let places = zip(layout.segments, rows).flatMap { segment, row in
            (0..<(row.count - 1)).map { Int32(segment.start + $0) }
        }
        return Supervision(rows: places, targets: rows.flatMap { Array($0.dropFirst()) })
    }
}
