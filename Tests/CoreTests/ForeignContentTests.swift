import FledgeCore
import Testing

@Suite struct ForeignContentTests {
    private func name(_ text: String) -> String? { ForeignContent.named(in: Array(text.utf8)) }

    @Test(arguments: [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "Git LFS"),
        ("\n <!DOCTYPE html>\n<html>", "HTML"), ("\u{FEFF}<HTML lang=en>", "HTML"),
        ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML"),
        ("Entry not found", "failed download"), ("%PDF-1.7\n", "PDF"), ("PAR1\u{15}...", "Parquet"),
        ("/annex/objects/SHA256E-s3--00", "git-annex"), ("GGUF\u{3}\0\0\0\0", "GGUF"),
        ("SQLite format 3\0", "SQLite"),
    ])
    func textsAndMarksAreKnown(content: String, part: String) {
        #expect(name(content)?.contains(part) == true)
    }

    @Test func bytesAreKnown() {
        func name(_ bytes: [UInt8]) -> String { ForeignContent.named(in: bytes) ?? "none" }
        #expect(name([0x1F, 0x8B, 8, 0]) == "packed by gzip")
        #expect(name([0x80, 4, 0x95, 0, 0]).contains("pickle"))
        #expect(name([0x80, 2, 0x7D, 0x71, 0]).contains("pickle"))
        let zip: [UInt8] = [0x50, 0x4B, 3, 4, 0, 0]
        #expect(name(zip + Array("archive/data.pkl".utf8)).contains("PyTorch"))
        #expect(name(zip + Array("[Content_Types].xml".utf8)).contains("Excel"))
        #expect(name(zip + Array("a.json".utf8)) == "a zip archive")
        #expect(name(Array(repeating: 0, count: 64)).contains("zeros"))
        #expect(name([8, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\": {}".utf8)).contains("safetensors"))
    }

    @Test func encodingsAreKnownWithAndWithoutTheirMark() {
        let units = Array("{\"a\": 1}".utf16)
        let little = units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let big = units.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        for bytes in [[0xFF, 0xFE] + little, [0xFE, 0xFF] + big, little, big] {
            let found = ForeignContent(bytes)
            #expect(found?.name.contains("UTF-16") == true)
            #expect(found?.advice.contains("iconv") == true)
        }
        #expect(
            ForeignContent.named(in: [0xFF, 0xFE, 0, 0, 0x41, 0, 0, 0])?.contains("32") == true)
    }

    @Test(arguments: [
        "", "{\"a\": 1}", "[]", "instruction,output\n", "The entry", "ORCHARD", "RIFle", "PK",
        "version: 1", "\u{FEFF}[{}]", "<|im_start|>", "été", "BZ", "a",
    ])
    func whatIsNotKnownIsNotNamed(content: String) {
        #expect(name(content) == nil)
    }

    @Test func theErrorSaysWhatWasExpectedAndWhatToDo() {
        let found = ForeignContent(Array("version https://git-lfs.github.com/spec/v1".utf8))
        let error = found?.error(expected: "rows in JSON", at: .init(file: "d.jsonl"))
        #expect(error?.description.hasPrefix("d.jsonl: The file is a pointer of Git LFS") == true)
        #expect(error?.description.contains("rows in JSON") == true)
        #expect(error?.advice.contains("git lfs pull") == true)
    }
}
