import FledgeCore
import FledgeDigest
import Testing

@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func standardVectors(text: String, expected: String) {
        #expect(SHA256.hexadecimal(of: Array(text.utf8)) == expected)
    }

    @Test func aMillionBytes() {
        #expect(
            SHA256.hexadecimal(of: Array(repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func piecesOfAnySizeGiveTheSameDigest() {
        let bytes = (0..<200).map { UInt8($0) }
        for count in 0...200 {
            let whole = SHA256.hexadecimal(of: Array(bytes[..<count]))
            for step in [1, 3, 63, 64, 65] {
                var digest = SHA256()
                for start in stride(from: 0, to: count, by: step) {
                    digest.update(Array(bytes[start..<min(start + step, count)]))
                }
                #expect(digest.hexadecimal() == whole, "\(count) bytes by \(step)")
            }
        }
    }

    @Test func theProcessorsInstructionsGiveTheSame() {
        var byte: UInt32 = 1
        let bytes = (0..<64 * 9).map { _ -> UInt8 in
            byte = byte &* 1_664_525 &+ 1_013_904_223
            return UInt8(byte >> 24)
        }
        for blocks in 0...9 {
            var (fast, plain) = ((1...8).map { UInt32($0) << 27 }, [UInt32]())
            plain = fast
            digest_sha256(&fast, bytes, blocks)
            digest_sha256_portable(&plain, bytes, blocks)
            #expect(fast == plain, "\(blocks) blocks")
        }
    }
}
