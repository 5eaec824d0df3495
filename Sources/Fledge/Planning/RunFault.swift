public import FledgeCore
internal import FledgeData

/// Something that would make a run learn what was not meant, fail, or do nothing.
public struct RunFault: Hashable, Sendable {
    /// What is wrong: a code of ``DataFault`` or one of ``Code``; stable, scripts may rely on it.
    public var code: String
    /// What was found, as a sentence.
    public var message: String
    /// What to do about it.
    public var advice: String
    /// How many rows it concerns; 0 where it concerns none.
    public var count: Int
    /// The first of these rows.
    public var places: [FledgeError.Location]

    /// Whether training stops on it unless it is allowed; of others it only warns.
    public var stopsTraining: Bool

    /// The faults of a run as a whole.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The run cannot start at all.
        case cannotStart = "cannot-start"
        /// The template's marks are no tokens of this tokenizer.
        case foreignTemplate = "foreign-template"
        /// The template adds tokens that the model has no vectors for.
        case missingVectors = "missing-vectors"
        /// There is no optimizer step.
        case noSteps = "no-steps"
        /// Warm-up is as long as the run.
        case warmupTooLong = "warmup-too-long"
        /// The learning rate is far above all that works.
        case learningRateTooHigh = "learning-rate-too-high"
        /// Rows are longer than the model can see.
        case contextExceeded = "context-exceeded"
        /// The run needs more memory than there is.
        case memoryExceeded = "memory-exceeded"
        /// The run needs more of a disk than there is.
        case diskExceeded = "disk-exceeded"
    }

    init(_ fault: DataFault) {
        (code, message, advice) = (fault.code.rawValue, fault.message, fault.advice)
        (count, places, stopsTraining) = (fault.count, fault.places, fault.stopsTraining)
    }

    init(_ code: Code, _ message: String, advice: String) {
        (self.code, self.message, self.advice) = (code.rawValue, message, advice)
        (count, places, stopsTraining) = (0, [], code == .noSteps || code == .cannotStart)
    }

    /// The fault that an error tells of.
    init(_ code: Code, _ error: FledgeError) {
        self.init(code, error.message, advice: error.advice)
        places = [error.location].compactMap(\.self)
    }

    /// All codes that faults can have.
    public static var codes: [String] {
        DataFault.Code.allCases.map(\.rawValue) + Code.allCases.map(\.rawValue)
    }

    /// The fault in a line.
    public var summary: String {
        var line = "\(code): \(message)"
        let shown = places.prefix(3).map(\.description).filter { !$0.isEmpty }
        if !shown.isEmpty {
            if count <= 1, line.utf8.last == UInt8(ascii: ".") { line.removeLast() }
            line +=
                (count > 1 ? " \(count) rows," : "") + " at \(shown.joined(separator: ", "))"
                + (count > shown.count ? ", …." : ".")
        }
        return line + " " + advice
    }
}

extension RunConfiguration {
    /// The faults that the run does not allow (`allowed_faults`); the reference knows none of them.
    public func refused(_ faults: [RunFault]) -> [RunFault] {
        if finetuning.referenceQuirks == .all || data.allowedFaults.contains("all") { return [] }
        return faults.filter { fault in
            !data.allowedFaults.contains(fault.code)
                && !(data.dropsInvalidRows && fault.code == DataFault.Code.droppedRows.rawValue)
        }
    }

    /// Refuses to train with faults that stop training and are not allowed.
    ///
    /// - Throws: ``FledgeError`` with all of them.
    func requireSound(_ faults: [RunFault]) throws {
        let refused = refused(faults.filter(\.stopsTraining))
        guard let first = refused.first else { return }
        throw FledgeError(
            .data, refused.map(\.summary).joined(separator: "\n"),
            advice: "fledge plan shows the rows.", at: first.places.first)
    }
}
