import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation
import Testing

/// Damaged templates give a text or an error, never a crash and never an endless run.
@Suite struct JinjaFuzzTests {
    private static let pieces = [
        "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "(", ")", "[", "]", "{", "}", "|", "~",
        ":", ",", ".", "'", "\"", "\\", "loop", "not", "is", "in", "if", "else", "endif", "for",
        "endfor", "set", "macro", "endmacro", "**", "//", "%", "-", "recursive", "range(9)",
        "namespace()", "ns.x", "caller()", "é", "\u{301}", "\u{0}", "999999999999999999999",
        "1e999",
        "* 99999", "generation", "endgeneration", "break", "raw", "tojson", "split", "[::-1]",
    ]

    private func mutate(_ text: [UInt8], _ draws: inout KeyedGenerator) -> [UInt8] {
        var bytes = text
        func below(_ count: Int) -> Int { count > 0 ? Int(draws.next() % UInt64(count)) : 0 }
        for _ in 0...below(4) {
            let place = below(bytes.count)
            switch below(5) {
            case 0 where !bytes.isEmpty: bytes[place] = UInt8(truncatingIfNeeded: draws.next())
            case 1: bytes.removeSubrange(place..<min(place + 1 + below(12), bytes.count))
            case 2:
                let end = min(place + below(60), bytes.count)
                bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count))
            case 3 where place < bytes.count: bytes.swapAt(place, below(bytes.count))
            default:
                bytes.insert(contentsOf: Self.pieces[below(Self.pieces.count)].utf8, at: place)
            }
        }
        return bytes
    }

    private func run(_ sources: [String], _ values: JSONValue, rounds: Int) {
        let limits = JinjaLimits(work: 100_000, nesting: 800, textBytes: 1 << 20)
        var outcomes = (texts: 0, errors: 0)
        for (index, source) in sources.enumerated() {
            var draws = KeyedGenerator(RandomKey(seed: 7).appending(index))
            for _ in 0..<rounds {
                let bytes = mutate(Array(source.utf8), &draws)
                do {
                    let template = try JinjaTemplate(
                        parsing: String(decoding: bytes, as: UTF8.self), file: "fuzz")
                    _ = try template.render(values, clock: JinjaFixtures.clock, limits: limits)
                    outcomes.texts += 1
                } catch {
                    if !(error is FledgeError) { Issue.record("\(error)") }
                    outcomes.errors += 1
                }
            }
        }
        #expect(outcomes.texts > 0 && outcomes.errors > 0)
    }

    @Test func damagedSnippetsAreHarmless() throws {
        let fixture = try JinjaFixtures.load("jinja-snippets.json")
        let sources = (fixture["cases"]?.arrayValue ?? []).compactMap {
            $0["template"]?.stringValue
        }
        run(sources, fixture["values"] ?? [:], rounds: 40)
    }

    @Test(.enabled(if: JinjaFixtures.hasTemplates)) func damagedTemplatesAreHarmless() throws {
        let fixture = try JinjaFixtures.load("jinja-templates.json")
        let names = try FileManager.default.contentsOfDirectory(atPath: JinjaFixtures.templates)
        let sources = try names.sorted().map { name in
            let path = JinjaFixtures.templates + "/" + name
            return String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        }
        let shapes = fixture["shapes"]?.arrayValue ?? []
        let shape = shapes.first { $0["name"] == "calls in turn" } ?? [:]
        var values = shape["options"] ?? [:]
        values["messages"] = shape["messages"] ?? []
        run(sources, values, rounds: 12)
    }
}
