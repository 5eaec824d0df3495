import FledgeCore
public import FledgeTokenize

/// Makes samples of plain texts, of which every token is learned.
public struct PretrainingProcessor: SampleProcessor {
    private let tokenizer: any Tokenizer
    private let end: Int32?
    let cutoffLength: Int
    private let packs: Bool
    private let addsBeginOfText: Bool
    private let quirks: ReferenceQuirks

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - templateName: With `llama3` texts end with `<|end_of_text|>`, else with the end token.
    ///   - cutoffLength: The most tokens of a sample.
    ///   - packs: Whether texts are put together and cut into blocks of equal length, see
    ///     ``TokenBlocks``; else each is a sample and cut at the right.
    ///   - addsBeginOfText: Whether the tokenizer declares that texts begin with its token for that.
    ///   - quirks: With `pad_masks_eos` what is padding elsewhere is not learned; with
    ///     `pt_map_batches` blocks are made inside of preprocessing batches; with `content_specials`
    ///     control strings in a text become control tokens.
    /// - Throws: ``FledgeError`` when the length is not positive or there is no end token.
    public init(
        tokenizer: any Tokenizer, templateName: String? = nil, cutoffLength: Int = 2048,
        packs: Bool = true, addsBeginOfText: Bool = false, quirks: ReferenceQuirks = []
    ) throws {
        guard cutoffLength > 0 else {
            throw FledgeError(.configuration, "cutoff_len cannot be \(cutoffLength).")
        }
        end =
            templateName == "llama3"
            ? tokenizer.id(ofSpecial: "<|end_of_text|>") : tokenizer.endOfText
        guard end != nil else {
            throw FledgeError(
                .mismatch, "The tokenizer has no token that ends a text.",
                advice: templateName == "llama3"
                    ? "The template llama3 needs <|end_of_text|>; choose that of this model."
                    : "Choose a template with stop words.")
        }
        (self.tokenizer, self.cutoffLength, self.packs) = (tokenizer, cutoffLength, packs)
        (self.addsBeginOfText, self.quirks) = (addsBeginOfText, quirks)
    }

    /// The text of a row with its end; nil for a row that is dropped.
    public func sample(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> ProcessedSample? {
        report.rowCount += 1
        guard let text = row.prompt.first?.content else {
            report.dropped.append(
                .init(source: row.source, reason: row.fault ?? "there is no text"))
            return nil
        }
        if tokenizer.containsSpecial(text) { report.controlStrings.append(row.source) }
        let specials = quirks.contains(.contentSpecials) ? SpecialTokenPolicy.parse : .text
        var ids = tokenizer.encode(text, specials: specials)
        if let end { ids.append(end) }
        if !packs {
            if addsBeginOfText, let begin = tokenizer.beginOfText { ids.insert(begin, at: 0) }
            if ids.count > cutoffLength {
                report.truncated.append(row.source)
                ids.removeLast(ids.count - cutoffLength)
            }
        }
        let sample = learned(ids, row.source)
        report.count(sample)
        return sample
    }

    /// Whether blocks are made inside of preprocessing batches.
    var staysInBatches: Bool { quirks.contains(.pretrainingMapBatches) }

    /// A block of the tokens of texts.
    func block(_ ids: [Int32], _ source: FledgeError.Location) -> ProcessedSample {
        var ids = ids
        if addsBeginOfText, let begin = tokenizer.beginOfText, !ids.isEmpty { ids[0] = begin }
        return learned(ids, source)
    }

    private func learned(_ ids: [Int32], _ source: FledgeError.Location) -> ProcessedSample {
        var labels = ids
        if quirks.contains(.padMasksEnd), let padding = tokenizer.padding {
            for index in labels.indices where labels[index] == padding {
                labels[index] = ProcessedSample.ignored
            }
        }
        return ProcessedSample(inputIDs: ids, labels: labels, source: source)
    }
}
