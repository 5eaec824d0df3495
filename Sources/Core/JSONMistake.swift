/// The mistakes that people make most when they write JSON by hand.
enum JSONMistake {
    /// What helps where a byte cannot stand.
    ///
    /// - Parameter before: The last byte before it that is no white space.
    static func advice(_ byte: UInt8, after before: UInt8?) -> String {
        switch byte {
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            before == UInt8(ascii: ",") ? "Take out the comma before it." : ""
        // Quotation marks of word processors begin with 0xE2.
        case UInt8(ascii: "'"), 0xE2: "JSON has its texts in straight double quotes: \"."
        case UInt8(ascii: "/"), UInt8(ascii: "#"): "JSON has no comments."
        case UInt8(ascii: "T"), UInt8(ascii: "F"), UInt8(ascii: "N"):
            "JSON writes true, false and null."
        default: ""
        }
    }
}
