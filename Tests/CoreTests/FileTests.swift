import FledgeCore
import Foundation
import Testing

@Suite struct FileTests {
    let folder: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private func read(_ path: String) throws -> [UInt8] {
        let file = try MappedFile(path: path)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    @Test func whatIsWrittenIsRead() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a"
        try AtomicFile.write([1, 2, 3], to: path)
        try AtomicFile.write("text", to: path)
        let file = try MappedFile(path: path)
        #expect(file.count == 4)
        #expect(try read(path) == Array("text".utf8))
        #expect(try names() == ["a"])
        try AtomicFile.write([UInt8](), to: path)
        #expect(try read(path) == [])
        // The mapping of the replaced file still holds the old text.
        withExtendedLifetime(file) { #expect(file.bytes.elementsEqual("text".utf8)) }
    }

    @Test func nothingAppearsWithoutACommit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write("old", to: folder + "/a")
        do {
            let file = try AtomicFile(path: folder + "/a")
            try file.write("new")
            #expect(try names().count == 2)
        }
        #expect(try names() == ["a"])
        #expect(try read(folder + "/a") == Array("old".utf8))
    }

    @Test func failuresAreNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(throws: FledgeError.self) { try AtomicFile.write("x", to: folder + "/no/a") }
        let missing = #expect(throws: FledgeError.self) { try MappedFile(path: folder + "/none") }
        #expect(missing?.code == .fileNotFound)
        let notAFile = #expect(throws: FledgeError.self) { try MappedFile(path: folder) }
        #expect(notAFile?.code == .fileAccess)
        // Renaming over a folder fails after the bytes are written: the temporary must go.
        try FileManager.default.createDirectory(
            atPath: folder + "/d/e", withIntermediateDirectories: true)
        #expect(throws: FledgeError.self) { try AtomicFile.write("x", to: folder + "/d") }
        #expect(try names() == ["d"])
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/full")))
    func aFullDiskIsSaidSo() {
        #expect(FledgeError.system("write", "f", errno: 28).message.contains("disk is full"))
    }
}
