internal import FledgeCore
internal import Foundation

/// Digests that tell the content of files apart, whatever their names and times.
///
/// Of large files the size and samples from beginning to end are taken, which reads at most 16 MiB. Other
/// weights differ everywhere; of rows a single one may, so those are read whole up to a size that takes
/// a second.
enum ContentDigest {
    private static let sampleSize = 4096
    private static let mostSamples = 4096

    /// Bytes of data files that are read whole.
    static let wholeDataSize = 256 << 20

    /// The digest of a file.
    ///
    /// - Parameter wholeSize: Up to how many bytes it is read whole.
    /// - Throws: ``FledgeError`` when it cannot be read.
    static func of(file path: String, wholeUpTo wholeSize: Int = 0) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw FledgeError(.fileNotFound, "The file cannot be read.", at: .init(file: path))
        }
        defer { try? handle.close() }
        do {
            var digest = SHA256()
            let size = Int(try handle.seekToEnd())
            digest.update(Array("\(size)\n".utf8))
            guard size < Int.max / 2 else { throw POSIXError(.EISDIR) }
            let all = (size + sampleSize - 1) / sampleSize
            let count = size <= wholeSize ? all : min(mostSamples, all)
            for index in 0..<count {
                // Evenly from the first to the last; all of a file that is small enough.
                let last = max(0, size - sampleSize)
                let start =
                    count * sampleSize >= size
                    ? index * sampleSize
                    : Int(Double(last) / Double(max(1, count - 1)) * Double(index))
                try handle.seek(toOffset: UInt64(min(start, size)))
                digest.update(Array(try handle.read(upToCount: sampleSize) ?? Data()))
            }
            return String(digest.hexadecimal().prefix(32))
        } catch {
            throw FledgeError(
                .fileAccess, "The file cannot be read.", at: .init(file: path), cause: error)
        }
    }

    /// The digest of several texts.
    static func of(texts: [String]) -> String {
        String(SHA256.hexadecimal(of: Array(texts.joined(separator: "\n").utf8)).prefix(32))
    }

    /// The digest of a file, or of the files of a folder that `isPart` names, those of its folders
    /// included.
    ///
    /// - Throws: ``FledgeError`` when one cannot be read.
    static func of(
        path: String, wholeUpTo wholeSize: Int = 0, where isPart: (String) -> Bool
    ) throws -> String {
        guard Folder.exists(path) else { return try of(file: path, wholeUpTo: wholeSize) }
        return of(
            texts: try Folder.names(in: path).compactMap { name in
                let path = path + "/" + name
                if Folder.exists(path) {
                    return try of(path: path, wholeUpTo: wholeSize, where: isPart)
                }
                return isPart(name) ? try of(file: path, wholeUpTo: wholeSize) : nil
            })
    }
}
