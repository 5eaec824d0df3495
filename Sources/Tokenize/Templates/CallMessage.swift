import FledgeCore

/// A message of the role `function`: calls, and the text beside them, which stands before them.
struct CallMessage {
    /// What is written beside the calls, thoughts included.
    var text = ""
    /// The calls in order.
    var calls: [FunctionCall] = []

    /// Takes a message apart.
    ///
    /// - Parameters:
    ///   - callWords: What stands around calls where there is other text; once or several times.
    ///   - thoughtWords: What stands around a thought before calls without words of their own.
    /// - Throws: ``FledgeError`` for calls that are no JSON or have no name.
    init(
        _ content: String, callWords: ChatTemplate.Words, thoughtWords: ChatTemplate.Words
    ) throws {
        var (place, blocks) = (0, 0)
        while let call = content.enclosed(by: callWords.open, callWords.close, from: place) {
            // White space that only parts blocks of calls is no text.
            let between = content.bytes(place..<call.range.lowerBound)
            if blocks == 0 || !between.stripped.isEmpty { text += between }
            calls += try FunctionCall.list(call.inner)
            place = call.range.upperBound
            blocks += 1
        }
        let rest = content.bytes(place..<content.utf8.count)
        if blocks > 0 {
            if blocks == 1 || !rest.stripped.isEmpty { text += rest }
            return
        }
        let plain = ChatTemplate.Words(open: "<think>", close: "</think>")
        for words in [thoughtWords, plain] {
            guard let thought = content.enclosed(by: words.open, words.close) else { continue }
            text = content.bytes(thought.range)
            calls = try FunctionCall.list(
                content.bytes(0..<thought.range.lowerBound)
                    + content.bytes(thought.range.upperBound..<content.utf8.count))
            return
        }
        calls = try FunctionCall.list(content)
    }
}
