internal import FledgeCore
internal import Foundation

/// Digests that tell the content of files apart, whatever their names and times.
///
/// Of large files the size and pieces from beginning to end are taken, which reads at most 16 MiB in
/// pieces that disks and networks deliver at their speed. Other weights differ everywhere; of rows a
/// single one may, so those are read whole up to a size that takes less than a second.
enum ContentDigest {
    private static let pieceSize = 128 << 10
    private static let mostPieces = 128

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
            let all = (size + pieceSize - 1) / pieceSize
            let isWhole = size <= wholeSize || all <= mostPieces
            let last = max(0, size - pieceSize)
            for index in 0..<(isWhole ? all : mostPieces) {
                // Evenly from the first to the last.
                let start =
                    isWhole
                    ? index * pieceSize
                    : Int(Double(last) / Double(mostPieces - 1) * Double(index))
                if index == 0 || !isWhole {
                    try handle.seek(toOffset: UInt64(min(start, last)))
                }
                digest.update(Array(try handle.read(upToCount: pieceSize) ?? Data()))
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

    /// The digest of files in their order.
    ///
    /// - Throws: ``FledgeError`` when one cannot be read.
    static func of(files paths: [String], wholeUpTo wholeSize: Int = 0) throws -> String {
        of(texts: try paths.map { try of(file: $0, wholeUpTo: wholeSize) })
    }
}
