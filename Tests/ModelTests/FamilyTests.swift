import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Tiny random models of each family, with what transformers makes of them
/// (`Scripts/reference/families.py`).
@Suite("Families against transformers") struct FamilyTests {
    static let names = FamilyFixture.names

    @Test func allFamiliesHaveOne() throws {
        let types = try Set(
            Self.names.map { try FamilyFixture($0).model().configuration.modelType })
        let known = [any ModelFamily].standard.flatMap { $0.modelTypes.keys }
        #expect(Set(known).subtracting(types).isEmpty)
    }

    /// Three sequences in one run, and each alone.
    @Test(arguments: names) func logitsAreThoseOfTransformers(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        let hidden = model.hiddenStates(
            fixture.ids, layout: fixture.layout, ForwardPass(.float32))
        for (index, segment) in fixture.layout.segments.enumerated() {
            let found = logits(
                hidden, head: model.head, rows: segment.range.map { Int32($0) })
            let closeness = Closeness(found, try fixture.logits(index))
            #expect(closeness.isWithin(1e-4), "\(name) \(index): \(closeness)")
        }
    }

    @Test(arguments: names) func lossAndEveryGradientAreThoseOfTransformers(
        _ name: String
    ) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        model.makeTrainable()
        let supervision = fixture.supervision
        for recomputes in [false, true] {
            var pass = ForwardPass(.float32)
            pass.recomputesBlocks = recomputes
            let (loss, gradients) = valueAndGradients(of: model.parameters) {
                tokenCrossEntropy(
                    model.hiddenStates(fixture.ids, layout: fixture.layout, pass),
                    head: model.head, supervision)
            }
            let expected = try #require(fixture.expected["loss"]?.doubleValue)
            #expect(abs(loss.scalar - expected) < 1e-4 * expected, "\(name): \(loss.scalar)")
            for parameter in model.parameters {
                let wanted = try fixture.gradient(parameter.name)
                let found = try #require(gradients[parameter], "\(name) \(parameter.name)")
                let closeness = Closeness(found, wanted)
                #expect(closeness.isWithin(1e-4), "\(name) \(parameter.name): \(closeness)")
            }
        }
    }

    /// Greedy text, token by token over the cache, alone and beside others.
    @Test(arguments: names) func answersAreThoseOfTransformers(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        let wanted = (fixture.expected["greedy"]?.arrayValue ?? []).compactMap(\.intValue)
        var options = GenerationOptions()
        options.maxNewTokens = wanted.count
        options.samples = false
        let generator = TokenGenerator(model)
        let alone = try generator.generate(fixture.rows[0], options).ids.map { Int($0) }
        #expect(alone == wanted, "\(name)")
        let together = try generator.generate(fixture.rows, options)
        #expect(together[0].ids.map { Int($0) } == wanted, "\(name)")
    }

    /// Sequences that begin alike share what they have in common, and change nothing by it.
    @Test(arguments: names) func sharedPrefixesChangeNothing(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let model = try fixture.model()
        // Beyond it sequences of different lengths have different angles, and share nothing.
        guard model.configuration.angleThreshold.map({ $0 >= 20 }) ?? true else { return }
        let (prefix, one, other) = (
            Array(fixture.rows[1].prefix(11)), Array(fixture.rows[0]), fixture.rows[2]
        )
        let shared = model.hiddenStates(
            prefix + one + other,
            layout: SequenceLayout(
                lengths: [prefix.count, one.count, other.count], parents: [nil, 0, 0]),
            ForwardPass(.float32)
        ).scalars()
        let apart = model.hiddenStates(
            prefix + one + prefix + other,
            layout: SequenceLayout(
                lengths: [prefix.count + one.count, prefix.count + other.count]),
            ForwardPass(.float32)
        ).scalars()
        let channels = model.configuration.hiddenSize
        let ends = [(shared.count - other.count * channels), apart.count - other.count * channels]
        #expect(
            Closeness(
                shared[ends[0]...].map(Double.init), apart[ends[1]...].map(Double.init)
            ).isWithin(1e-5), "\(name)")
    }

    /// What is saved has the names, shapes and numbers of the files that were read, and loads again.
    @Test(arguments: names) func savedFoldersAreThoseOfTransformers(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let folder = try ScratchFolder()
        try fixture.model().save(to: folder.path)
        let written = try SafetensorsFile(path: folder.path + "/model.safetensors")
        let read = try SafetensorsFile(path: fixture.path + "/model.safetensors")
        #expect(written.names == read.names, "\(name)")
        for tensor in read.names {
            let (a, b) = (
                try written.tensor(named: tensor, as: .float32),
                try read.tensor(named: tensor, as: .float32)
            )
            #expect(a.hasSameBytes(as: b), "\(name) \(tensor)")
        }
        let again = try Checkpoint(path: folder.path)
        let (before, after) = (
            try JSONValue(contentsOf: fixture.path + "/config.json"), again.configuration.json()
        )
        for member in before.members ?? [] where member.key != "transformers_version" {
            let isSame =
                after[member.key] == member.value
                // What follows from the others may be added.
                || member.value.members?.allSatisfy { inner in
                    after[member.key]?[inner.key]?.doubleValue == inner.value.doubleValue
                        && after[member.key]?[inner.key]?.stringValue == inner.value.stringValue
                } == true
            #expect(isSame, "\(name) \(member.key)")
        }
    }

    /// The older spelling of config.json says the same.
    @Test(arguments: names) func olderSpellings(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let path = fixture.path + "/config.json"
        var json = try JSONValue(contentsOf: path)
        guard var rope = json["rope_parameters"], rope["rope_theta"] != nil else { return }
        json["rope_theta"] = rope["rope_theta"]
        json["partial_rotary_factor"] = rope["partial_rotary_factor"]
        (rope["rope_theta"], rope["partial_rotary_factor"]) = (nil, nil)
        json["rope_parameters"] = nil
        json["rope_scaling"] = rope["rope_type"] == "default" ? .null : rope
        json["torch_dtype"] = json["dtype"]
        json["dtype"] = nil
        let (new, old) = (
            try Checkpoint(path: fixture.path),
            try DecoderConfiguration(json: json, file: "config.json")
        )
        func states(_ configuration: DecoderConfiguration) throws -> [Float] {
            try DecoderLM(configuration, new.weights, storing: .float32).hiddenStates(
                fixture.ids, layout: fixture.layout, ForwardPass(.float32)
            ).scalars()
        }
        #expect(try states(old) == states(new.configuration), "\(name)")
    }

    /// `lora_target: all` finds the layers that it finds in peft.
    @Test(arguments: names) func linearLayersAreThoseOfPEFT(_ name: String) throws {
        let fixture = try FamilyFixture(name)
        let wanted = (fixture.expected["linear_modules"]?.arrayValue ?? []).compactMap(
            \.stringValue)
        let found = Set(
            try fixture.model().linears.map(\.name).filter { $0 != "lm_head" }
                .compactMap { $0.split(separator: ".").last.map(String.init) })
        #expect(found.sorted() == wanted, "\(name)")
    }
}
