import Fledge
import FledgeTesting
import Foundation
import Testing

/// Where policy and reference are the same, the first step tells of no difference at all; and models are
/// found where others are.
@Suite struct ReferenceChoiceTests {
    private let project: ToyProject

    init() throws { project = try ToyProject() }

    private func first(_ keys: [String]) throws -> LogEntry {
        try #require(
            try project.history(["dataset=pairs", "stage=dpo", "max_steps=2"] + keys).first)
    }

    @Test(arguments: ["bf16=false", "bf16=true", "quantization_bit=4"])
    func thePolicyAsItBeginsIsItsOwnReference(_ precision: String) throws {
        let adapter = "adapter_name_or_path=\(project.path)/adapter"
        let entry = try first([adapter, "ref_policy=start", precision])
        #expect(entry["rewards/margins"] == 0 && entry["rewards/chosen"] == 0)
        #expect(entry["rewards/accuracies"] == 0)
        #expect(abs((entry["loss"] ?? 0) - log(2)) < 1e-12)
        // With two, the first of which is merged into policy and reference alike.
        guard precision != "quantization_bit=4" else { return }
        let two = try first([adapter + ",\(project.path)/adapter", "ref_policy=start", precision])
        #expect(two["rewards/margins"] == 0)
    }

    /// Adapters that training goes on with, and those of a folder inside.
    @Test func namedAdaptersAreLookedUpInTheCache() throws {
        try writeHub("tiny", from: "model")
        try writeHub("tuned", from: "adapter")
        try Folder.create("\(project.path)/several")
        try FileManager.default.copyItem(
            atPath: "\(project.path)/adapter", toPath: "\(project.path)/several/inner")
        try writeHub("several", from: "several")
        let cache = "cache_dir=\(project.path)/hub"
        let path = try first(["adapter_name_or_path=\(project.path)/adapter"])
        let fresh = try first([])
        for more in [
            ["adapter_name_or_path=me/tuned"],
            ["adapter_name_or_path=me/tuned", "model_name_or_path=me/tiny"],
            ["adapter_name_or_path=me/several", "adapter_folder=inner"],
        ] {
            let named = try first([cache] + more)
            #expect(named["loss"] == path["loss"] && named["loss"] != fresh["loss"], "\(more)")
        }
        let error = #expect(throws: FledgeError.self) {
            try first([cache, "adapter_name_or_path=me/other"])
        }
        #expect(error?.code == .fileNotFound && error?.description.contains("me/other") == true)
    }

    /// A reference with a window sees what its window shows, whatever the policy sees.
    @Test(arguments: [["stage=dpo", "dataset=pairs"], ["stage=kto", "dataset=marks"]])
    func aReferenceWithAWindowSeesLess(_ keys: [String]) throws {
        func loss(window: Int, _ more: [String]) throws -> Double {
            let folder = project.path + "/narrow"
            try? FileManager.default.removeItem(atPath: folder)
            try FileManager.default.copyItem(atPath: project.path + "/model", toPath: folder)
            var json = try JSONValue(contentsOf: folder + "/config.json")
            json["model_type"] = "mistral"
            json["architectures"] = ["MistralForCausalLM"]
            json["sliding_window"] = .integer(window)
            try json.serialized().write(
                toFile: folder + "/config.json", atomically: true, encoding: .utf8)
            let history = try project.history(
                keys + ["max_steps=1", "overwrite_output_dir=true", "ref_model=\(folder)"] + more)
            return try #require(history.first?["loss"])
        }
        let whole = try loss(window: 1000, [])
        let narrow = try loss(window: 3, [])
        #expect(abs(narrow - whole) > 1e-3)
        #expect(try abs(loss(window: 3, ["precompute_ref_log_probs=true"]) - narrow) < 1e-6)
    }

    /// A folder as the hub's tools lay it out.
    private func writeHub(_ name: String, from folder: String) throws {
        let place = "\(project.path)/hub/models--me--\(name)"
        try Folder.create(place + "/refs")
        try Folder.create(place + "/snapshots")
        try AtomicFile.write("abc", to: place + "/refs/main")
        try FileManager.default.copyItem(
            atPath: "\(project.path)/\(folder)", toPath: place + "/snapshots/abc")
    }

    @Test func namesOfTheHubAreLookedUpInTheCache() throws {
        try writeHub("tiny", from: "model")
        try writeHub("tuned", from: "adapter")
        let cache = "cache_dir=\(project.path)/hub"
        let path = "\(project.path)/model"
        for more in [[], ["precompute_ref_log_probs=true"]] {
            let named = try first([cache, "ref_model=me/tiny"] + more)
            let found = try first(["ref_model=\(path)"] + more)
            #expect(named["loss"] == found["loss"] && named["rewards/margins"] == 0)
            let tuned = try first(
                [cache, "ref_model=me/tiny", "ref_model_adapters=me/tuned"] + more)
            let beside = try first(
                ["ref_model=\(path)", "ref_model_adapters=\(project.path)/adapter"] + more)
            #expect(tuned["loss"] == beside["loss"] && tuned["rewards/margins"] != 0)
        }
        let error = #expect(throws: FledgeError.self) { try first([cache, "ref_model=me/other"]) }
        #expect(error?.message.contains("me/other is neither a path nor") == true)
    }
}
