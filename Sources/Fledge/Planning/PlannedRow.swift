public import FledgeCore
internal import FledgeData
internal import FledgeTokenize

/// A sample of a run as text, with what is learned told from what is only read.
public struct PlannedRow: Hashable, Sendable {
    /// A stretch of tokens that are all learned or all not.
    public struct Span: Hashable, Sendable {
        /// What the tokens stand for.
        public var text: String
        /// Whether they are learned.
        public var isLearned: Bool
    }

    /// What the sample is, such as `chosen`; empty where there is only one.
    public var title: String
    /// Where the row is written.
    public var source: FledgeError.Location
    /// The tokens.
    public var ids: [Int32]
    /// The text in stretches.
    public var spans: [Span]

    init(_ title: String, _ sample: ProcessedSample, _ tokenizer: some Tokenizer) {
        (self.title, source, ids) = (title, sample.source, sample.inputIDs)
        var spans = [Span]()
        var start = 0
        let isLearned = sample.labels.map { $0 != ProcessedSample.ignored }
        for place in ids.indices
        where place + 1 == ids.count || isLearned[place + 1] != isLearned[place] {
            let text = tokenizer.decode(Array(ids[start...place]), skippingSpecials: false)
            spans.append(Span(text: text, isLearned: isLearned[place]))
            start = place + 1
        }
        self.spans = spans
    }

    /// The text, with what is learned in green, or between ⟦ and ⟧ without colours.
    public func text(colored: Bool) -> String {
        spans.map { span in
            guard span.isLearned else { return span.text }
            return colored ? "\u{1B}[32m\(span.text)\u{1B}[0m" : "⟦\(span.text)⟧"
        }.joined()
    }

    var json: JSONValue {
        [
            "title": .string(title), "source": .string(source.description),
            "input_ids": .array(ids.map { .integer(Int($0)) }),
            "spans": .array(
                spans.map { ["text": .string($0.text), "learned": .bool($0.isLearned)] }),
        ]
    }
}
