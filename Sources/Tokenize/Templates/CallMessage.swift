import FledgeCore

/// A message of the role `function`: calls, and the text beside them, which stands before them.
struct CallMessage {
    /// What is written beside the calls, thoughts included.
    var text = ""
    /// The calls in order.
    var calls: [FunctionCall] = []

    /// Takes a message apart. What stands apart from its content is taken as it is.
    ///
    /// - Parameters:
    ///   - callWords: What stands around calls where there is other text; once or several times.
    ///   - thoughtWords: What stands around a thought before calls without words of their own.
    /// - Throws: ``FledgeError`` for calls that are no JSON or have no name.
    init(
        _ message: Message, callWords: ChatTemplate.Words, thoughtWords: ChatTemplate.Words
    ) throws {
        let first = message.content.utf8.first { !(0x09...0x20).contains($0) }
        if message.hasPartsApart, first == UInt8(ascii: "[") || first == UInt8(ascii: "{") {
            calls = try FunctionCall.list(message.content)
        } else {
            try read(message.content, callWords, thoughtWords)
        }
        text = message.textBeforeCall + text
    }

    private mutating func read(
        _ content: String, _ callWords: ChatTemplate.Words, _ thoughtWords: ChatTemplate.Words
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

extension Message {
    /// Whether the text before a call holds calls of the message once more, as logs of servers do that
    /// keep what the model wrote beside what was read off it. They are written once.
    public var repeatsCalls: Bool {
        repeatedCalls(ChatTemplate.usualCallWords) != nil
    }

    /// How many calls there are; 0 where they cannot be read.
    package var callCount: Int {
        guard role == .function else { return 0 }
        let message = try? CallMessage(
            self, callWords: ChatTemplate.usualCallWords,
            thoughtWords: ChatTemplate.usualThoughtWords)
        return message?.calls.count ?? 0
    }

    /// The text before a call without calls that the message holds anyway; nil where there are none.
    func repeatedCalls(_ words: ChatTemplate.Words) -> String? {
        guard role == .function, textBeforeCall.holds(words.open),
            let calls = try? FunctionCall.list(content)
        else { return nil }
        var (rest, place, isFound) = ("", 0, false)
        while let block = textBeforeCall.enclosed(by: words.open, words.close, from: place) {
            rest += textBeforeCall.bytes(place..<block.range.lowerBound)
            if let repeated = try? FunctionCall.list(block.inner),
                repeated.allSatisfy(calls.contains)
            {
                isFound = true
            } else {
                rest += textBeforeCall.bytes(block.range)
            }
            place = block.range.upperBound
        }
        guard isFound else { return nil }
        return (rest + textBeforeCall.bytes(place..<textBeforeCall.utf8.count)).stripped
    }
}
