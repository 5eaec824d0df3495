import FledgeCore
import Foundation
import Testing

/// Who may write into a folder, where paths lead, and messages that nobody takes.
@Suite struct FolderOwnershipTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "fledge-" + UUID().uuidString
        try Folder.create(folder)
    }

    @Test func aFolderHasOneOwner() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(!FolderLock.isHeld(folder: folder))
        var first: FolderLock? = try FolderLock(folder: folder)
        #expect(FolderLock.isHeld(folder: folder))
        let error = #expect(throws: FledgeError.self) { _ = try FolderLock(folder: folder) }
        #expect(error?.message.contains("(process \(getpid()))") == true)
        withExtendedLifetime(first) {}
        first = nil
        #expect(try Folder.names(in: folder, hidden: true).isEmpty)
        // What a killed process left behind is taken over.
        try AtomicFile.write("12345\n", to: folder + "/" + FolderLock.fileName)
        #expect(!FolderLock.isHeld(folder: folder))
        let next = try FolderLock(folder: folder)
        withExtendedLifetime(next) {}
        #expect(throws: FledgeError.self) { _ = try FolderLock(folder: folder + "/nowhere") }
    }

    @Test func foldersAreWrittenThroughLinks() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = FileManager.default
        try Folder.create(folder + "/disk/big")
        // A link to a link, a relative one, and one that leads to nothing yet.
        try files.createSymbolicLink(
            atPath: folder + "/first", withDestinationPath: "disk/big")
        try files.createSymbolicLink(
            atPath: folder + "/second", withDestinationPath: folder + "/first")
        try files.createSymbolicLink(atPath: folder + "/new", withDestinationPath: "disk/new")
        for (link, target) in [("first", "big"), ("second/", "big"), ("new", "new")] {
            let target = folder + "/disk/" + target
            let made = try AtomicFolder(path: folder + "/" + link)
            try AtomicFile.write(link, to: made.temporary + "/name")
            try made.commit()
            #expect(try String(contentsOfFile: target + "/name", encoding: .utf8) == link)
            let path = folder + "/" + link.replacing("/", with: "")
            #expect((try? files.destinationOfSymbolicLink(atPath: path)) != nil, "\(link)")
        }
        try files.createSymbolicLink(atPath: folder + "/later", withDestinationPath: "disk/later")
        try Folder.create(folder + "/later")
        #expect(Folder.exists(folder + "/disk/later"))
        // A circle ends somewhere.
        try files.createSymbolicLink(atPath: folder + "/a", withDestinationPath: "b")
        try files.createSymbolicLink(atPath: folder + "/b", withDestinationPath: "a")
        #expect(throws: FledgeError.self) { try Folder.create(folder + "/a") }
    }

    @Test func theTildeIsTheHomeFolder() {
        for (path, home, expected) in [
            ("~", "/h", "/h"), ("~/", "/h", "/h/"), ("~/x/y", "/h", "/h/x/y"),
            ("~/x", "/h/", "/h/x"), ("~/x", "/", "/x"), ("~", "/", "/"), ("a/~/b", "/h", "a/~/b"),
            ("./~", "/h", "./~"), ("", "/h", ""),
            ("~nobody-of-this-name/x", "/h", "~nobody-of-this-name/x"),
            ("/~", "/h", "/~"), ("~/é", "/h", "/h/é"),
        ] { #expect(HomePath.expanded(path, home: home) == expected, "\(path)") }
        // Without HOME the system's list of users tells; root's folder is known everywhere.
        #expect(HomePath.expanded("~/x", home: nil).hasSuffix("/x"))
        #expect(!HomePath.expanded("~/x", home: nil).hasPrefix("~"))
        #expect(HomePath.expanded("~root/x", home: "/h") == "/root/x")
    }

    @Test func messagesThatNobodyTakesAreLost() {
        MessageStream.write("lost", to: -1)
        let full = open("/dev/full", O_WRONLY)
        MessageStream.write("lost", to: full)
        close(full)
        MessageStream.write("lost", to: full)
    }

    @Test func checksumsAreThoseOfTheStandard() {
        // The check value of CRC-32C, and of 32 zeros (RFC 3720, B.4).
        #expect(ChecksumC.of(Array("123456789".utf8)) == 0xE306_9283)
        #expect(ChecksumC.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(ChecksumC.of([]) == 0)
    }
}
