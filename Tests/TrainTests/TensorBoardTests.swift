import FledgeCore
import FledgeTesting
import FledgeTrain
import Foundation
import Testing

/// Event files are, byte for byte, those of PyPI's tensorboard (Scripts/reference/tensorboard_events.py).
@Suite struct TensorBoardTests {
    @Test func recordsAreThoseOfTheReference() throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/events.tfevents")
        let expected = Array(try Data(contentsOf: fixture))
        let folder = try TemporaryFolder()
        let file = try TensorBoardFile(folder: folder.path + "/runs", time: 1_700_000_000.25)
        try file.write(
            [("train/loss", 2.5), ("train/learning_rate", 1e-5)], step: 1, time: 1_700_000_001.5)
        try file.write([("eval/loss", 0.1)], step: 70_000, time: 1_700_000_002)
        try file.restart(atStep: 301, time: 1_700_000_003)
        try file.write([("train/größe", -0.0)], step: 301, time: 1_700_000_004)
        let names = try Folder.names(in: folder.path + "/runs")
        let name = try #require(names.first)
        #expect(names.count == 1 && name.hasPrefix("events.out.tfevents.1700000000."))
        let written = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/runs/" + name))
        #expect(Array(written) == expected)
        // A second process has a file of its own.
        _ = try TensorBoardFile(folder: folder.path + "/runs", time: 1_700_000_000.25)
        #expect(try Folder.names(in: folder.path + "/runs").count == 2)
    }

    @Test func aRunWritesWhatItLogs() throws {
        let folder = try TemporaryFolder()
        let model = try TinyModel.make()
        try ToyData.attachAdapter(to: model)
        _ = try ToyData.train(
            model, rate: 0.01, callbacks: [TensorBoardWriter(folder: folder.path + "/runs")])
        let name = try #require(try Folder.names(in: folder.path + "/runs").first)
        let text = String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/runs/" + name)),
            as: UTF8.self)
        for tag in ["train/loss", "train/grad_norm", "train/learning_rate", "train/train_loss"] {
            #expect(text.contains(tag), "\(tag)")
        }
    }
}
