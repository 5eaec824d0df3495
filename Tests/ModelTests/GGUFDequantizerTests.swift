import FledgeCore
import FledgeModel
import FledgeTensor
import Foundation
import Testing

@Suite struct GGUFDequantizerTests {
    /// A GGUF file of one matrix of random blocks, many times over so that several chunks run.
    private func file(
        _ type: GGUFBlockType, _ blocks: [UInt8], copies: Int, in folder: ScratchFolder
    ) throws -> GGUFFile {
        var bytes = Array("GGUF".utf8)
        func append<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        append(UInt32(3))
        append(UInt64(1))
        append(UInt64(0))
        append(UInt64(1))
        bytes.append(UInt8(ascii: "w"))
        append(UInt32(2))
        append(UInt64(blocks.count / type.blockByteCount * type.blockCount))
        append(UInt64(copies))
        append(type.rawValue)
        append(UInt64(0))
        while bytes.count % 32 != 0 { bytes.append(0) }
        for _ in 0..<copies { bytes += blocks }
        return try GGUFFile(path: folder.write(bytes, "\(type).gguf"))
    }

    @Test(arguments: GGUFDequantizer.types)
    func hasTheBitsOfTheReference(_ type: GGUFBlockType) throws {
        let cases = try JSONValue(contentsOf: fixtures + "/gguf_blocks.json")
        let entry = try #require(cases[type.description])
        let blocks = bytes(hexadecimal: try #require(entry["bytes"]?.stringValue))
        let expected = bytes(hexadecimal: try #require(entry["floats"]?.stringValue))
        let folder = try ScratchFolder()
        let copies = 700
        let tensor = try #require(
            file(type, blocks, copies: copies, in: folder).tensor(named: "w"))

        let expanded = try GGUFDequantizer.expanded(tensor, as: .float32)
        #expect(expanded.shape == [copies, expected.count / 4])
        let isSame = expanded.withUnsafeBytes { found in
            (0..<copies).allSatisfy { row in
                found[(row * expected.count)..<((row + 1) * expected.count)]
                    .elementsEqual(expected)
            }
        }
        #expect(isSame)

        // bfloat16 is the float32 rounded to nearest even.
        let rounded = try GGUFDequantizer.expanded(tensor, as: .bfloat16)
        let row = expanded.scalars().prefix(expected.count / 4).map { value -> UInt16 in
            let bits = value.bitPattern
            return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
        }
        let found = rounded.withUnsafeBytes { found in
            row.indices.map { found.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self) }
        }
        #expect(found == row)
    }

    @Test func everyFloat16IsExpandedAsTheProcessorDoes() throws {
        let folder = try ScratchFolder()
        let all = (0...UInt16.max).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let tensor = try #require(
            file(.float16, all, copies: 1, in: folder).tensor(named: "w"))
        let floats = try GGUFDequantizer.expanded(tensor, as: .float32).scalars()
        for bits in 0...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let found = floats[Int(bits)]
            #expect(expected.isNaN ? found.isNaN : found.bitPattern == expected.bitPattern)
        }
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        let folder = try ScratchFolder()
        let type = GGUFBlockType.iq4_NL
        let tensor = try #require(
            file(type, Array(repeating: 1, count: 18), copies: 1, in: folder).tensor(named: "w"))
        let error = #expect(throws: FledgeError.self) {
            try GGUFDequantizer.expanded(tensor, as: .float32)
        }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("IQ4_NL") == true)
    }
}
