import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

@Suite("Models with quantised layers")
struct QuantizedModelTests {
    private let ids: [Int32] = [1, 17, 9, 3, 20, 0, 5, 5]

    private func states(_ model: DecoderLM, _ type: ElementType) -> [Float] {
        model.hiddenStates(ids, layout: SequenceLayout(lengths: [5, 3]), ForwardPass(type))
            .scalars()
    }

    private func make(_ storage: LinearStorage, _ type: ElementType) throws -> DecoderLM {
        try DecoderLM(
            TinyModel.configuration, InMemoryTensors(TinyModel.tensors()), storing: type,
            linears: storage)
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func computeWhatTheirExpandedWeightsCompute(_ type: ElementType) throws {
        let plain = states(try make(.plain, type), type)
        for format: QuantizedFormat in [
            .fourBit(.nf4, hasNestedScales: true), .fourBit(.fp4, hasNestedScales: false), .int8,
        ] {
            let model = try make(.quantized(format), type)
            let matrices = model.quantizedMatrices
            #expect(matrices.count == 14 && matrices.allSatisfy { $0.format == format })
            let quantized = states(model, type)
            #expect(quantized != plain)
            model.dequantize(as: type)
            #expect(model.quantizedMatrices.isEmpty)
            #expect(model.parameters.count == (try make(.plain, type)).parameters.count)
            #expect(states(model, type) == quantized)
        }
    }

    @Test(arguments: [ElementType.float32, .bfloat16])
    func blocksOfAFileAreKept(_ type: ElementType) throws {
        let checkpoint = try Checkpoint(path: fixtures + "/tiny-llama/blocks.gguf")
        let kept = try checkpoint.causalLM(storing: type, linears: .blocksOfFile)
        // One layer's v and up are float16; the table is the head too.
        #expect(kept.quantizedMatrices.count == 13)
        #expect(kept.head.matrix.blocks?.name == "model.embed_tokens.weight")
        #expect(Set(kept.quantizedMatrices.map(\.format)).count == 5)
        let expanded = try checkpoint.causalLM(storing: type)
        #expect(expanded.quantizedMatrices.isEmpty)
        #expect(states(kept, type) == states(expanded, type))
        kept.dequantize(as: type)
        #expect(kept.quantizedMatrices.isEmpty)
        #expect(kept.parameters.map(\.name) == expanded.parameters.map(\.name))
        #expect(states(kept, type) == states(expanded, type))
    }

    /// Blocks that are kept as they are stand for numbers too.
    @Test func blocksOfNumbersThatAreNoneAreFoundOnLoading() throws {
        let path = fixtures + "/tiny-llama/blocks.gguf"
        let whole = try GGUFFile(path: path)
        // The scale of the last block of some rows, where it comes first.
        let tensors = whole.tensors.filter {
            [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0].contains($0.type)
        }
        #expect(tensors.count > 1)
        for tensor in tensors {
            var bytes = Array(tensor.mapping.bytes)
            let start =
                try #require(tensor.bytes.baseAddress)
                - (try #require(tensor.mapping.bytes.baseAddress))
            let place = start + tensor.bytes.count - tensor.type.blockByteCount
            bytes.replaceSubrange(place..<place + 2, with: [0x00, 0x7E])
            let folder = try ScratchFolder()
            let spoiled = try folder.write(bytes, "spoiled.gguf")
            for storage in [LinearStorage.blocksOfFile, .plain] {
                let error = #expect(throws: FledgeError.self, "\(tensor.name)") {
                    try Checkpoint(path: spoiled).causalLM(linears: storage)
                }
                #expect(error?.message.contains("\(tensor.name) holds a number") == true)
            }
        }
    }

    @Test func aFolderHasNoBlocks() throws {
        let error = #expect(throws: FledgeError.self) {
            try Checkpoint(path: fixtures + "/tiny-llama/float32").causalLM(linears: .blocksOfFile)
        }
        #expect(error?.code == .configuration)
    }

    @Test func headsStayPlain() throws {
        let checkpoint = try Checkpoint(path: fixtures + "/tiny-llama/float32")
        let model = try checkpoint.causalLM(
            linears: .quantized(.fourBit(.nf4, hasNestedScales: true)))
        #expect(model.head.name == "lm_head.weight")
        #expect(!model.quantizedMatrices.contains { $0.name.hasPrefix("lm_head") })
        #expect(model.parameters.contains { $0.name == "lm_head.weight" })
    }

    @Test(.enabled(if: CachedModel.path != nil, "fetch the default model"))
    func layersTakeAboutHalfAByteAParameter() throws {
        let checkpoint = try Checkpoint(path: #require(CachedModel.path))
        let model = try checkpoint.causalLM(
            storing: .bfloat16, linears: .quantized(.fourBit(.nf4, hasNestedScales: true)))
        let quantized = model.quantizedMatrices.reduce(0) { $0 + $1.byteCount }
        let count = model.quantizedMatrices.reduce(0) { $0 + $1.count }
        #expect(Double(quantized) / Double(count) <= 0.52)
    }
}
