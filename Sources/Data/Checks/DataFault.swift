public import FledgeCore

/// Something about a run's data that makes it learn what was not meant, or learn nothing.
public struct DataFault: Hashable, Sendable {
    /// What is wrong; the raw values are stable, scripts may rely on them.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// Rows do not have the form of this stage and are left out.
        case droppedRows = "dropped-rows"
        /// Rows of which no token is learned.
        case emptyMask = "empty-mask"
        /// No row has a token that is learned.
        case nothingLearned = "nothing-learned"
        /// Answers that are learned without a token that ends them: the model will not stop.
        case missingStop = "missing-stop"
        /// Most rows are cut at the limit, and learn no end.
        case mostlyTruncated = "mostly-truncated"
        /// The token that begins a text stands twice at the beginning.
        case doubledBegin = "doubled-begin"
        /// An answer ends twice: with text that looks like the end, and with the end.
        case doubledEnd = "doubled-end"
        /// Messages hold turns that were written with a template already.
        case templatedContent = "templated-content"
        /// Answers are empty.
        case emptyAnswer = "empty-answer"
        /// Questions are empty.
        case emptyQuestion = "empty-question"
        /// Answers repeat their question.
        case answerRepeatsQuestion = "answer-repeats-question"
        /// Most answers are the same.
        case constantAnswer = "constant-answer"
        /// Most rows occur several times.
        case duplicateRows = "duplicate-rows"
        /// Pairs prefer an answer to the same answer.
        case equalAnswers = "equal-answers"
        /// One side of the pairs is nearly always the longer one.
        case lengthDecides = "length-decides"
        /// The only marked row meets its own answer where another row's is wanted.
        case ownAnswerAsOther = "own-answer-as-other"
        /// Marked answers are all good or all bad.
        case oneKindOfFeedback = "one-kind-of-feedback"
        /// Texts hold what is left of characters that were decoded wrongly.
        case brokenEncoding = "broken-encoding"
        /// Columns that hold something of the dialogue, as far as is known, and that nothing reads.
        case unreadColumn = "unread-column"
        /// Members of messages that hold something and that nothing reads.
        case unreadMember = "unread-member"
        /// Thoughts, or texts before calls, that the template has no place for.
        case unwrittenText = "unwritten-text"
        /// Calls whose arguments are no JSON object.
        case brokenArguments = "broken-arguments"
        /// Rows for evaluation are trained on too.
        case evaluationOverlap = "evaluation-overlap"
        /// Answers hold thoughts, for which the template has no place.
        case unexpectedThoughts = "unexpected-thoughts"
        /// Thoughts that are opened and never closed, or closed and never opened.
        case halfOpenThoughts = "half-open-thoughts"
        /// The template that was read off the model's own one writes rows in another way than that.
        case unlikeOwnTemplate = "unlike-own-template"
        /// The template writes rows that the model's own one refuses, or of which it ignores a part.
        case unknownToOwnTemplate = "unknown-to-own-template"
        /// Answers that fit no prompt but that of the other way of thinking than the run asks for.
        case switchedThinking = "switched-thinking"
        /// Answers of which the model's own template marks nothing as the model's.
        case unmarkedAnswers = "unmarked-answers"
    }

    /// What is wrong.
    public var code: Code
    /// What was found, as a sentence.
    public var message: String
    /// What to do about it.
    public var advice: String
    /// How many rows it concerns.
    public var count: Int
    /// The first of these rows.
    public var places: [FledgeError.Location]

    /// Whether training stops on it unless it is allowed; of others it only warns.
    public var stopsTraining: Bool {
        code == .droppedRows || code == .nothingLearned || code == .unlikeOwnTemplate
    }

    package init(
        _ code: Code, _ message: String, advice: String, places: [FledgeError.Location] = [],
        count: Int? = nil
    ) {
        (self.code, self.message, self.advice) = (code, message, advice)
        (self.count, self.places) = (count ?? places.count, Array(places.prefix(3)))
    }
}
