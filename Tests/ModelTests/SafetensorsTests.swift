import FledgeCore
import FledgeModel
import FledgeTensor
import Foundation
import Testing

@Suite struct SafetensorsTests {
    private let tiny = fixtures + "/tiny-llama"

    private func sample() -> [(name: String, tensor: Tensor)] {
        [
            ("b.weight", Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])),
            ("a.weight", Tensor([0.5, -1.25] as [Float], shape: [2]).converted(to: .bfloat16)),
            ("é", Tensor([1e300] as [Double], shape: [])),
            ("none", Tensor(zeros: [0, 4])),
        ]
    }

    private func sampleBytes() throws -> [UInt8] {
        let folder = try ScratchFolder()
        try SafetensorsWriter.write(sample(), to: folder.path + "/s.safetensors")
        return try readBytes(folder.path + "/s.safetensors")
    }

    /// A file of a given header text and data.
    private func open(_ header: String, data: Int) throws -> SafetensorsFile {
        let folder = try ScratchFolder()
        var bytes = [UInt8]()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes += $0 }
        bytes += header.utf8
        bytes += Array(repeating: 0, count: data)
        return try SafetensorsFile(path: folder.write(bytes, "x.safetensors"))
    }

    private func message(_ header: String, data: Int) -> String {
        let error = #expect(throws: FledgeError.self) { try open(header, data: data) }
        return error?.description ?? ""
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/s.safetensors"
        try SafetensorsWriter.write(sample(), to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.names == ["a.weight", "b.weight", "none", "é"])
        #expect(file.metadata == ["format": "pt"])
        #expect(file.shape(of: "b.weight") == [2, 3])
        #expect(file.shape(of: "c") == nil)
        for (name, tensor) in sample() {
            let read = try file.tensor(named: name, as: tensor.elementType)
            #expect(read.shape == tensor.shape && read.doubles() == tensor.doubles())
        }
        #expect(try file.tensor(named: "a.weight", as: .float32).scalars() == [0.5, -1.25])
        #expect(try file.tensor(named: "b.weight", as: .bfloat16).scalars() == [1, 2, 3, 4, 5, 6])
        #expect(try file.tensor(named: "b.weight", as: .float64).doubles() == [1, 2, 3, 4, 5, 6])
        // Data begin at a multiple of 8, the widest elements first.
        #expect(file.entries.first?.range.lowerBound.isMultiple(of: 8) == true)
        #expect(file.entries.map(\.type) == [.float64, .float32, .float32, .bfloat16])
    }

    @Test func halfPrecisionIsRoundedOnTheWay() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/h.safetensors"
        let values: [Float] = [1, 0.1, 65504, -6e-8, 2049]
        let writer = try SafetensorsWriter(path: path, entries: [.init("h", .float16, [5])])
        try writer.write(Tensor(values, shape: [5]))
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.commit()
        let read = try SafetensorsFile(path: path).tensor(named: "h", as: .float32)
        #expect(read.scalars() == values.map { Float(Float16($0)) })
    }

    @Test func theReferencesFilesOfAllTypesAgree() throws {
        let whole = try SafetensorsFile(path: tiny + "/float32/model.safetensors")
        let sharded = try ShardedSafetensors(folder: tiny + "/sharded")
        let halves = try SafetensorsFile(path: tiny + "/float16/model.safetensors")
        let brains = try SafetensorsFile(path: tiny + "/bfloat16/model.safetensors")
        #expect(whole.names.count == 21)
        #expect(whole.names == sharded.names && whole.names == halves.names)
        for name in whole.names {
            let exact = try whole.tensor(named: name, as: .float32)
            #expect(try sharded.tensor(named: name, as: .float32).scalars() == exact.scalars())
            #expect(sharded.shape(of: name) == whole.shape(of: name))
            #expect(
                try halves.tensor(named: name, as: .float32).scalars()
                    == exact.scalars().map { Float(Float16($0)) })
            #expect(
                try brains.tensor(named: name, as: .float32).scalars()
                    == exact.converted(to: .bfloat16).scalars())
        }
        #expect(throws: FledgeError.self) { try sharded.tensor(named: "nothing", as: .float32) }
    }

    @Test func aGGUFFileHasTheSameTensorsUnpermuted() throws {
        let halves = try SafetensorsFile(path: tiny + "/float16/model.safetensors")
        let whole = try SafetensorsFile(path: tiny + "/float32/model.safetensors")
        let gguf = try GGUFTensorSource(path: tiny + "/model.gguf")
        #expect(gguf.names == whole.names)
        for name in gguf.names {
            let shape = try #require(gguf.shape(of: name))
            #expect(shape == whole.shape(of: name))
            let expected = shape.count == 1 ? whole : halves  // the file's norms are float32
            for type in [ElementType.float32, .bfloat16] {
                let found = try gguf.tensor(named: name, as: type)
                #expect(
                    try found.scalars() == expected.tensor(named: name, as: type).scalars(),
                    "\(name)")
            }
        }
    }

    @Test func shardsAreCutBySizeAndReadBack() throws {
        let folder = try ScratchFolder()
        let source = try SafetensorsFile(path: tiny + "/float32/model.safetensors")
        let entries = source.entries.map { SafetensorsWriter.Entry($0.name, .float32, $0.shape) }
        func write(_ limit: Int) throws {
            try SafetensorsWriter.writeShards(entries, to: folder.path, shardByteCount: limit) {
                try source.tensor(named: $0.name, as: .float32)
            }
        }
        try write(10_000)
        let sharded = try ShardedSafetensors(folder: folder.path)
        #expect(sharded.names == source.names)
        for name in source.names {
            #expect(
                try sharded.tensor(named: name, as: .float32).scalars()
                    == source.tensor(named: name, as: .float32).scalars())
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files.contains("model-00001-of-00005.safetensors"))
        // Written again as one file, the stale index goes.
        try write(1 << 30)
        let after = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(after.contains("model.safetensors"))
        #expect(!after.contains(ShardedSafetensors.indexName))
    }

    @Test func everyTruncationThrows() throws {
        let bytes = try sampleBytes()
        let folder = try ScratchFolder()
        for count in 0..<bytes.count {
            let path = try folder.write(Array(bytes[..<count]), "cut.safetensors")
            #expect(throws: FledgeError.self, "\(count) of \(bytes.count) bytes") {
                try SafetensorsFile(path: path)
            }
        }
    }

    @Test func aFileThatIsCutSaysSo() throws {
        let bytes = try sampleBytes()
        let folder = try ScratchFolder()
        let header = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(header > 100 && bytes.count > 8 + header)
        for count in 0..<bytes.count {
            let path = try folder.write(Array(bytes[..<count]), "cut.safetensors")
            let error = #expect(throws: FledgeError.self) { try SafetensorsFile(path: path) }
            let text = error?.description ?? ""
            #expect(text.contains("download it again"), "\(count): \(text)")
            #expect(!text.contains("is a file of weights"), "\(count): \(text)")
            if count < 8 { #expect(text.contains("this file has \(count)")) }
            guard (8..<(8 + header)).contains(count) else { continue }
            #expect(text.contains("a header of \(header) bytes, and the file has \(count)"))
        }
    }

    @Test func noFlippedBitCrashes() throws {
        let bytes = try sampleBytes()
        let folder = try ScratchFolder()
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                let path = try folder.write(damaged, "flip.safetensors")
                do {
                    let file = try SafetensorsFile(path: path)
                    for name in file.names { _ = try file.tensor(named: name, as: .float32) }
                } catch is FledgeError {}
            }
        }
    }

    @Test func saysWhatIsWrong() throws {
        func tensor(_ name: String, _ from: Int, _ to: Int, _ shape: String = "[2]") -> String {
            "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(from),\(to)]}"
        }
        #expect(message("[]", data: 0).contains("should begin with {"))
        #expect(message("{\(tensor("a", 0, 8))}", data: 4).contains("cut off"))
        #expect(message("{\(tensor("a", 0, 4))}", data: 4).contains("needs 8"))
        #expect(
            message("{\(tensor("a", 0, 8)),\(tensor("b", 4, 12))}", data: 12).contains("overlap"))
        #expect(message("{\(tensor("a", 0, 8)),\(tensor("b", 12, 20))}", data: 20).contains("gap"))
        #expect(message("{\(tensor("a", 0, 8))}", data: 9).contains("the file at"))
        #expect(message("{\(tensor("a", 8, 0))}", data: 8).contains("bytes 8 to 0"))
        #expect(message("{\(tensor("a", 0, 8)),\(tensor("a", 8, 16))}", data: 16).contains("twice"))
        #expect(
            message("{\(tensor("a", 0, 8, "[9007199254740993,4096]"))}", data: 8).contains(
                "impossible"))
        #expect(message("{\(tensor("a", 0, 8, "[-2]"))}", data: 8).contains("array of sizes"))
        #expect(message("{\"a\":{\"dtype\":\"F7\"}}", data: 8).contains("F7"))
        let file = try open(
            "{\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", data: 8)
        #expect(throws: FledgeError.self) { try file.tensor(named: "i", as: .float32) }
        #expect(throws: FledgeError.self) { try file.tensor(named: "j", as: .float32) }
    }

    @Test func anIndexThatDoesNotFitIsRefused() throws {
        let folder = try ScratchFolder()
        try SafetensorsWriter.write(sample(), to: folder.path + "/one.safetensors")
        func open(_ index: String) throws -> ShardedSafetensors {
            _ = try folder.write(Array(index.utf8), ShardedSafetensors.indexName)
            return try ShardedSafetensors(folder: folder.path)
        }
        #expect(try open("{\"weight_map\":{\"none\":\"one.safetensors\"}}").names == ["none"])
        for index in [
            "{}", "{\"weight_map\":{\"x\":\"one.safetensors\"}}", "{\"weight_map\":{\"x\":1}}",
            "{\"weight_map\":{\"none\":\"../one.safetensors\"}}", "{\"weight_map\":{\"x\":\"no\"}}",
        ] {
            #expect(throws: FledgeError.self, "\(index)") { try open(index) }
        }
    }
}
