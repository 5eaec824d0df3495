import Fledge
import FledgeTesting
import Foundation
import Testing

@Suite("fledge tokenize and preprocess", .commandIsBuilt)
struct TextCommandTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    private func tokens(_ input: [UInt8], _ more: String...) throws -> [String] {
        let outcome = try CommandRun(
            ["tokenize", "model"] + more, in: project.path, input: input
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.lines
    }

    /// The ids of single bytes are the bytes plus the three control tokens.
    private func ids(ofBytes bytes: [UInt8]) -> String {
        let numbers: [String] = bytes.map { String(Int($0) + 3) }
        return "[" + numbers.joined(separator: ", ") + "]"
    }

    @Test func onlyANewlineEndsALine() throws {
        #expect(try tokens(Array("ab\n\nb".utf8)) == ["[100, 101]", "[]", "[101]"])
        #expect(try tokens(Array("\n".utf8)) == ["[]"])
        #expect(try tokens([]).isEmpty)
        #expect(try tokens(Array("a\r\n".utf8)) == ["[100, 16]"])
        let others = "a\u{B}\u{C}\r\u{85}\u{2028}b"
        #expect(try tokens(Array((others + "\n").utf8)) == [ids(ofBytes: Array(others.utf8))])
    }

    @Test func invalidBytesBecomeReplacementCharacters() throws {
        let replacement = "[100, 242, 194, 192, 101]"
        #expect(try tokens([0x61, 0xFF, 0x62, 10, 0x61, 0, 10]) == [replacement, "[100, 3]"])
    }

    @Test func controlStrings() throws {
        let line = Array("a<|im_end|>".utf8)
        #expect(try tokens(line) == ["[100, 2]"])
        #expect(try tokens(line, "--special", "parse") == ["[100, 2]"])
        #expect(try tokens(line, "--special", "none") == [ids(ofBytes: line)])
        #expect(try tokens(line, "--add-special") == ["[0, 100, 2]"])
        #expect(try tokens([10], "--add-special") == ["[0]"])
        #expect(try fledge("tokenize", "model", "--special", "some", in: project.path).status == 2)
    }

    @Test func longInputAndOtherPaths() throws {
        let lines = (0..<3000).map { String(repeating: "x", count: $0 % 97) }
        let input = Array(lines.joined(separator: "\n").utf8)
        let all = try tokens(input)
        #expect(all.count == 3000)
        #expect(all[5] == "[123, 123, 123, 123, 123]")
        let file = try fledge("tokenize", "model/tokenizer.json", in: project.path, input: "ab\n")
        #expect(file.output == "[100, 101]\n")
        let folder = try fledge("tokenize", "data", in: project.path, input: "ab\n")
        #expect(folder.status == 2 && folder.isClearFailure)
        let shell = try fledge("tokenize", "model", in: project.path, shell: "exec < /")
        #expect(shell.status == 1 && shell.isClearFailure, "\(shell)")
    }

    private func rows(_ more: String...) throws -> [JSONValue] {
        let outcome = try CommandRun(
            ["preprocess", "run.yaml", "--output", "-"] + more, in: project.path
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try outcome.lines.map { try JSONValue(parsing: $0) }
    }

    private func ids(_ row: JSONValue, _ key: String) -> [Int32] {
        row[key]?.arrayValue?.compactMap { $0.intValue.map(Int32.init) } ?? []
    }

    @Test func rowsAreInTheOrderOfTheData() throws {
        let rows = try rows()
        #expect(rows.count == 12)
        let tokenizer = try TinyProject.tokenizer()
        for (index, row) in rows.enumerated() {
            #expect(row.members?.map(\.key) == ["input_ids", "attention_mask", "labels"])
            let (input, labels) = (ids(row, "input_ids"), ids(row, "labels"))
            #expect(input.count == labels.count)
            #expect(ids(row, "attention_mask") == input.map { _ in 1 })
            #expect(tokenizer.decode(input, skippingSpecials: false).contains("tiny \(index)?"))
            let learned = labels.filter { $0 != -100 }
            let answer = String(repeating: "ab", count: 2 + index % 3)
            #expect(
                tokenizer.decode(learned, skippingSpecials: false).hasSuffix(answer + "<|im_end|>")
                    || tokenizer.decode(learned, skippingSpecials: false).hasSuffix(
                        answer + "<|im_end|>\n")
            )
            // The control string in the system prompt stays text.
            let ends = input.count { $0 == 2 }
            #expect(input.count { $0 == 1 } == ends)
        }
    }

    @Test func filesEqualStandardOutput() throws {
        let outcome = try fledge(
            "preprocess", "run.yaml", "--output", "-", in: project.path)
        let file = try fledge("preprocess", "run.yaml", "--output", "rows.jsonl", in: project.path)
        #expect(file.status == 0 && file.output.isEmpty)
        #expect(try project.bytes("rows.jsonl") == Array(outcome.output.utf8))
        let null = try fledge("preprocess", "run.yaml", "--output", "/dev/null", in: project.path)
        #expect(null.status == 0)
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func splits() throws {
        let train = try rows("val_size=3")
        let validation = try rows("val_size=3", "--split", "validation")
        #expect(train.count == 9 && validation.count == 3)
        #expect(Set(train).isDisjoint(with: validation))
        #expect(try Set(train).union(validation) == Set(rows()))
        #expect(try rows("eval_dataset=other", "--split=validation").count == 4)
        let none = try fledge(
            "preprocess", "run.yaml", "--output", "-", "--split", "validation", in: project.path)
        #expect(none.status == 2 && none.isClearFailure && none.output.isEmpty)
        let wrong = try fledge(
            "preprocess", "run.yaml", "--output", "-", "--split", "test", in: project.path)
        #expect(wrong.status == 2)
    }

    @Test func packedRows() throws {
        let rows = try rows("neat_packing=true", "cutoff_len=128")
        #expect(rows.count > 1 && rows.count < 12)
        for row in rows {
            let columns: [String] = row.members?.map(\.key) ?? []
            #expect(columns == ["input_ids", "attention_mask", "position_ids", "labels"])
            let counts = Set(columns.map { ids(row, $0).count })
            #expect(counts.count == 1)
            #expect((ids(row, "attention_mask").max() ?? 0) >= 1)
        }
        #expect(rows.contains { (ids($0, "attention_mask").max() ?? 0) > 1 })
    }

    @Test func plansShowWhatWillBeLearned() throws {
        let plan = try fledge("plan", "run.yaml", in: project.path)
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(plan.output.contains("⟦") && plan.output.contains("<|im_end|>"))
        #expect(plan.output.contains(" steps, ") && plan.output.contains("No fault was found."))
        let json = try fledge("plan", "run.yaml", "--json", in: project.path)
        let value = try JSONValue(parsing: json.output, file: "plan")
        #expect(value["faults"]?.arrayValue?.isEmpty == true)
        #expect((value["tokens_per_second"]?.doubleValue ?? 0) > 0)
        #expect((value["peak_bytes"]?.intValue ?? 0) > 0)
        #expect(!FileManager.default.fileExists(atPath: project.file("out")))
    }

    @Test func plansWithFaultsEndWithThree() throws {
        for keys in [
            ["template=llama3"], ["dataset=absent"],
            ["dataloader_drop_last=true", "per_device_train_batch_size=13"],
        ] {
            let plan = try CommandRun(["plan", "run.yaml"] + keys, in: project.path).wait()
            #expect(plan.status == 3 && !plan.output.isEmpty, "\(keys) \(plan.errors)")
        }
        let allowed = try fledge(
            "plan", "run.yaml", "template=llama3",
            "allowed_faults=foreign-template,missing-stop,missing-vectors",
            in: project.path)
        #expect(allowed.output.contains("foreign-template"))
        #expect(try fledge("plan", "run.yaml", "lora_rnk=8", in: project.path).status == 2)
    }

    @Test func templatesAreVerified() throws {
        let same = try fledge("verify-template", "model", "--template", "chatml", in: project.path)
        #expect(same.status == 0 && same.output.contains("no chat template of its own"))
        try AtomicFile.write(
            "{% for m in messages %}<|im_start|>{{ m.role }}:{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant:{% endif %}",
            to: project.file("model/chat_template.jinja"))
        let other = try fledge(
            "verify-template", "model", "--template", "chatml", "--json", in: project.path)
        #expect(other.status == 3)
        let value = try JSONValue(parsing: other.output, file: "verification")
        #expect(value["agrees"]?.boolValue == false && value["template"]?.stringValue == "chatml")
        // What is read off the model's own template agrees with it, and a run without a name uses it.
        let read = try fledge("verify-template", "model", in: project.path)
        #expect(read.status == 0, "\(read.output) \(read.errors)")
        let rows = try fledge(
            "preprocess", "run.yaml", "template=null", "--output", "-", in: project.path)
        #expect(rows.status == 0 && rows.errors.contains("read off the model's own one"))
        let unknown = try fledge("verify-template", "model", "--template", "x", in: project.path)
        #expect(unknown.status == 2)
    }
}
