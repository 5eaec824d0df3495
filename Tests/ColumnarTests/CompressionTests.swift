import FledgeColumnar
import FledgeCore
import Foundation
import Testing

/// What the decompressors make of the output of zlib, Snappy and Zstandard.
@Suite struct CompressionTests {
    struct Piece: CustomStringConvertible, Sendable {
        var kind, name, sha256: String
        var count: Int
        var data: [UInt8]
        var description: String { "\(kind) \(name)" }

        func expand(_ bytes: [UInt8]) throws -> [UInt8] {
            func fail(_ what: String) -> FledgeError { FledgeError(.fileCorrupt, what) }
            let result = Output()
            return try bytes.withUnsafeBytes { bytes in
                switch kind {
                case "snappy": return try Snappy.expand(bytes, limit: 1 << 20, fail: fail)
                case "gzip": try Gzip.expand(bytes, file: name, write: result.append)
                default: try Zstandard.expand(bytes, file: name, write: result.append)
                }
                return result.bytes
            }
        }
    }

    final class Output {
        var bytes: [UInt8] = []
        func append(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
    }

    static let pieces: [Piece] = {
        let list = try? JSONValue(contentsOf: ColumnarFixtures.folder + "compressed.json")
            .arrayValue
        return (list ?? []).map { entry in
            Piece(
                kind: entry["kind"]?.stringValue ?? "", name: entry["name"]?.stringValue ?? "",
                sha256: entry["sha256"]?.stringValue ?? "", count: entry["count"]?.intValue ?? -1,
                data: Array(Data(base64Encoded: entry["data"]?.stringValue ?? "") ?? Data()))
        }.filter {
            switch $0.kind {
            case "gzip": Zlib.isAvailable
            case "zstd": Zstandard.isAvailable
            default: true
            }
        }
    }()

    @Test func allKindsAreThere() {
        #expect(Self.pieces.count { $0.kind == "snappy" } == 7)
        #expect(!Zlib.isAvailable || Self.pieces.count { $0.kind == "gzip" } == 27)
    }

    @Test(arguments: pieces)
    func piecesAreExpanded(piece: Piece) throws {
        let bytes = try piece.expand(piece.data)
        #expect(bytes.count == piece.count)
        #expect(SHA256.hexadecimal(of: bytes) == piece.sha256)
    }

    @Test(arguments: pieces)
    func damageIsRefusedOrHarmless(piece: Piece) {
        var generator = KeyedGenerator(RandomKey(seed: 11))
        let data = piece.data
        let cuts = data.count < 400 ? Array(0..<data.count) : (0..<60).map { $0 * data.count / 60 }
        for count in cuts {
            // A shortened stream never looks whole (two gzip members do where they meet).
            if piece.name == "two members" {
                _ = try? piece.expand(Array(data.prefix(count))); continue
            }
            #expect(throws: FledgeError.self) { try piece.expand(Array(data.prefix(count))) }
        }
        for _ in 0..<80 where !data.isEmpty {
            var damaged = data
            for _ in 0...Int(generator.next() % 3) {
                let place = Int(generator.next() % UInt64(damaged.count))
                damaged[place] ^= 1 << UInt8(generator.next() % 8)
            }
            // Gzip and Zstandard have check sums; without one anything may come out, but no crash.
            if piece.kind == "gzip", let bytes = try? piece.expand(damaged) {
                #expect(SHA256.hexadecimal(of: bytes) == piece.sha256)
            } else {
                _ = try? piece.expand(damaged)
            }
        }
    }

    @Test func noiseIsNoStream() {
        var generator = KeyedGenerator(RandomKey(seed: 12))
        for kind in ["snappy", "gzip", "zstd"] {
            for length in 0..<300 {
                let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                let piece = Piece(kind: kind, name: "", sha256: "", count: 0, data: [])
                _ = try? piece.expand(bytes)
            }
        }
    }

    @Test func withoutItsTraitZstandardSaysWhatToDo() {
        guard !Zstandard.isAvailable else { return }
        let error = #expect(throws: FledgeError.self) {
            try [UInt8](repeating: 0, count: 8).withUnsafeBytes {
                try Zstandard.expand($0, file: "x.zst") { _ in }
            }
        }
        #expect(error?.advice.contains("--traits Zstandard") == true)
        #expect(error?.advice.contains("libzstd-dev") == true)
    }

    @Test func withoutItsTraitGzipSaysWhatToDo() {
        guard !Zlib.isAvailable else { return }
        let error = #expect(throws: FledgeError.self) {
            try [UInt8](repeating: 0, count: 8).withUnsafeBytes {
                try Gzip.expand($0, file: "x.gz") { _ in }
            }
        }
        #expect(error?.advice.contains("trait Zlib") == true)
        #expect(error?.advice.contains("zlib1g-dev") == true)
    }

    @Test(.enabled(if: Zlib.isAvailable)) func aPageThatHoldsMoreThanItSaysIsRefused() throws {
        let piece = try #require(Self.pieces.first { $0.kind == "gzip" && $0.name == "text" })
        func expand(_ size: Int) throws -> Int {
            try piece.data.withUnsafeBytes { bytes in
                try BlockCompression.expand(bytes, codec: 2, size: size, column: "a") {
                    FledgeError(.fileCorrupt, $0)
                }.count
            }
        }
        #expect(try expand(piece.count) == piece.count)
        for size in [0, piece.count - 1, piece.count + 1] {
            #expect(throws: FledgeError.self) { try expand(size) }
        }
    }

    @Test(.enabled(if: Zlib.isAvailable)) func theCheckSumIsThatOfTheStandard() {
        let bytes = Array("123456789".utf8)
        #expect(bytes.withUnsafeBytes(Zlib.cyclicRedundancyCheck) == 0xCBF4_3926)
        #expect([UInt8]().withUnsafeBytes(Zlib.cyclicRedundancyCheck) == 0)
    }

    @Test(.enabled(if: Zlib.isAvailable)) func aZlibStreamIsThatOfTheStandard() throws {
        // Method and window, the flags of the usual level, and Adler's sum at the end (RFC 1950).
        let bytes = try Zlib.compressed(Array("Wikipedia".utf8))
        #expect(bytes.prefix(2) == [0x78, 0x9C] && bytes.suffix(4) == [0x11, 0xE6, 0x03, 0x98])
        #expect(try Zlib.compressed([]).count == 8)
    }
}
