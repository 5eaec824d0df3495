import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// A model of somebody else's that counts the tokens that each of its parts computes.
private final class CountingModel: DivisibleLM {
    let base: DecoderLM
    private(set) var below = 0
    private(set) var above = 0

    init(_ base: DecoderLM) { self.base = base }

    var configuration: DecoderConfiguration { base.configuration }
    var elementType: ElementType { base.elementType }
    var head: LanguageHead { base.head }
    var stem: any Module { base.stem }
    var blocks: [any DecoderBlock] { base.blocks }

    func describe(to description: inout ModuleDescription) { description.add(base) }

    func states(
        entering block: Int, _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        if block > 0 { below += ids.count }
        return base.states(entering: block, ids, layout: layout, pass)
    }

    func hiddenStates(
        from states: consuming Tensor, entering block: Int, layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor {
        above += layout.count
        return base.hiddenStates(from: states, entering: block, layout: layout, pass)
    }

    func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor {
        base.hiddenStates(ids, extending: branches, of: cache, pass)
    }
}

/// An adapter that changes nothing.
private final class PlainAdapter: LinearAdapter {
    func describe(to description: inout ModuleDescription) {}
    func apply(to input: Tensor, of map: LinearMap, _ pass: ForwardPass) -> Tensor {
        map(input, pass)
    }
    func merged(into weight: Tensor) -> Tensor { weight }
    func activationBytes(_ run: TokenMemory) -> Int { 0 }
}

/// What lies below the first trained block is computed once, and gives the same bits ever after.
@Suite("Frozen trunks")
struct FrozenTrunkTests {
    private static var sizes: DecoderConfiguration {
        var sizes = TinyModel.configuration
        (sizes.layerCount, sizes.maxPositions) = (3, 512)
        return sizes
    }

    private func model(
        _ type: ElementType = .float32, training trained: String = ".2."
    ) throws -> CountingModel {
        let model = try TinyModel.make(Self.sizes, storing: type)
        model.makeTrainable { $0.name.contains(trained) }
        return CountingModel(model)
    }

    /// Sequences of one token and of more than a tile of attention; two begin alike.
    private static let sequences: [[Int32]] = {
        func ids(_ seed: Int, _ count: Int) -> [Int32] {
            (0..<count).map { Int32((seed * 31 + $0 * $0 * 7 + $0 * 3) % 24) }
        }
        let question = ids(1, 75)
        return [
            ids(2, 1), ids(3, 9), ids(4, 64), question + ids(5, 20), question + ids(6, 3),
            ids(7, 131), ids(8, 30),
        ]
    }()

    private func batch(_ indices: [Int], sharing: Bool = false) -> TokenBatch {
        let picked = indices.map { Self.sequences[$0] }
        guard sharing else { return TokenBatch(sequences: picked) }
        let forest = PrefixForest(picked)
        return TokenBatch(ids: forest.ids, layout: forest.layout)
    }

    private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

    /// Expects the trunk's states to be the model's, bit for bit; returns the tokens that were computed
    /// below the trained block.
    private func compare(
        _ trunk: FrozenTrunk, _ batch: TokenBatch,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> Int {
        let pass = ForwardPass(trunk.elementType, training: batch, seed: 1)
        let expected = bytes(trunk.counting.base.hiddenStates(batch, pass))
        let before = trunk.counting.below
        #expect(bytes(trunk.hiddenStates(batch, pass)) == expected, sourceLocation: location)
        try trunk.requireSound()
        return trunk.counting.below - before
    }

    @Test(arguments: [ElementType.float32, .bfloat16, .float64])
    func whatIsKeptHasTheBitsOfAPlainPass(_ type: ElementType) throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(type), folder: folder.path)
        #expect(trunk.block == 2 && trunk.keptBytes == 0)
        let all = Self.sequences.reduce(0) { $0 + $1.count }
        var computed = 0
        for part in [[0, 1, 2], [3, 4], [5], [6]] { computed += try compare(trunk, batch(part)) }
        #expect(computed == all)
        #expect(trunk.keptBytes == all * trunk.bytesPerToken)
        #expect(trunk.bytesPerToken == 16 * type.byteCount)
        // In other company, in another order, with what they begin with once.
        for part in [[6, 5, 4, 3, 2, 1, 0], [0], [3, 6], [2, 2], [4, 1, 3]] {
            for sharing in [false, true] {
                #expect(try compare(trunk, batch(part, sharing: sharing)) == 0)
            }
        }
        #expect(trunk.keptBytes == all * trunk.bytesPerToken)
        #expect(trunk.counting.above > 2 * all)
        // The file has no name.
        #expect(try Folder.names(in: folder.path, hidden: true) == [])
    }

    @Test func onlyWhatIsMissingIsComputed() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(.bfloat16), folder: folder.path)
        #expect(try compare(trunk, batch([1, 5])) == 140)
        #expect(try compare(trunk, batch([6, 5, 2])) == 94)
        // Of two that begin alike one is known, the other one is computed with what it continues.
        #expect(try compare(trunk, batch([3])) == 95)
        #expect(try compare(trunk, batch([4, 3, 0], sharing: true)) == 79)
        #expect(try compare(trunk, batch([4])) == 0)
        // Equal ones are kept once.
        let before = trunk.keptBytes
        _ = try compare(trunk, TokenBatch(sequences: [[5, 6, 7], [5, 6, 7]]))
        #expect(trunk.keptBytes == before + 3 * trunk.bytesPerToken)
    }

    @Test func whatIsSharedIsKeptOnce() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(), folder: folder.path)
        #expect(try compare(trunk, batch([3, 4], sharing: true)) == 98)
        #expect(trunk.keptBytes == 98 * trunk.bytesPerToken)
        #expect(try compare(trunk, batch([4, 3])) == 0)
    }

    @Test func positionsAndWhatIsSeenAreToldApart() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(), folder: folder.path)
        let ids = Self.sequences[1]
        #expect(try compare(trunk, TokenBatch(sequences: [ids])) == 9)
        let moved = SequenceLayout(lengths: [9], firstPositions: [4])
        #expect(try compare(trunk, TokenBatch(ids: ids, layout: moved)) == 9)
        // As packed rows whose samples see those before them.
        let seeing = SequenceLayout(lengths: [4, 5], parents: [nil, 0], restartsPositions: true)
        #expect(try compare(trunk, TokenBatch(ids: ids, layout: seeing)) == 9)
        let apart = SequenceLayout(lengths: [4, 5])
        #expect(try compare(trunk, TokenBatch(ids: ids, layout: apart)) == 9)
        let split = SequenceLayout(lengths: [4, 5], parents: [nil, 0])
        #expect(try compare(trunk, TokenBatch(ids: ids, layout: split)) == 0)
        #expect(try compare(trunk, TokenBatch(ids: [], layout: SequenceLayout(lengths: [0]))) == 0)
    }

    @Test func aCopyOfTheStartIsServedToo() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(), folder: folder.path)
        let other = try model()
        // What is trained differs.
        for parameter in other.trainableParameters {
            parameter.value = Tensor(
                parameter.value.scalars().map { $0 * 1.5 }, shape: parameter.value.shape)
        }
        let reference = trunk.shared(with: other)
        #expect(try compare(reference, batch([1, 5])) == 140)
        #expect(try compare(trunk, batch([5, 1])) == 0)
    }

    @Test func noiseIsNotKept() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(), folder: folder.path)
        let batch = batch([1])
        var pass = ForwardPass(.float32, training: batch, seed: 1)
        pass.embeddingNoise = 5
        let noisy = bytes(trunk.counting.base.hiddenStates(batch, pass))
        #expect(bytes(trunk.hiddenStates(batch, pass)) == noisy)
        #expect(trunk.keptBytes == 0)
        #expect(try compare(trunk, batch) == 9)
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/full")))
    func aFullDiskIsSaidAndBreaksNothing() throws {
        let full = open("/dev/full", O_RDWR)
        let trunk = try FrozenTrunk(
            model(), keeping: KeptStates(file: ScratchFile(descriptor: full, folder: "runs/a")))
        let batch = batch([1, 5])
        let pass = ForwardPass(.float32)
        for _ in 0..<2 {
            let expected = bytes(trunk.counting.base.hiddenStates(batch, pass))
            #expect(bytes(trunk.hiddenStates(batch, pass)) == expected)
            let error = #expect(throws: FledgeError.self) { try trunk.requireSound() }
            #expect(error?.code == .fileAccess && error?.location?.file == "runs/a")
            #expect(error?.description.contains("the disk is full") == true)
            #expect(error?.advice.contains("cache_frozen_activations") == true)
        }
    }

    @Test func aFolderThatIsNotThereYetIsLookedForAbove() throws {
        let folder = try TemporaryFolder()
        let trunk = try FrozenTrunk(model(), folder: folder.path + "/runs/a")
        #expect(try compare(trunk, batch([1])) == 9)
        #expect(try compare(trunk, batch([1])) == 0)
        #expect(try Folder.names(in: folder.path, hidden: true) == [])
        #expect((ScratchFile.freeBytes(at: folder.path + "/runs/a") ?? 0) > 0)
    }

    @Test func aTrunkThatIsTrainedIsRefused() throws {
        for trained in ["model.", ".0.", "embed_tokens"] {
            let error = #expect(throws: FledgeError.self) {
                try FrozenTrunk(model(training: trained), folder: ".")
            }
            #expect(error?.code == .configuration)
        }
        let adapted = try model()
        let layer = try #require(adapted.base.linears.first { $0.name.hasSuffix("0.mlp.up_proj") })
        layer.adapter = PlainAdapter()
        let error = #expect(throws: FledgeError.self) { try FrozenTrunk(adapted, folder: ".") }
        #expect(error?.message.contains("model.layers.0.mlp.up_proj") == true)
        // What follows the blocks alone: all of them are kept.
        #expect(try FrozenTrunk(model(training: "model.norm"), folder: ".").block == 3)
    }

    @Test func bothPartsAreTheWhole() throws {
        let model = try model(.bfloat16)
        let (batch, pass) = (batch([1, 3]), ForwardPass(.bfloat16))
        let whole = bytes(model.base.hiddenStates(batch, pass))
        for block in 0...3 {
            let states = model.base.states(
                entering: block, batch.ids, layout: batch.layout, pass)
            let rest = model.base.hiddenStates(
                from: states, entering: block, layout: batch.layout, pass)
            #expect(bytes(rest) == whole)
        }
    }
}

extension FrozenTrunk {
    fileprivate var counting: CountingModel {
        guard let counting = model as? CountingModel else {
            preconditionFailure("a trunk of another model")
        }
        return counting
    }
}
