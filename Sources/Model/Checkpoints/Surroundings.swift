internal import FledgeCore
internal import FledgeTensor

/// What a folder holds around its text model: towers that see or hear, projectors, settings of processors.
///
/// Nothing of it is read into memory before it is written, as it is.
public struct Surroundings {
    private let source: EnclosedNames
    private let folder: String

    /// Settings of what turns images or sounds into numbers, which lie beside the weights.
    package static let files = [
        "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
        "chat_template.json",
    ]

    init(_ source: EnclosedNames, folder: String) { (self.source, self.folder) = (source, folder) }

    /// The name in the files of one of the text model's parameters.
    func storedName(of name: String) -> String { source.storedName(of: name) }

    /// What is written beside the text model.
    func entries() throws -> [SafetensorsWriter.Entry] {
        try source.others.map { name in
            guard let type = source.storedType(of: name), let shape = source.shape(of: name),
                source.storedBytes(of: name) != nil
            else {
                throw FledgeError(
                    .unsupported, "The tensor \(name) cannot be written back as it is.",
                    at: .init(file: folder))
            }
            return .init(name, type, shape)
        }
    }

    /// A tensor's bytes; nil where it is one of the text model.
    func bytes(of name: String) -> Tensor? { source.storedBytes(of: name) }

    /// Copies settings that lie beside the weights, where others are not there already.
    func copyFiles(to target: String) throws {
        for name in Self.files where FileSystem.exists(folder + "/" + name) {
            guard !FileSystem.exists(target + "/" + name) else { continue }
            let file = try MappedFile(path: folder + "/" + name)
            let copy = try AtomicFile(path: target + "/" + name)
            try copy.write(file.bytes)
            try copy.commit()
        }
    }
}
