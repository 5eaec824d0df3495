import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// What messages hold beside role and content: read, known to be harmless, or named.
@Suite struct MessageMemberTests {
    /// The forms in which a dialogue can be written, and described.
    enum Form: String, CaseIterable, CustomTestStringConvertible {
        case sharegpt, openai, taggedSharegpt, answers, history

        var testDescription: String { rawValue }

        var usesRoles: Bool { self != .sharegpt }

        /// Whether the reference reads the form.
        var isKnownToReference: Bool { self != .answers && self != .history }

        /// A row with one question, and an answer with some members.
        func row(_ members: String) -> String {
            let (role, content) = usesRoles ? ("role", "content") : ("from", "value")
            let (user, assistant) = usesRoles ? ("user", "assistant") : ("human", "gpt")
            let question = #"{"\#(role)": "\#(user)", "\#(content)": "Why?"}"#
            let answer = #"{"\#(role)": "\#(assistant)", "\#(content)": "So."\#(members)}"#
            return switch self {
            case .answers: #"{"prompt": "Why?", "completion": [\#(answer)]}"#
            case .history:
                #"{"prompt": "And?", "completion": "Then.", "history": [\#(question), \#(answer)]}"#
            default: #"{"messages": [\#(question), \#(answer)]}"#
            }
        }

        var entry: JSONValue {
            let tags: JSONValue = [
                "role_tag": "role", "content_tag": "content", "user_tag": "user",
                "assistant_tag": "assistant",
            ]
            let columns: JSONValue = ["messages": "messages"]
            return switch self {
            case .sharegpt: ["formatting": "sharegpt", "columns": columns]
            case .openai: ["formatting": "openai", "columns": columns]
            case .taggedSharegpt: ["formatting": "sharegpt", "columns": columns, "tags": tags]
            case .answers: ["columns": ["prompt": "prompt", "response": "completion"]]
            case .history:
                ["columns": ["prompt": "prompt", "response": "completion", "history": "history"]]
            }
        }
    }

    static func align(
        _ row: String, _ entry: JSONValue, _ quirks: ReferenceQuirks = []
    ) throws -> AlignedSample {
        var entry = entry
        entry["file_name"] = "rows.jsonl"
        let description = try DatasetDescription(
            name: "rows", json: entry, folder: "", file: "info", quirks: quirks)
        let record = Record(
            try JSONValue(parsing: row), at: .init(file: "rows.jsonl", line: 7))
        return try Aligner(description, records: [record], quirks: quirks).align(record)
    }

    private func answer(
        _ members: String, _ form: Form, _ quirks: ReferenceQuirks = []
    ) throws -> (Message, AlignedSample) {
        let sample = try Self.align(form.row(members), form.entry, quirks)
        #expect(sample.fault == nil && sample.response.count == 1)
        return (form == .history ? sample.prompt[1] : sample.response[0], sample)
    }

    private func text(_ pieces: [TemplatePiece]) -> String {
        pieces.map { piece in
            if case .text(let spans) = piece { spans.map(\.text).joined() } else { "" }
        }.joined()
    }

    // MARK: Thoughts

    @Test(arguments: Form.allCases) func thoughtsAreReadUnderAllTheirNames(form: Form) throws {
        for name in ["reasoning_content", "reasoning", "thinking", "thought"] {
            let (message, sample) = try answer(#", "\#(name)": "Because it is.""#, form)
            #expect(message.thought == "Because it is." && message.content == "So.")
            #expect(sample.unread.isEmpty)
            for empty in ["null", "\"\"", "[]"] {
                let (message, sample) = try answer(#", "\#(name)": \#(empty)"#, form)
                #expect(message.thought == nil && sample.unread.isEmpty)
            }
            // What is no text is named.
            let (odd, other) = try answer(#", "\#(name)": {"a": 1}"#, form)
            #expect(odd.thought == nil && other.unread == [.member(name)])
            // The reference reads none of it.
            guard form.isKnownToReference else { continue }
            #expect(try answer(#", "\#(name)": "x""#, form, .messageMembers).0.thought == nil)
        }
        // Twice the same is one, and something else is named.
        let (same, none) = try answer(#", "thinking": "a", "reasoning": "a""#, form)
        #expect(same.thought == "a" && none.unread.isEmpty)
        let (first, both) = try answer(#", "thinking": "a", "reasoning": "b""#, form)
        #expect(first.thought == "a" && both.unread == [.member("reasoning")])
    }

    @Test func thoughtsAmongThePartsOfAContentAreRead() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "b"}]}]}"#
        for entry in [Form.openai.entry, Form.taggedSharegpt.entry] {
            let sample = try Self.align(row, entry)
            #expect(sample.response[0].thought == "Hm." && sample.response[0].content == "b")
            #expect(sample.unread.isEmpty)
        }
    }

    @Test func templatesWriteThoughtsInTheirOwnWords() throws {
        var message = Message(.assistant, "So.")
        message.thought = "Hm."
        let dialogue = [Message(.user, "Why?"), message]
        for name in ["qwen3", "gpt", "hunyuan", "deepseekr1", "seed_oss", "glm4_moe", "kimi_vl"] {
            guard let template = try? TemplateCatalog.named(name), template.family.isReasoning
            else { continue }
            let words = template.thoughtWords
            let answer = try text(template.renderOneturn(dialogue).response)
            #expect(answer.contains(words.open + "Hm." + words.close + "So."), "\(name)")
            let turns = try template.renderMultiturn(dialogue)
            #expect(text(turns[0].response) == answer, "\(name)")
            var silent = template
            silent.enablesThinking = false
            #expect(try !text(silent.renderOneturn(dialogue).response).contains("Hm."))
        }
        let plain = try TemplateCatalog.named("chatml")
        #expect(try text(plain.renderOneturn(dialogue).response) == "So.<|im_end|>\n")
        // A content with a thought of its own keeps that one.
        message.content = "<think>\nOld.\n</think>\n\nSo."
        let qwen = try TemplateCatalog.named("qwen3")
        let own = try text(qwen.renderOneturn([Message(.user, "Why?"), message]).response)
        #expect(own.contains("Old.") && !own.contains("Hm."))
    }

    @Test func whatATemplateDoesNotWriteIsAFault() throws {
        let (_, row) = try answer(#", "thinking": "Hm.""#, .openai)
        func codes(_ template: String, _ rows: [AlignedSample]) throws -> [DataFault.Code] {
            RowChecks(template: try TemplateCatalog.named(template)).faults(in: rows).map(\.code)
        }
        #expect(try codes("qwen3", [row]).isEmpty)
        #expect(try codes("chatml", [row]) == [.unwrittenText])
        let fault = try RowChecks(template: TemplateCatalog.named("chatml")).faults(in: [row, row])
        #expect(fault[0].count == 2 && fault[0].places[0].line == 7)
        #expect(fault[0].message.contains("chatml"))
        // Another thought in the content.
        var twice = row
        twice.response[0].content = "<think>No.</think>So."
        #expect(try codes("qwen3", [twice]) == [.unwrittenText])
        // A text beside a call, where nothing but calls is written.
        var call = row
        call.response[0] = Message(.function, #"[{"name": "f", "arguments": {}}]"#)
        call.response[0].textBeforeCall = "Wait."
        #expect(try codes("llama2", [call]) == [.unwrittenText])
        #expect(try codes("qwen", [call]).isEmpty)
    }

    // MARK: Marks

    @Test(arguments: Form.allCases) func marksSayWhatIsNotLearned(form: Form) throws {
        for name in ["loss", "train", "trainable", "training", "weight", "loss_weight"] {
            for value in ["false", "0", "0.0"] {
                let (message, sample) = try answer(#", "\#(name)": \#(value)"#, form)
                #expect(message.weight == 0 && sample.unread.isEmpty, "\(name): \(value)")
            }
            for value in ["true", "1", "null"] {
                #expect(try answer(#", "\#(name)": \#(value)"#, form).0.weight == 1)
            }
            guard form.isKnownToReference else { continue }
            let quirk = try answer(#", "\#(name)": 0"#, form, .messageMembers).0
            #expect(quirk.weight == 1)
        }
        #expect(try answer(#", "train": "False""#, form).0.weight == 0)
        #expect(try answer(#", "weight": 0.5"#, form).0.weight == 0.5)
        #expect(try answer(#", "weight": 0.5, "train": false"#, form).0.weight == 0)
        // A number that is no mark, such as a loss that was measured, is named.
        let (message, sample) = try answer(#", "loss": 1.75"#, form)
        #expect(message.weight == 1 && sample.unread == [.member("loss")])
        #expect(throws: FledgeError.self) { try answer(#", "weight": -1"#, form) }
    }

    @Test func aColumnOfMarksMasksMessages() throws {
        let messages =
            #""messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]"#
        for entry in [Form.openai.entry, Form.taggedSharegpt.entry] {
            for marks in ["[0, 0, 0, 0, 1]", "[false, false, false, true, true]"] {
                let sample = try Self.align(#"{"loss_mask": \#(marks), \#(messages)}"#, entry)
                #expect(sample.prompt[1].weight == 0 && sample.response[0].weight == 1)
                #expect(sample.unread.count == (marks.contains("false") ? 1 : 0))
                #expect(sample.system == "s")
            }
            for marks in ["[0, 1]", "[0, 0, 0, 0, \"x\"]", "3"] {
                let sample = try Self.align(#"{"loss_mask": \#(marks), \#(messages)}"#, entry)
                #expect(sample.response[0].weight == 1)
                #expect(sample.unread == [.column("loss_mask")])
            }
        }
        let reference = try Self.align(
            #"{"loss_mask": [0, 0, 0, 0, 1], \#(messages)}"#, Form.openai.entry, .messageMembers)
        #expect(reference.prompt.first?.weight == 1 && reference.fault == nil)
        #expect(reference.prompt.allSatisfy { $0.weight == 1 })
    }

    // MARK: The others

    @Test(arguments: Form.allCases) func whatNothingReadsIsNamed(form: Form) throws {
        for (member, isNamed) in [
            (#""id": "x""#, false), (#""timestamp": 3"#, false), (#""reply_id": "y""#, false),
            (#""refusal": null"#, false), (#""annotations": []"#, false),
            (#""audio": {"id": null}"#, false), (#""refusal": "I cannot.""#, true),
            (#""audio": {"data": "abc"}"#, true), (#""name": "Anna""#, true),
            (#""masked": true"#, true), (#""learn": 0"#, true), (#""translation": "Donc.""#, true),
            (#""reasoning_details": [{"text": "a"}]"#, true), (#""channel": "analysis""#, true),
        ] {
            let (_, sample) = try answer(", " + member, form)
            #expect(sample.unread.isEmpty == !isNamed, "\(member)")
        }
    }

    @Test func faultsCountAndNameTheFirstPlace() throws {
        let (_, row) = try answer(#", "refusal": "No.""#, .openai)
        var first = row
        first.source.line = 3
        let (_, plain) = try answer("", .openai)
        let checks = RowChecks(template: try TemplateCatalog.named("chatml"))
        let faults = checks.faults(in: [plain, first, plain, row])
        #expect(faults.map(\.code) == [.unreadMember])
        #expect(faults[0].count == 2 && faults[0].places.map(\.line) == [3, 7])
        #expect(faults[0].message.contains("refusal") && !faults[0].stopsTraining)
        // Many names do not make many lines.
        var odd = plain
        odd.unread = (0..<500).map { .column("c\($0)") }
        #expect(checks.faults(in: [odd]).count == 11)
    }

    @Test func columnsAreReadHarmlessOrNamed() throws {
        for (column, isNamed) in [
            (#""context": ["a", "b"]"#, true), (#""evidence": {"a": "b"}"#, true),
            (#""rationale": "r""#, true), (#""train": false"#, true),
            (#""sample_weight": 2"#, true),
            (#""images": ["a.png"]"#, true), (#""turns": ["a"]"#, true),
            (#""schema": "t(a)""#, true), (#""context": []"#, false), (#""note": """#, false),
            (#""id": "1""#, false), (#""source": "web""#, false), (#""doc_id": "7""#, false),
            (#""count": 4"#, false), (#""is_good": true"#, false), (#""meta": {"a": 1}"#, false),
        ] {
            let row = #"{"prompt": "a", "completion": "b", \#(column)}"#
            let sample = try Self.align(row, Form.answers.entry)
            #expect(sample.unread.isEmpty == !isNamed, "\(column)")
        }
    }
}
