internal import FledgeColumnar
internal import FledgeCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Tells the content of files apart.
enum FileIdentity {
    /// A digest of a file's path, size, times and samples of its content, found without reading all
    /// of it: a file that changed is never taken for what it was.
    static func key(of path: String, version: Int) throws -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw FledgeError.system("inspect", path, errno: errno)
        }
        var digest = SHA256()
        let absolute = realpath(path, nil).map { pointer -> String in
            defer { free(pointer) }
            return String(cString: pointer)
        }
        let facts =
            "\(version) \(absolute ?? path) \(status.st_size) \(status.st_mtim.tv_sec) "
            + "\(status.st_mtim.tv_nsec) \(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec) "
            + "\(status.st_ino)"
        digest.update(Array(facts.utf8))
        let file = try ByteStore(mapping: path)
        let size = file.bytes.count
        let (sample, samples) = (4096, 16)
        for number in 0..<samples {
            let start = max(0, size - sample) / (samples - 1) * number
            let end = min(size, start + sample)
            digest.update(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]))
        }
        return String(digest.hexadecimal().prefix(32))
    }

    /// A digest of a file's whole content: that of the digests of its pieces.
    ///
    /// - Parameters:
    ///   - memory: A folder that keeps the digests of large files by their ``key(of:version:)``, so
    ///     that they are read once.
    static func digest(of path: String, memory: String?, threads: Int) throws -> String {
        let store = try ByteStore(mapping: path)
        let piece = 1 << 20
        var note: String?
        if let memory, store.bytes.count >= 64 * piece {
            let name = memory + "/" + (try key(of: path, version: 1)) + ".digest"
            if let known = try? ByteStore(mapping: name), known.bytes.count == 64 {
                return String(decoding: known.bytes, as: UTF8.self)
            }
            note = name
        }
        let starts = Array(stride(from: 0, to: store.bytes.count, by: piece))
        let parts = concurrentMap(starts, threads: threads, chunkSize: 4) { start in
            let end = min(start + piece, store.bytes.count)
            return SHA256.hexadecimal(
                of: UnsafeRawBufferPointer(rebasing: store.bytes[start..<end]))
        }
        let digest = SHA256.hexadecimal(of: Array(parts.joined().utf8))
        if let memory, let note {
            try Folder.create(memory)
            try AtomicFile.write(digest, to: note)
        }
        return digest
    }
}

extension DatasetOptions {
    /// The size of all files of the data, in bytes.
    package func contentSize() throws -> Int {
        try described().reduce(0) { size, description in
            try RecordFile.files(of: description.path).reduce(size) {
                try $0 + ByteStore(mapping: $1).bytes.count
            }
        }
    }

    /// A digest of the content of all data that the options name, and of how it is described.
    ///
    /// - Parameter memory: A folder that keeps the digests of large files.
    package func contentDigest(memory: String) throws -> String {
        let parts = try described().flatMap { description in
            try [String(reflecting: description)]
                + RecordFile.files(of: description.path).flatMap { file in
                    [file, try FileIdentity.digest(of: file, memory: memory, threads: threads)]
                }
        }
        return SHA256.hexadecimal(of: Array(parts.joined(separator: "\n").utf8))
    }

    private func described() throws -> [DatasetDescription] {
        let descriptions = try descriptions()
        return descriptions.train + descriptions.evaluation
    }
}

/// A data set that is trained on: what it is called, how it is described, and its files.
package struct TrainingSource: Sendable {
    /// Its name, or its path where nothing describes it.
    package let name: String
    /// What its description says, but for name and place.
    package let meaning: String
    /// Its files in their order.
    package let files: [String]
}

extension DatasetOptions {
    /// The data sets that are trained on.
    ///
    /// - Throws: ``FledgeError`` when a data set is not described, or not there.
    package func trainingSources() throws -> [TrainingSource] {
        try descriptions().train.map { description in
            var plain = description
            (plain.name, plain.path) = ("", "")
            return TrainingSource(
                name: description.name, meaning: String(reflecting: plain),
                files: try RecordFile.files(of: description.path))
        }
    }
}
