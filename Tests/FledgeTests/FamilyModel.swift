import Fledge
import FledgeTesting
import Foundation

/// The tiny model of a family with a vocabulary of bytes.
enum FamilyModel {
    private static let families =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().path + "/ModelTests/Fixtures/families/"

    /// Writes the folder of the model that ModelTests compare with transformers, and a tokenizer.
    static func write(_ name: String, to folder: String) throws {
        try Folder.create(folder)
        let tokenizer = try TinyProject.tokenizer()
        var json = try JSONValue(contentsOf: families + name + "/config.json")
        let size = TinyProject.configuration.vocabularySize
        json["vocab_size"] = .integer(size)
        try AtomicFile.write(json.serialized(), to: folder + "/config.json")
        let file = try SafetensorsFile(path: families + name + "/model.safetensors")
        try SafetensorsWriter.write(
            file.names.map { tensor in
                let shape = file.shape(of: tensor) ?? []
                guard tensor.hasSuffix("embed_tokens.weight") || tensor.hasPrefix("lm_head") else {
                    return (tensor, try file.tensor(named: tensor))
                }
                return (tensor, TinyModel.tensor(tensor, [size, shape[1]]))
            }, to: folder + "/model.safetensors")
        try tokenizer.save(to: folder)
    }
}
