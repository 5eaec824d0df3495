internal import Foundation

/// The base64 encoding of bytes as text (RFC 4648), as tokenizer files use it: what fills up the last
/// four characters may be left out.
enum Base64 {
    /// The bytes; `nil` when the text is not valid.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var data = Data(text)
        let missing = -data.count & 3
        guard missing < 3 else { return nil }
        data.append(contentsOf: repeatElement(UInt8(ascii: "="), count: missing))
        return Data(base64Encoded: data).map { [UInt8]($0) }
    }

    /// The bytes; `nil` when the text is not valid.
    static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }

    /// The text of some bytes.
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
