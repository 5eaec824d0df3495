import FledgeCore
import FledgeModel
import Foundation
import Testing

/// Rotary positions that are stretched at the user's wish.
@Suite struct ContextStretchTests {
    private func configuration(_ changes: JSONValue = [:]) throws -> DecoderConfiguration {
        var json = try JSONValue(contentsOf: fixtures + "/tiny-llama/sharded/config.json")
        json["max_position_embeddings"] = 512
        json["head_dim"] = 16
        json["rope_theta"] = 10000
        for member in changes.members ?? [] { json[member.key] = member.value }
        return try DecoderConfiguration(json: json, file: "config.json")
    }

    /// The reference's frequencies for heads of 16 channels (LLaMA-Factory's factor is a whole number).
    @Test func frequencies() throws {
        let expected: [ContextStretch.Kind: ([Double], Double)] = [
            .linear: (
                [0.25, 0.07905694, 0.025, 0.0079057, 0.0025, 0.00079057, 0.00025, 7.906e-05], 1
            ),
            .yarn: (
                [1, 0.25693506, 0.0625, 0.01383497, 0.0025, 0.00079057, 0.00025, 7.906e-05],
                1.13862944
            ),
            .llama3: (
                [1, 0.31622776, 0.1, 0.02037183, 0.0025, 0.00079057, 0.00025, 7.906e-05], 1
            ),
            .dynamic: (
                [1, 0.31622776, 0.1, 0.03162278, 0.01, 0.00316228, 0.001, 0.00031623], 1
            ),
        ]
        for kind in ContextStretch.Kind.allCases {
            var stretched = try configuration()
            let told = try stretched.stretch(ContextStretch(kind, length: 1700))
            #expect(told.contains("512") && told.contains("2048"), "\(told)")
            #expect(stretched.contextLength == 2048)
            #expect(stretched.maxPositions == 2048 && stretched.ropeTheta == 10000)
            let (inverse, factor) = stretched.rotaryFrequencies(length: 100)
            let (wanted, attention) = try #require(expected[kind])
            #expect(zip(inverse, wanted).allSatisfy { abs($0 - $1) < 1e-8 }, "\(kind): \(inverse)")
            #expect(abs(factor - attention) < 1e-8)
        }
    }

    /// What is stretched is written, and read again, in either spelling.
    @Test func isWritten() throws {
        let folder = try ScratchFolder()
        let newer: JSONValue = [
            "rope_theta": .null,
            "rope_parameters": ["rope_type": "default", "rope_theta": 700],
        ]
        for changes in [[:], newer] {
            for kind in ContextStretch.Kind.allCases {
                var stretched = try configuration(changes)
                let theta = stretched.ropeTheta
                _ = try stretched.stretch(ContextStretch(kind))
                #expect(stretched.maxPositions == 1024)
                try stretched.write(to: folder.path)
                let read = try DecoderConfiguration(folder: folder.path)
                #expect(read.ropeScaling == stretched.ropeScaling && read.maxPositions == 1024)
                #expect(read.ropeTheta == theta && read.contradictions.isEmpty)
            }
        }
    }

    /// The length of before is what config.json calls so; one that suffices is left alone.
    @Test func lengths() throws {
        let yarn: JSONValue = [
            "rope_scaling": [
                "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 128,
            ]
        ]
        var scaled = try configuration(yarn)
        #expect(try scaled.stretch(ContextStretch(.linear, length: 257)).contains("already"))
        #expect(try scaled.stretch(ContextStretch(.linear)).contains("already"))
        _ = try scaled.stretch(ContextStretch(.linear, length: 600))
        #expect(scaled.ropeScaling == .linear(factor: 5) && scaled.maxPositions == 640)
        var enough = try configuration()
        let before = enough
        #expect(try enough.stretch(ContextStretch(.yarn, length: 512)).contains("changes nothing"))
        #expect(enough == before)
        #expect(throws: FledgeError.self) {
            try enough.stretch(ContextStretch(.yarn, length: .max))
        }
        let gguf = try Checkpoint(
            path: fixtures + "/tiny-llama/model.gguf", stretch: ContextStretch(.llama3))
        #expect(gguf.configuration.maxPositions == 128)
        #expect(gguf.notes.contains { $0.contains("from 64 to 128") })
    }

    /// Layers of two kinds have two scalings.
    @Test func layersThatDiffer() throws {
        let stretched: [JSONValue] = [
            ["rope_type": "linear", "factor": 2],
            ["rope_type": "dynamic", "factor": 1, "alpha": 9],
        ]
        for scaling in stretched {
            var known = try configuration(["rope_scaling": scaling])
            #expect(throws: FledgeError.self) { try known.stretch(ContextStretch(.yarn)) }
        }
        let folder = fixtures + "/families/gemma3"
        var gemma = try DecoderConfiguration(folder: folder)
        let error = #expect(throws: FledgeError.self) {
            try gemma.stretch(ContextStretch(.linear))
        }
        #expect(error?.message.contains("differ") == true)
    }
}
