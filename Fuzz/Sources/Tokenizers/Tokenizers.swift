import FledgeCore
import FledgeTokenize
import FuzzSupport

/// Any bytes as a text: nothing crashes, lossless tokenizers give back what they got, no text becomes a
/// control token, and threads, streams and memory of earlier texts change nothing.
@main struct Tokenizers: FuzzTarget {
    let subjects: [Subject]

    init() {
        do { subjects = try Subject.all(InputFile()) } catch { fatalError("\(error)") }
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard let choice = input.first else { return }
        let subject = subjects[Int(choice) % subjects.count]
        let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
            .assumingMemoryBound(to: UInt8.self)
        let tokenizer = subject.tokenizer
        for ids in [
            tokenizer.encode(bytes, specials: .text), tokenizer.encode(bytes, specials: .parse),
            tokenizer.encode(bytes, specials: .parseWithin([1..<bytes.count / 2 + 1])),
        ] {
            check(ids, of: subject)
        }
        // Loading takes longer than all the rest.
        check(String(decoding: bytes, as: UTF8.self), of: subject, loadsAnew: choice >= 0xF0)
    }

    /// All ids are tokens, and a stream of them gives what decoding them at once does.
    private func check(_ ids: [Int32], of subject: Subject) {
        let tokenizer = subject.tokenizer
        for id in ids { demand(tokenizer.written(id) != nil, "\(subject.name): no token \(id)") }
        for skips in [false, true] {
            var stream = StreamingDecoder(tokenizer, skippingSpecials: skips)
            var text = ids.map { stream.append($0) }.joined()
            text += stream.finish()
            let whole = tokenizer.decode(ids, skippingSpecials: skips)
            demand(
                text.utf8.elementsEqual(whole.utf8), "\(subject.name): \(text) is not \(whole)")
        }
    }

    private func check(_ text: String, of subject: Subject, loadsAnew: Bool) {
        let (name, tokenizer) = (subject.name, subject.tokenizer)
        let ids = tokenizer.encode(text, specials: .text)
        for id in ids where id != tokenizer.unknown {
            demand(!tokenizer.isSpecial(id), "\(name): the control token \(id) came of a text")
        }
        let parsed = tokenizer.encode(text, specials: .parse)
        let holdsSpecials = parsed.contains { $0 != tokenizer.unknown && tokenizer.isSpecial($0) }
        demand(
            !holdsSpecials || tokenizer.containsSpecial(text), "\(name): a hidden control token")
        let decoded = tokenizer.decode(ids, skippingSpecials: false)
        switch subject.promise {
        case .text: demand(decoded.utf8.elementsEqual(text.utf8), "\(name): \(decoded)")
        case .textWithoutMarks:
            let expected = text.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }
            demand(decoded.unicodeScalars.elementsEqual(expected), "\(name): \(decoded)")
        case .nothing: break
        }
        for others in tokenizer.encode([text, "a", text, text], specials: .text, threads: 2)
            .enumerated() where others.offset != 1
        {
            demand(others.element == ids, "\(name): other ids by another thread")
        }
        for (other, what) in [
            (subject.saved, "saved"), (loadsAnew ? try? subject.reload?() : nil, "loaded anew"),
        ] {
            guard let other else { continue }
            demand(other.encode(text, specials: .text) == ids, "\(name): other ids \(what)")
            demand(other.encode(text, specials: .parse) == parsed, "\(name): others \(what)")
        }
    }

    func writeSeeds(_ folder: SeedFolder) {
        let passages = Fixtures.json("TokenizeTests", "passages.json").arrayValue ?? []
        for (index, passage) in passages.enumerated() {
            for subject in subjects.indices where (index + subject) % 4 == 0 {
                folder.write(
                    [UInt8(subject)] + Array((passage.stringValue ?? "").utf8),
                    "passage-\(index)-\(subject)")
            }
        }
        for (index, subject) in subjects.enumerated() {
            let tokens = subject.tokenizer.addedTokens.prefix(8).map(\.content)
            folder.write(
                [UInt8(index)] + Array(tokens.joined(separator: " a ").utf8), "controls-\(index)")
        }
    }
}
