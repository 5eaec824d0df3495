/// What bytes are that stand where something else was expected: a pointer of Git LFS, a page of a web
/// site, a text in UTF-16, a packed file.
///
/// A file is asked about when it cannot be what its name says, or before a lenient reader takes it for
/// text. What is not known gives `nil`, so the answer is never a guess.
package struct ForeignContent: Hashable, Sendable {
    /// What the bytes are, with an article: `a pointer of Git LFS`.
    package let name: String
    /// What to do about it, as a sentence.
    package let advice: String
    /// Whether it is text that a reader of any text may take.
    package let isText: Bool

    private init(_ name: String, _ advice: String, isText: Bool = false) {
        (self.name, self.advice, self.isText) = (name, advice, isText)
    }

    /// What some bytes, those that a file begins with, are; `nil` for anything that is not known.
    package init?(_ bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(512))
        guard let found = Self.text(head) ?? Self.encoding(head) ?? Self.binary(head) else {
            return nil
        }
        self = found
    }

    /// What some bytes are called, with an article; `nil` for anything that is not known.
    package static func named(in bytes: some Collection<UInt8>) -> String? {
        ForeignContent(bytes)?.name
    }

    /// The error of a file that should have been something else.
    ///
    /// - Parameter expected: What was expected, with an article: `a safetensors file`.
    package func error(expected: String, at location: FledgeError.Location) -> FledgeError {
        FledgeError(
            .fileCorrupt, "The file is \(name), expected \(expected).", advice: advice,
            at: location)
    }

    /// Throws when bytes are known to be something else than what was expected.
    ///
    /// - Parameters:
    ///   - expected: What was expected, with an article.
    ///   - allowsText: Whether any text will do, a page of a web site too.
    package static func refuse(
        _ bytes: UnsafeRawBufferPointer, expected: String, allowingText allowsText: Bool = false,
        at location: FledgeError.Location
    ) throws {
        guard let found = ForeignContent(bytes.prefix(512)), !(allowsText && found.isText) else {
            return
        }
        throw found.error(expected: expected, at: location)
    }

    // MARK: Kinds

    private static func text(_ head: [UInt8]) -> ForeignContent? {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let written = head.dropFirst(head.starts(with: mark) ? 3 : 0)
            .drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let lowered = written.prefix(200).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        func begins(_ text: String) -> Bool { lowered.starts(with: text.utf8) }
        if begins("version https://git-lfs.github.com/spec")
            || begins("version https://hawser.github.com/spec")
        {
            return ForeignContent(
                "a pointer of Git LFS, not the file itself",
                "Fetch the file: git lfs pull in its repository, or hf download.")
        }
        if begins("/annex/objects/") || begins("../.git/annex/") || begins(".git/annex/objects/") {
            return ForeignContent(
                "a pointer of git-annex, not the file itself",
                "Fetch the file: git annex get in its repository.")
        }
        if begins("<!doctype html") || begins("<html") || begins("<head>") || begins("<head ") {
            return ForeignContent(
                "a page of a web site (HTML)",
                "Download the file itself: on a hub the address has /resolve/ in place of /blob/, "
                    + "and files behind a login need a token.", isText: true)
        }
        if begins("<?xml") {
            return ForeignContent(
                "an XML file",
                "Perhaps it is the answer of a server to a failed download: look into it.",
                isText: true)
        }
        for answer in [
            "entry not found", "repository not found", "invalid credentials", "invalid username or",
            "access to model ", "access to dataset ", "unauthorized", "404: not found",
            "404 not found",
        ] where begins(answer) && head.count < 200 && !written.contains(0x2C) {
            return ForeignContent(
                "the answer of a server to a failed download",
                "Download the file again; files behind a login need a token.", isText: true)
        }
        if begins("{\\rtf") {
            return ForeignContent("a document in RTF", "Save it as plain text in UTF-8.")
        }
        return nil
    }

    private static func encoding(_ head: [UInt8]) -> ForeignContent? {
        func encoded(_ name: String) -> ForeignContent {
            ForeignContent(
                "a text in \(name), not in UTF-8",
                "Convert it: iconv -f \(name) -t UTF-8 old > new (PowerShell: Out-File -Encoding "
                    + "utf8).")
        }
        if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) {
            return encoded("UTF-32")
        }
        if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
            return encoded("UTF-16")
        }
        // Without a mark: letters of ASCII with a zero beside each.
        let pairs = head.prefix(16)
        guard pairs.count >= 4, pairs.count % 2 == 0 else { return nil }
        let isLetter = { (byte: UInt8) in
            (0x09...0x0D).contains(byte) || (0x20...0x7E).contains(byte)
        }
        func alternates(_ first: Int) -> Bool {
            pairs.indices.allSatisfy { $0 % 2 == first ? isLetter(pairs[$0]) : pairs[$0] == 0 }
        }
        if alternates(0) { return encoded("UTF-16LE") }
        return alternates(1) ? encoded("UTF-16BE") : nil
    }

    private static func binary(_ head: [UInt8]) -> ForeignContent? {
        if head.starts(with: [0x50, 0x4B, 3, 4]) { return archive(head) }
        for (magic, name, advice) in magics where head.starts(with: magic) {
            return ForeignContent(name, advice)
        }
        // Protocol 2 and later begin with their number and, from 4 on, with a frame.
        if head.count > 2, head[0] == 0x80, (2...5).contains(head[1]),
            [0x7D, 0x5D, 0x63, 0x95, 0x28, 0x8A, 0x4D, 0x58].contains(head[2])
        {
            return ForeignContent(
                "a pickle of Python", "Save it in another format: pickles can run any program.")
        }
        // The length of a header of JSON comes first.
        if head.count > 10, head[8] == UInt8(ascii: "{"), head[6] == 0, head[7] == 0,
            head[9] == UInt8(ascii: "\"") || head[9] == UInt8(ascii: "}")
        {
            return ForeignContent(safetensors, named)
        }
        if head.count > 262, head[257..<262].elementsEqual("ustar".utf8) {
            return ForeignContent("an archive (tar)", unpack)
        }
        if head.count >= 16, head.allSatisfy({ $0 == 0 }) {
            return ForeignContent(
                "a file of zeros", "Its download or its disk was interrupted: fetch it again.")
        }
        return nil
    }

    /// Office's files, PyTorch's and others are archives of the same format.
    private static func archive(_ head: [UInt8]) -> ForeignContent {
        func holds(_ text: String) -> Bool {
            head.indices.contains { head[$0...].starts(with: text.utf8) }
        }
        if holds("[Content_Types].xml") || holds("xl/") || holds("word/") {
            return ForeignContent(
                "a document of Excel or Word", "Save it as CSV or as plain text in UTF-8.")
        }
        if holds("data.pkl") {
            return ForeignContent(
                "a file that PyTorch saved",
                "Save it as safetensors: pickles can run any program.")
        }
        if holds(".npy") { return ForeignContent("an archive of NumPy (npz)", other) }
        return ForeignContent("a zip archive", unpack)
    }

    /// What a file of weights is called.
    package static let safetensors = "a file of weights (safetensors)"

    private static let unpack = "Unpack it, and name what is inside."
    private static let other = "Save it in another format."
    private static let named = "Check which file is meant."

    private static let magics: [([UInt8], String, String)] = [
        ([0x1F, 0x8B], "packed by gzip", "Unpack it, or let its name end with .gz."),
        ([0x28, 0xB5, 0x2F, 0xFD], "packed by zstd", "Unpack it, or let its name end with .zst."),
        (Array("BZh91AY&SY".utf8), "packed by bzip2", unpack),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "packed by xz", unpack),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "an archive (7z)", unpack),
        (Array("Rar!".utf8) + [0x1A], "an archive (rar)", unpack),
        ([0x50, 0x4B, 5, 6], "an empty zip archive", unpack),
        (Array("%PDF".utf8), "a PDF", "Take the text out of it first."),
        (
            [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1], "a document of an old Office",
            "Save it as CSV or as plain text in UTF-8."
        ),
        (Array("SQLite format 3".utf8) + [0], "a data base (SQLite)", "Export its rows."),
        (Array("PAR1".utf8) + [0x15], "a Parquet file", "Let its name end with .parquet."),
        (Array("ARROW1".utf8) + [0], "an Arrow file", "Let its name end with .arrow."),
        (Array("FEA1".utf8) + [0], "a Feather file of the first version", other),
        (Array("ORC".utf8) + [0x08], "an ORC file", other),
        (Array("Obj".utf8) + [0x01], "an Avro file", other),
        (Array("GGUF".utf8) + [2, 0, 0, 0], "a model in GGUF", named),
        (Array("GGUF".utf8) + [3, 0, 0, 0], "a model in GGUF", named),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file", other),
        ([0x93] + Array("NUMPY".utf8), "an array of NumPy", other),
        ([0x89, 0x50, 0x4E, 0x47], "a picture (PNG)", named),
        ([0xFF, 0xD8, 0xFF], "a picture (JPEG)", named),
        (Array("GIF89a".utf8), "a picture (GIF)", named),
        ([0x7F, 0x45, 0x4C, 0x46], "a program", named),
    ]
}
