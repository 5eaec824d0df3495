import FledgeCore
import FledgeModel
import Foundation
import Testing

@Suite struct ModelLocationTests {
    @Test func looksWhereTheHubsToolsDo() {
        func cache(_ environment: [String: String]) -> String {
            ModelLocation(environment: environment).cache
        }
        #expect(cache(["HOME": "/h"]) == "/h/.cache/huggingface/hub")
        #expect(cache(["HOME": "/h", "XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
        #expect(cache(["HOME": "/h", "HF_HOME": "/f"]) == "/f/hub")
        #expect(cache(["HF_HUB_CACHE": "/c", "HF_HOME": "/f"]) == "/c")
        #expect(ModelLocation(cache: "/own", environment: ["HF_HUB_CACHE": "/c"]).cache == "/own")
    }

    @Test func findsSnapshotsByRevision() throws {
        let folder = try ScratchFolder()
        let model = folder.path + "/models--owner--name"
        let files = FileManager.default
        for commit in ["abc", "def"] {
            try files.createDirectory(
                atPath: model + "/snapshots/" + commit, withIntermediateDirectories: true)
            try "{}".write(
                toFile: model + "/snapshots/\(commit)/config.json", atomically: true,
                encoding: .utf8)
        }
        try files.createDirectory(atPath: model + "/refs", withIntermediateDirectories: true)
        try "abc\n".write(toFile: model + "/refs/main", atomically: true, encoding: .utf8)
        let location = ModelLocation(cache: folder.path, environment: [:])
        #expect(try location.path(of: "owner/name") == model + "/snapshots/abc")
        #expect(try location.path(of: "owner/name", revision: "def") == model + "/snapshots/def")
        #expect(try location.path(of: model) == model)
        for text in ["owner/other", "name", "../name", "a/b/c", "owner/name.gguf", ""] {
            let error = #expect(throws: FledgeError.self, "\(text)") {
                try location.path(of: text)
            }
            #expect(error?.code == .fileNotFound)
        }
        #expect(throws: FledgeError.self) { try location.path(of: "owner/name", revision: "x") }
    }
}
