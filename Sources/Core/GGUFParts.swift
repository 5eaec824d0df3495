/// The files of a model that llama.cpp's `gguf-split` has cut: `NAME-00001-of-00003.gguf` and on.
struct GGUFParts {
    /// Number of all files.
    let count: Int
    /// The place of the opened one, from 0 on.
    let index: Int
    private let path: String
    private let stem: String

    /// The parts that a file's header tells of; nil for a whole model.
    ///
    /// - Throws: ``FledgeError`` when the file's name is not that of its part.
    init?(_ metadata: [String: GGUFValue], path: String) throws {
        guard let count = metadata["split.count"]?.intValue, count > 1 else { return nil }
        let index = metadata["split.no"]?.intValue ?? 0
        guard count <= 99_999, (0..<count).contains(index) else {
            throw FledgeError(
                .fileCorrupt,
                "The file says that it is part \(index) of \(count), counted from 0; expected a part "
                    + "of at most 99999.",
                advice: "Split the model again: llama-gguf-split --split.", at: .init(file: path))
        }
        let ending = Self.ending(index, of: count)
        let name =
            path.utf8.count >= ending.utf8.count
            ? path.utf8.suffix(ending.utf8.count) : path.utf8[...]
        guard name.elementsEqual(ending.utf8) else {
            throw FledgeError(
                .unsupported,
                "The file is part \(index + 1) of \(count) of a model, and its name does not end with "
                    + "\(ending), so that the other parts cannot be found.",
                advice: "Give the parts the names that they were written under, or join them: "
                    + "llama-gguf-split --merge.", at: .init(file: path))
        }
        (self.count, self.index, self.path) = (count, index, path)
        stem = String(Substring(path.utf8.dropLast(ending.utf8.count)))
    }

    private static func ending(_ index: Int, of count: Int) -> String {
        func five(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
        }
        return "-\(five(index + 1))-of-\(five(count)).gguf"
    }

    /// The path of a part.
    func path(of part: Int) -> String { stem + Self.ending(part, of: count) }

    /// Refuses parts that are not there.
    ///
    /// - Throws: ``FledgeError`` that names the first of them.
    func requireAll() throws {
        let missing = (0..<count).map(path).filter { !FileSystem.exists($0) }
        guard let first = missing.first else { return }
        throw FledgeError(
            .fileNotFound,
            "The model is in \(count) files, of which \(missing.count) are missing: \(first)"
                + (missing.count > 1 ? " and others." : "."),
            advice: "Put all parts into one folder.", at: .init(file: path))
    }
}
