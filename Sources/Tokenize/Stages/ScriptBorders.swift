/// Cuts where the script changes, as the stage UnicodeScripts of the `tokenizers` library does (the rule
/// is that of SentencePiece): Hiragana and Katakana go with Han, and what has no script, as the space
/// and what is not assigned, with what stands before it.
enum ScriptBorders {
    /// The number of characters without a script.
    private static let none: UInt8 = 255

    /// Adds the pieces of a text. What has no script at its beginning belongs to none of them.
    static func cut(_ text: UnsafeBufferPointer<UInt8>, _ collector: inout SpanCollector) {
        var last: UInt8?
        var (start, index) = (0, 0)
        while index < text.count {
            let (value, next) = UTF8Text.decode(text, at: index)
            let script = script(of: value)
            if script != none {
                if script != last {
                    if last != nil { collector.add(start, index, isMatch: true) }
                    start = index
                }
                last = script
            }
            index = next
        }
        if last != nil { collector.add(start, text.count, isMatch: true) }
    }

    /// The script of a character: that of the last start before it.
    private static func script(of value: UInt32) -> UInt8 {
        if value < 128 { return ascii[Int(value)] }
        return UInt8(truncatingIfNeeded: found(value))
    }

    private static func found(_ value: UInt32) -> UInt32 {
        var (low, high) = (0, scriptStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if scriptStarts[middle] >> 8 <= value { low = middle } else { high = middle }
        }
        return scriptStarts[low]
    }

    private static let ascii = (UInt32(0)..<128).map { UInt8(truncatingIfNeeded: found($0)) }
}
