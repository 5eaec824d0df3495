import FledgeCore
import FledgeData
import Foundation
import FuzzSupport

/// Any bytes as a data file: rows, or an error of our own.
@main struct DataFiles: FuzzTarget {
    private static let endings = [
        "json", "jsonl", "csv", "tsv", "txt", "parquet", "arrow", "jsonl.gz",
    ]
    private let files = InputFile()

    func run(_ input: UnsafeRawBufferPointer) {
        guard let choice = input.first else { return }
        let ending = Self.endings[Int(choice) % Self.endings.count]
        let path = files.write(
            UnsafeRawBufferPointer(rebasing: input.dropFirst()), "input." + ending)
        do {
            var options = RecordFile.Options()
            options.readsInAnyOrder = choice >= 0x80
            let source = try RecordFile.open(path, options)
            // Rows without columns take no bytes, so that a file may state any number of them.
            let count = min(source.count, 4096)
            for row in 0..<count {
                let record = try source.record(at: row)
                demand(record.location.file == path, "a row of another file")
            }
        } catch let error as FledgeError {
            demand(!error.message.isEmpty, "an error without a message")
        } catch { fatalError("\(error) is no error of our own") }
    }

    func writeSeeds(_ folder: SeedFolder) {
        let texts: [(UInt8, String)] = [
            (0, #"[{"a": 1, "b": [null, "é\n"]}, {"a": {}}]"#),
            (1, "{\"a\": 1}\n\n{\"a\": [2, \"\\ud83d\\ude00\"]}\r\n"),
            (2, "a,b\n1,\"x\"\"y\n\"\n,true\n"), (3, "a\tb\n1\t2\n"), (4, "one\r\ntwo\n\nthree"),
        ]
        for (kind, text) in texts {
            folder.write([kind] + Array(text.utf8), "text-\(kind)")
        }
        // Three lines of JSON.
        let packed: [UInt8] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 84, 178, 82, 48, 172, 229, 170, 6, 51,
            162,
            141, 116, 20, 148, 42, 148, 98, 97, 124, 160, 4, 0, 89, 58, 197, 2, 34, 0, 0, 0,
        ]
        folder.write([7] + packed, "gzip")
        let columnar = Fixtures.path("ColumnarTests", "")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: columnar)) ?? [] {
            guard let kind = Self.endings.firstIndex(where: { name.hasSuffix("." + $0) }),
                kind == 5 || kind == 6,
                let data = FileManager.default.contents(atPath: columnar + "/" + name)
            else { continue }
            folder.write([UInt8(kind)] + Array(data), name)
            folder.write([UInt8(kind) + 0x80] + Array(data), name + "-any")
        }
    }
}
