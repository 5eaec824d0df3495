import FledgeCore
import Foundation
import Testing

@Suite struct FolderListingTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        try Folder.create(path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func namesComeByTheirBytes() throws {
        try withFolder { path in
            for name in ["b", "B", "ä", ".hidden", "a-10", "a-9", "..odd"] {
                try AtomicFile.write("", to: path + "/" + name)
            }
            try Folder.create(path + "/z")
            #expect(try Folder.names(in: path) == ["B", "a-10", "a-9", "b", "z", "ä"])
            #expect(
                try Folder.names(in: path + "/", hidden: true)
                    == ["..odd", ".hidden", "B", "a-10", "a-9", "b", "z", "ä"])
            #expect(try Folder.names(in: path + "/z", hidden: true).isEmpty)
        }
    }

    @Test func aFolderThatIsNoneIsAnError() throws {
        try withFolder { path in
            try AtomicFile.write("", to: path + "/file")
            for name in ["none", "file"] {
                let error = #expect(throws: FledgeError.self) {
                    _ = try Folder.names(in: path + "/" + name)
                }
                #expect(error?.description.contains(path + "/" + name) == true)
            }
        }
    }
}
