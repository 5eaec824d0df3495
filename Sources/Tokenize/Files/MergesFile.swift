internal import FledgeCore

/// Reads `vocab.json` with `merges.txt`: GPT-2's form of a byte-level vocabulary.
enum MergesFile {
    /// - Parameter configuration: The folder's `tokenizer_config.json`; `null` when there is none.
    static func tokenizer(
        vocabulary vocabularyFile: String, merges mergesFile: String, configuration: JSONValue
    ) throws -> TextTokenizer {
        let mapped = try MappedFile(path: vocabularyFile)
        let vocabulary = Vocabulary(isByteLevel: true, capacity: 1 << 16)
        try withExtendedLifetime(mapped) {
            try ForeignContent.refuse(
                mapped.bytes, expected: "a vocabulary in JSON",
                at: FledgeError.Location(file: vocabularyFile))
            var parser = JSONParser(mapped.bytes, file: vocabularyFile)
            try parser.parseMembers { parser, token in
                let id = TokenTable.checked(try parser.parseIndex()) ?? -1
                guard vocabulary.insert(Array(token.utf8), id: id) else {
                    throw corrupt("the token \(token) has no id of its own", vocabularyFile)
                }
            }
        }
        let merges = try pairs(vocabulary, mergesFile)
        var files = TokenizerFiles()
        files.preTokenizer = StageValues.byteLevel(
            usesPattern: true,
            addsPrefixSpace: configuration["add_prefix_space"]?.boolValue ?? false)
        let isQwen = isQwen(configuration)
        if isQwen {
            files.normalizer = ["type": "NFC"]
            files.preTokenizer = StageValues.byteLevel(splits: [SplitPatterns.qwen2])
            TokenizerClass.applyPrefixSpace(configuration, to: &files)
        }
        files.decoder = StageValues.byteLevelDecoder
        var added = [AddedToken]()
        if let id = vocabulary.id(written: Array("<|endoftext|>".utf8)) {
            added.append(AddedToken("<|endoftext|>", id: id))
        }
        var result = try TextTokenizer(
            files: files, addedTokens: added, file: vocabularyFile, mayBeByteLevel: true
        ) { _, _ in
            .bytePair(
                BytePairModel(
                    vocabulary: vocabulary, merges: MergeTable(merges),
                    options: BytePairModel.Options()))
        }
        result.endOfText = added.first?.id
        result.beginOfText = isQwen ? nil : added.first?.id
        result.padding = isQwen ? added.first?.id : nil
        return result
    }

    /// Whether the folder's tokenizer is of the class of Qwen 2.
    static func isQwen(_ configuration: JSONValue) -> Bool {
        configuration["tokenizer_class"]?.stringValue?.hasPrefix("Qwen2") == true
    }

    private static func pairs(
        _ vocabulary: Vocabulary, _ file: String
    ) throws -> [MergeTable.Pair] {
        let mapped = try MappedFile(path: file)
        return try withExtendedLifetime(mapped) {
            try ForeignContent.refuse(
                mapped.bytes, expected: "a list of merges", at: FledgeError.Location(file: file))
            var reader = MergeReader(vocabulary, file: file)
            let bytes = mapped.bytes.assumingMemoryBound(to: UInt8.self)
            for line in bytes.split(separator: 0x0A) {
                var line = line
                if line.last == 0x0D { line = line.dropLast() }
                if line.isEmpty || line.starts(with: "#version".utf8) { continue }
                try reader.add(spaced: UnsafeBufferPointer(rebasing: line))
            }
            return reader.pairs
        }
    }
}
