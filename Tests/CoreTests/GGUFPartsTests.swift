import FledgeCore
import Foundation
import Testing

/// Models in several GGUF files, as `gguf-split` writes them, and files under other names.
@Suite struct GGUFPartsTests {
    /// A part with one tensor of four float32 numbers.
    private func part(_ index: Int, of count: Int, stating total: Int) -> [UInt8] {
        var file = GGUFBuilder(tensors: 1, entries: 3)
        file.append("split.no")
        file.append(UInt32(2))
        file.append(UInt16(index))
        file.append("split.count")
        file.append(UInt32(2))
        file.append(UInt16(count))
        file.append("split.tensors.count")
        file.append(UInt32(5))
        file.append(Int32(total))
        file.append("t\(index).weight")
        file.append(UInt32(1))
        file.append(UInt64(4))
        file.append(UInt32(0))
        file.append(UInt64(0))
        file.align(32)
        file.bytes += Array(repeating: UInt8(index), count: 16)
        file.align(32)
        return file.bytes
    }

    private func folder(_ count: Int, stating total: Int, leavingOut missing: Int? = nil) throws
        -> String
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<count where index != missing {
            let name = "m-0000\(index + 1)-of-0000\(count).gguf"
            try Data(part(index, of: count, stating: total))
                .write(to: URL(filePath: folder + "/" + name))
        }
        return folder
    }

    @Test func anyPartStandsForTheWhole() throws {
        let folder = try folder(3, stating: 3)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for index in 1...3 {
            let file = try GGUFFile(path: folder + "/m-0000\(index)-of-00003.gguf")
            #expect(file.tensors.map(\.name) == ["t0.weight", "t1.weight", "t2.weight"])
            #expect(file.tensor(named: "t2.weight")?.bytes.first == 2)
            #expect(file.metadata["split.no"]?.intValue == 0)
        }
    }

    @Test func whatIsMissingIsNamed() throws {
        let folder = try folder(3, stating: 3, leavingOut: 1)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: FledgeError.self) {
            try GGUFFile(path: folder + "/m-00001-of-00003.gguf")
        }
        #expect(error?.message.contains("m-00002-of-00003.gguf") == true)
        #expect(error?.code == .fileNotFound)
        try FileManager.default.moveItem(
            atPath: folder + "/m-00001-of-00003.gguf", toPath: folder + "/other.gguf")
        let renamed = #expect(throws: FledgeError.self) {
            try GGUFFile(path: folder + "/other.gguf")
        }
        #expect(renamed?.message.contains("-00001-of-00003.gguf") == true)
        #expect(renamed?.advice.contains("gguf-split") == true)
    }

    @Test func partsOfAnotherModelAreRefused() throws {
        let folder = try folder(2, stating: 5)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let error = #expect(throws: FledgeError.self) {
            try GGUFFile(path: folder + "/m-00002-of-00002.gguf")
        }
        #expect(error?.message.contains("5 tensors") == true)
    }

    @Test func contentDecidesWhereTheNameSaysNothing() throws {
        let folder = try folder(0, stating: 0)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, content, isThere) in [
            ("sha256-0a1b", GGUFBuilder.small(), true), ("M.GGUF", GGUFBuilder.small(), true),
            ("m.gguf", Array("<html>".utf8), true), ("m.bin", Array("GGU".utf8), false),
            ("empty", [], false),
        ] {
            try Data(content).write(to: URL(filePath: folder + "/" + name))
            #expect(GGUFFile.isThere(at: folder + "/" + name) == isThere, "\(name)")
        }
        #expect(!GGUFFile.isThere(at: folder) && !GGUFFile.isThere(at: folder + "/none"))
        let error = #expect(throws: FledgeError.self) {
            try GGUFFile(path: folder + "/m.gguf")
        }
        #expect(error?.message.contains("HTML") == true)
    }

    @Test func everyPartTellsOfAll() throws {
        let folder = try folder(3, stating: 3)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let paths = (1...3).map { "\(folder)/m-0000\($0)-of-00003.gguf" }
        for path in paths { #expect(try GGUFFile.paths(ofModelAt: path) == paths) }
        let alone = folder + "/alone.gguf"
        try Data(part(0, of: 1, stating: 1)).write(to: URL(filePath: alone))
        #expect(try GGUFFile.paths(ofModelAt: alone) == [alone])
        #expect(throws: FledgeError.self) { try GGUFFile.paths(ofModelAt: folder + "/none") }
    }
}
