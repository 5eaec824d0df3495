import Dispatch
import FledgeCore
public import FledgeTokenize
import Synchronization

/// Makes samples of dialogues for supervised fine-tuning: the answers are learned.
public struct SupervisedProcessor: Sendable {
    /// The tokenizer, prepared by the template.
    public var tokenizer: any Tokenizer
    /// How dialogues are written.
    public var template: ChatTemplate
    /// The most tokens of a sample.
    public var cutoffLength: Int
    /// Whether only the last answer is learned; then the last turns are kept when not all fit.
    public var masksHistory: Bool
    /// Whether the questions are learned too.
    public var trainsOnPrompt: Bool
    /// Where to be as wrong as the reference.
    public var quirks: ReferenceQuirks

    /// Creates a processor.
    public init(
        tokenizer: any Tokenizer, template: ChatTemplate, cutoffLength: Int = 2048,
        masksHistory: Bool = false, trainsOnPrompt: Bool = false, quirks: ReferenceQuirks = []
    ) throws {
        guard !(trainsOnPrompt && template.usesEfficientEnd) else {
            throw FledgeError(
                .configuration, "Current template does not support `train_on_prompt`.",
                advice: "The template \(template.name) has one end token for all answers.")
        }
        guard cutoffLength > 0 else {
            throw FledgeError(.configuration, "cutoff_len cannot be \(cutoffLength).")
        }
        self.tokenizer = tokenizer
        self.template = template
        self.cutoffLength = cutoffLength
        self.masksHistory = masksHistory
        self.trainsOnPrompt = trainsOnPrompt
        self.quirks = quirks
        if quirks.contains(.contentSpecials) { self.template.contentSpecials = .parse }
    }

    /// Makes samples of all rows, keeping their order whatever the number of threads.
    ///
    /// - Parameters:
    ///   - threads: How many threads tokenise.
    ///   - progress: Called now and then, from any thread, with the rows that are done and all.
    public func process(
        _ rows: [AlignedSample], threads: Int = 2,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws -> ProcessedDataset {
        let chunkSize = 64
        let chunkCount = (rows.count + chunkSize - 1) / chunkSize
        let next = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        let results = Mutex<[Int: Result<ProcessedDataset, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, chunkCount))) { _ in
            while true {
                let chunk = next.add(1, ordering: .relaxed).oldValue
                guard chunk < chunkCount else { return }
                let range = chunk * chunkSize..<min((chunk + 1) * chunkSize, rows.count)
                let result = Result { try process(serially: rows[range]) }
                results.withLock { $0[chunk] = result }
                let count = done.add(range.count, ordering: .relaxed).newValue
                progress?(count, rows.count)
            }
        }
        var dataset = ProcessedDataset(samples: [])
        let all = results.withLock { $0 }
        for chunk in 0..<chunkCount {
            guard let part = try all[chunk]?.get() else { continue }
            dataset.samples += part.samples
            dataset.report.append(part.report)
        }
        return dataset
    }

    private func process(serially rows: ArraySlice<AlignedSample>) throws -> ProcessedDataset {
        var dataset = ProcessedDataset(samples: [])
        for row in rows {
            guard let sample = try sample(row, &dataset.report) else { continue }
            dataset.samples.append(sample)
        }
        return dataset
    }

    /// The sample of a row; `nil` for a row that is dropped.
    public func sample(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> ProcessedSample? {
        report.rowCount += 1
        guard row.prompt.count % 2 == 1, row.response.count == 1 else {
            let reason =
                row.fault
                ?? "\(row.prompt.count) messages before \(row.response.count) answers, expected "
                + "an odd number before one"
            report.dropped.append(DataReport.Dropped(source: row.source, reason: reason))
            return nil
        }
        let messages = row.prompt + row.response
        let turns: [EncodedTurn]
        do {
            turns = try template.encodeMultiturn(
                messages, system: row.system, tools: row.tools,
                discardingHistoryThoughts: masksHistory && !template.preservesThinking,
                with: tokenizer)
        } catch var error as FledgeError where error.location == nil {
            error.location = row.source
            throw error
        }
        let sample = assemble(turns, source: row.source)
        let texts = messages.map(\.content) + [row.system, row.tools]
        if texts.contains(where: tokenizer.containsSpecial) {
            report.controlStrings.append(row.source)
        }
        let wanted = turns.reduce(0) { $0 + $1.prompt.count + $1.response.count }
        let hasEnd = template.usesEfficientEnd && tokenizer.endOfText != nil
        if sample.inputIDs.count < wanted + (hasEnd ? 1 : 0) {
            report.truncated.append(row.source)
        }
        let supervised = sample.supervisedCount
        if supervised == 0 { report.unsupervised.append(row.source) }
        report.tokenCount += sample.inputIDs.count
        report.supervisedCount += supervised
        return sample
    }

    /// Joins turns as far as they fit, the last ones first when only the last answer counts.
    private func assemble(
        _ turns: [EncodedTurn], source: FledgeError.Location
    ) -> ProcessedSample {
        let end = template.usesEfficientEnd ? tokenizer.endOfText : nil
        let ignored = ProcessedSample.ignored
        var total = end == nil ? 0 : 1
        var parts = [(ids: [Int32], labels: [Int32])]()
        for (index, turn) in (masksHistory ? turns.reversed() : turns).enumerated() {
            if total >= cutoffLength { break }
            let kept = SequenceBudget.lengths(
                source: turn.prompt.count, target: turn.response.count,
                cutoff: cutoffLength - total)
            let prompt = turn.prompt.prefix(kept.source)
            let response = turn.response.prefix(kept.target)
            total += kept.source + kept.target
            var promptLabels =
                trainsOnPrompt
                ? Array(prompt) : Array(repeating: ignored, count: kept.source)
            // The end of the answer before is learned where the next question begins; with a
            // masked history nothing of the sort is (the reference learns it all the same).
            if let end, index > 0, !promptLabels.isEmpty, !trainsOnPrompt,
                !masksHistory || quirks.contains(.historyEndLabels)
            {
                promptLabels[0] = end
            }
            let isMasked = masksHistory && index > 0
            let responseLabels =
                isMasked ? Array(repeating: ignored, count: kept.target) : Array(response)
            parts.append((Array(prompt + response), promptLabels + responseLabels))
        }
        if masksHistory { parts.reverse() }
        if let end { parts.append(([end], [end])) }
        return ProcessedSample(
            inputIDs: parts.flatMap(\.ids), labels: parts.flatMap(\.labels), source: source)
    }
}
