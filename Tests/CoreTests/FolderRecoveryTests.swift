import FledgeCore
import Foundation
import Testing

/// Folders whose writers were killed, locks that are looked at, digests that are made on the way.
@Suite struct FolderRecoveryTests {
    private let folder: String
    /// A number that no process has.
    private let ended = 4_194_305

    init() throws {
        folder = NSTemporaryDirectory() + "fledge-" + UUID().uuidString
        try Folder.create(folder)
    }

    private func write(_ text: String, to name: String) throws {
        try Folder.create(folder + "/" + name)
        try AtomicFile.write(text, to: folder + "/" + name + "/text")
    }

    private func text(_ name: String) -> String? {
        try? String(contentsOfFile: folder + "/" + name + "/text", encoding: .utf8)
    }

    @Test func aReplacementThatWasKilledIsEnded() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Between its two renamings: the new one is whole.
        try write("new", to: ".made.x.\(ended).partial")
        try write("old", to: ".made.x.\(ended).partial.old")
        // Before them, and after.
        try write("kept", to: "kept")
        try write("half", to: ".kept.\(ended).partial")
        try write("done", to: "done")
        try write("old", to: ".done.\(ended).partial.old")
        // Of a process that goes on, and of nobody.
        try write("mine", to: ".mine.\(getpid()).partial")
        try write("odd", to: ".partial.old")
        AtomicFolder.removeLeftovers(in: folder, prefix: ".")
        #expect(text("made.x") == "new" && text("kept") == "kept" && text("done") == "done")
        #expect(
            try Folder.names(in: folder, hidden: true)
                == [".mine.\(getpid()).partial", ".partial.old", "done", "kept", "made.x"])
        // The new one is lost: the old one comes back, and a writer looks by itself.
        try write("old", to: ".back.\(ended).partial.old")
        let writer = try AtomicFolder(path: folder + "/back")
        #expect(text("back") == "old")
        try AtomicFile.write("new", to: writer.temporary + "/text")
        try writer.commit()
        #expect(text("back") == "new")
        #expect(
            try Folder.names(in: folder, hidden: true).filter { $0.contains("back") }.count == 1)
    }

    @Test func whoLooksAtALockKeepsNobodyOut() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let looker = open(folder + "/" + FolderLock.fileName, O_RDWR | O_CREAT, 0o666)
        #expect(flock(looker, LOCK_SH) == 0)
        let thread = Thread {
            usleep(30_000)
            close(looker)
        }
        thread.start()
        let lock = try FolderLock(folder: folder)
        #expect(throws: FledgeError.self) { try FolderLock.requireFree(folder) }
        withExtendedLifetime(lock) {}
    }

    @Test func digestsAreMadeOnTheWay() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let piece = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let digests = WrittenDigests()
        try digests.collecting {
            let file = try AtomicFile(path: folder + "/large")
            for _ in 0..<5 { try piece.withUnsafeBytes { try file.write($0) } }
            try file.commit()
            try AtomicFile.write("small", to: folder + "/small")
            let other = try AtomicFile(path: folder + "/given-up")
            for _ in 0..<3 { try piece.withUnsafeBytes { try other.write($0) } }
        }
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/large")))
        let found = try #require(digests.digest(of: folder + "/large"))
        #expect(found.byteCount == whole.count && whole.count == 15_000_005)
        #expect(found.hexadecimal == SHA256.hexadecimal(of: whole))
        #expect(digests.digest(of: folder + "/small") == nil)
        #expect(digests.digest(of: folder + "/given-up") == nil)
        // Nobody collects outside.
        let file = try AtomicFile(path: folder + "/outside")
        for _ in 0..<3 { try piece.withUnsafeBytes { try file.write($0) } }
        try file.commit()
        #expect(digests.digest(of: folder + "/outside") == nil)
    }
}
