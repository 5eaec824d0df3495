import FledgeCore
import Foundation
import Testing

/// Builds the bytes of a GGUF file, right or deliberately wrong.
struct GGUFBuilder {
    var bytes: [UInt8] = Array("GGUF".utf8)

    init(version: UInt32 = 3, tensors: Int, entries: Int) {
        append(version)
        append(UInt64(tensors))
        append(UInt64(entries))
    }

    mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func append(_ text: [UInt8]) {
        append(UInt64(text.count))
        bytes += text
    }

    mutating func append(_ text: String) { append(Array(text.utf8)) }

    mutating func align(_ alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    /// A file with every kind of value and two tensors.
    static func small() -> [UInt8] {
        var file = GGUFBuilder(tensors: 2, entries: 8)
        file.append("general.architecture")
        file.append(UInt32(8))
        file.append("llama")
        file.append("llama.block_count")
        file.append(UInt32(4))
        file.append(UInt32(30))
        file.append("a.negative")
        file.append(UInt32(11))
        file.append(Int64(-5))
        file.append("a.double")
        file.append(UInt32(12))
        file.append((0.1).bitPattern)
        file.append("a.flag")
        file.append(UInt32(7))
        file.append(UInt8(1))
        file.append("tokens")
        file.append(UInt32(9))
        file.append(UInt32(8))
        file.append(UInt64(3))
        file.append([0xFF, 0x00])
        file.append("")
        file.append("é")
        file.append("types")
        file.append(UInt32(9))
        file.append(UInt32(5))
        file.append(UInt64(2))
        file.append(Int32(-1))
        file.append(Int32(7))
        file.append("scores")
        file.append(UInt32(9))
        file.append(UInt32(6))
        file.append(UInt64(1))
        file.append(Float(0.5).bitPattern)
        file.append("x.weight")
        file.append(UInt32(2))
        file.append(UInt64(32))
        file.append(UInt64(2))
        file.append(UInt32(2))
        file.append(UInt64(0))
        file.append("y.weight")
        file.append(UInt32(1))
        file.append(UInt64(3))
        file.append(UInt32(0))
        file.append(UInt64(64))
        file.align(32)
        let start = file.bytes.count
        file.bytes += (0..<36).map { UInt8($0) }
        while file.bytes.count < start + 64 { file.bytes.append(0) }
        for value: Float in [1, 2, 3] { file.append(value.bitPattern) }
        return file.bytes
    }
}

/// A file in a folder of its own that goes when the value does.
final class GGUFScratch {
    let folder: URL
    let path: String

    init(_ bytes: [UInt8], name: String = "scratch.gguf") throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appendingPathComponent(name).path
        try write(bytes)
    }

    func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

@Suite struct GGUFFileTests {
    private func message(_ bytes: [UInt8]) throws -> String {
        let scratch = try GGUFScratch(bytes)
        let error = #expect(throws: FledgeError.self) { try GGUFFile(path: scratch.path) }
        return error?.description ?? ""
    }

    @Test func readsEveryKindOfValueAndTensor() throws {
        let scratch = try GGUFScratch(GGUFBuilder.small())
        let file = try GGUFFile(path: scratch.path)
        #expect(file.version == 3)
        #expect(file.metadata["general.architecture"]?.stringValue == "llama")
        #expect(file.metadata["llama.block_count"]?.intValue == 30)
        #expect(file.metadata["llama.block_count"]?.doubleValue == 30)
        #expect(file.metadata["a.negative"]?.intValue == -5)
        #expect(file.metadata["a.double"]?.doubleValue == 0.1)
        #expect(file.metadata["a.double"]?.intValue == nil)
        #expect(file.metadata["a.flag"]?.boolValue == true)
        #expect(file.metadata["tokens"]?.stringArray == [[0xFF, 0x00], [], [0xC3, 0xA9]])
        #expect(file.metadata["tokens"]?.intArray == nil)
        #expect(file.metadata["types"]?.intArray == [-1, 7])
        #expect(file.metadata["types"]?.count == 2)
        #expect(file.metadata["scores"]?.doubleArray == [0.5])
        let x = try #require(file.tensor(named: "x.weight"))
        #expect(x.shape == [2, 32] && x.type == .q4_0)
        #expect(Array(x.bytes) == (0..<36).map { UInt8($0) })
        let y = try #require(file.tensor(named: "y.weight"))
        #expect(y.shape == [3] && y.type == .float32)
        #expect(y.bytes.loadUnaligned(fromByteOffset: 8, as: Float.self) == 3)
        #expect(file.tensor(named: "z") == nil)
        #expect(throws: FledgeError.self) { try file.value("none", "a number", \.intValue) }
    }

    @Test func everyTruncationThrows() throws {
        let bytes = GGUFBuilder.small()
        let scratch = try GGUFScratch([])
        for count in 0..<bytes.count {
            try scratch.write(Array(bytes[..<count]))
            #expect(throws: FledgeError.self, "\(count) of \(bytes.count) bytes") {
                try GGUFFile(path: scratch.path)
            }
        }
    }

    @Test func noDamagedByteCrashes() throws {
        let bytes = GGUFBuilder.small()
        let scratch = try GGUFScratch([])
        for index in bytes.indices {
            for change: UInt8 in [0x01, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= change
                try scratch.write(damaged)
                guard let file = try? GGUFFile(path: scratch.path) else { continue }
                for value in file.metadata.values {
                    _ = (value.intValue, value.doubleValue, value.stringValue, value.boolValue)
                    _ = (value.stringArray, value.intArray, value.doubleArray)
                }
                for tensor in file.tensors { _ = tensor.bytes.reduce(0, &+) }
            }
        }
    }

    @Test func saysWhatIsWrong() throws {
        var bytes = GGUFBuilder.small()
        bytes[0] = UInt8(ascii: "P")
        #expect(try message(bytes).contains("begins with GGUF; this one with PGUF"))
        #expect(
            try message(GGUFBuilder(version: 1, tensors: 0, entries: 0).bytes).contains("version 1")
        )
        let swapped = GGUFBuilder(version: UInt32(3).byteSwapped, tensors: 0, entries: 0).bytes
        #expect(try message(swapped).contains("big-endian"))

        var unknownType = GGUFBuilder(tensors: 1, entries: 0)
        unknownType.append("t")
        unknownType.append(UInt32(1))
        unknownType.append(UInt64(4))
        unknownType.append(UInt32(77))
        unknownType.append(UInt64(0))
        #expect(try message(unknownType.bytes).contains("ggml type 77"))

        var uneven = GGUFBuilder(tensors: 1, entries: 0)
        uneven.append("t")
        uneven.append(UInt32(1))
        uneven.append(UInt64(33))
        uneven.append(UInt32(2))
        uneven.append(UInt64(0))
        #expect(try message(uneven.bytes).contains("multiple of 32"))

        var huge = GGUFBuilder(tensors: 1, entries: 0)
        huge.append("t")
        huge.append(UInt32(2))
        huge.append(UInt64.max / 2)
        huge.append(UInt64.max / 2)
        #expect(try message(huge.bytes).contains("impossible lengths"))

        var outside = GGUFBuilder(tensors: 1, entries: 0)
        outside.append("t")
        outside.append(UInt32(1))
        outside.append(UInt64(1024))
        outside.append(UInt32(0))
        outside.append(UInt64(0))
        #expect(try message(outside.bytes).contains("beyond the file's end"))

        var longKey = GGUFBuilder(tensors: 0, entries: 1)
        longKey.append(UInt64.max)
        #expect(try message(longKey.bytes).contains("ends inside metadata entry 1 of 1"))
        #expect(throws: FledgeError.self) { try GGUFFile(path: "/nowhere/at/all.gguf") }
    }
}
