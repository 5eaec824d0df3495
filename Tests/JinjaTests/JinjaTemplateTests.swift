import FledgeCore
import FledgeJinja
import FledgeTokenize
import Testing

/// Errors, limits and what a program sees of a template.
@Suite struct JinjaTemplateTests {
    private func error(
        _ text: String, _ values: JSONValue = [:], limits: JinjaLimits = JinjaLimits()
    ) -> FledgeError? {
        do {
            _ = try JinjaTemplate(parsing: text, file: "t.jinja").render(values, limits: limits)
            return nil
        } catch { return error as? FledgeError }
    }

    @Test func errorsNameTheirPlace() throws {
        let syntax = try #require(error("a\n{% if x %}\n  {{ y"))
        #expect(syntax.code == .templateSyntax)
        #expect(syntax.location == .init(file: "t.jinja", line: 3, column: 7))
        let missing = try #require(error("a\n\n  {{ x.y.z }}"))
        #expect(missing.code == .templateUndefined)
        #expect(missing.message == "'x' is undefined")
        #expect(missing.location == .init(file: "t.jinja", line: 3, column: 7))
        #expect(missing.description.contains("is defined"))
        let filter = try #require(error("{% for m in l %}\n{{ m|nonsense }}{% endfor %}"))
        #expect(filter.code == .templateSyntax)
        #expect(filter.location == .init(file: "t.jinja", line: 2, column: 6))
        let inside = try #require(
            error("{% macro m(x) %}\n{{ x + 1 }}{% endmacro %}\n{{ m('a') }}"))
        #expect(inside.location?.line == 2)
        let unhashable = try #require(error("\n {% if {[1]: 2} %}{% endif %}"))
        #expect(unhashable.location == .init(file: "t.jinja", line: 2, column: 5))
        let unsupported = try #require(error("\n{% include 'x' %}"))
        #expect(unsupported.message.contains("include") && unsupported.location?.line == 2)
    }

    @Test func aTemplatesOwnErrorKeepsItsMessage() throws {
        let raised = try #require(error("{{ raise_exception('No \\'tools\\' é!\\n') }}"))
        #expect(raised.code == .templateRaised)
        #expect(raised.message == "No 'tools' é!\n" && raised.advice.isEmpty)
    }

    @Test func keysAreComparedByTheirBytes() throws {
        let values: JSONValue = ["é": 1, "e\u{301}": 2, "s": "e\u{301}"]
        let text = "{{ {'é': 1, 'e\u{301}': 2}|length }}{{ s == 'é' }}{{ s|length }}{{ 'é' in s }}"
        #expect(try JinjaTemplate(parsing: text).render(values).text == "2False2False")
    }

    @Test(arguments: [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(90) %}"
            + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(90) %}"
            + "{% set ns.s = ns.s.replace('a', ns.s) %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(90) %}"
            + "{% set ns.l = [ns.l, ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(90000) %}"
            + "{% set ns.l = [ns.l] %}{% endfor %}",
        "{% set ns = namespace(l=none) %}{% for i in range(90000) %}"
            + "{% set ns.l = namespace(l=ns.l) %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(90000) %}"
            + "{% set ns.l = ns.l|map('string') %}{% endfor %}{{ ns.l|list }}",
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
        "{% macro m(x) %}{% call m(1) %}{{ x }}{% endcall %}{{ caller() }}{% endmacro %}{{ m(1) }}",
        "{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}",
        "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{{ 'a' * 1000000000 }}", "{{ [1] * 1000000000 }}", "{{ 'a'.ljust(99999999999) }}",
        "{{ '%99999999d' % 1 }}", "{{ '{:99999999}'.format(1) }}", "{{ 'a'|center(9999999999) }}",
        "{{ ('a' * 30000000)|indent(1000000) }}", "{{ [1]|tojson(indent=9999999999) }}",
        "{% for i in range(99999) %}{{ 'x' in ('a' * 60000) }}{% endfor %}",
        "{% set s = ('aa' * 60000)|list %}{% for i in s %}{{ 'b' in s }}{% endfor %}",
    ])
    func hostileTemplatesAreStopped(_ text: String) throws {
        let stopped = try #require(error(text, limits: JinjaLimits(work: 3_000_000)))
        #expect(stopped.code == .templateLimit, "\(stopped)")
    }

    /// Whatever holds another value could make a chain that is too long to be let go.
    @Test(arguments: [
        "{% set ns.x = cycler(ns.x) %}", "{% set ns.x = cycler(ns.x).next %}",
        "{% set ns.x = joiner(ns.x) %}", "{% set ns.x = [ns.x].index %}",
        "{% set ns.x = {'a': ns.x}.get %}", "{% set ns.x = {'a': ns.x}.items() %}",
        "{% set ns.x = [1]|map('default', ns.x) %}", "{% set ns.x = [1]|select('eq', ns.x) %}",
        "{% set ns.x = [1]|batch(2, ns.x) %}", "{% set ns.x = [ns.x]|reverse %}",
        "{% for y in [ns.x] %}{% set ns.x = loop %}{% endfor %}",
        "{% for y in [ns.x] %}{% set ns.z = loop.changed(ns.x) %}{% set ns.x = loop.changed %}"
            + "{% endfor %}",
        "{% set p = namespace() %}{% set q = [p] %}{% set p.x = ns.x %}{% set ns.x = q %}",
        "{{ k(ns.x) }}", "{{ j(ns.x) }}", "{% call s() %}{% endcall %}",
    ])
    func longChainsAreHarmless(_ statement: String) throws {
        let text = """
            {% set ns = namespace(x=1) %}
            {% macro s() %}{% set ns.x = caller %}{% endmacro %}
            {% macro k(x) %}{% call s() %}{{ x }}{% endcall %}{% endmacro %}
            {% macro j(x) %}{% macro i() %}{{ x }}{% endmacro %}{% set ns.x = i %}{% endmacro %}
            {% for i in range(60000) %}\(statement){% endfor %}{{ ns.x }}
            """
        if let error = error(text) { #expect(error.code == .templateLimit, "\(error)") }
    }

    @Test func deepSyntaxIsRefused() throws {
        func nested(_ open: String, _ close: String, _ middle: String = "1") -> String {
            String(repeating: open, count: 5000) + middle + String(repeating: close, count: 5000)
        }
        for text in [
            "{{ " + nested("(", ")") + " }}", "{{ " + nested("[", "]") + " }}",
            "{{ " + nested("not ", "") + " }}", "{{ " + nested("-", "") + " }}",
            "{{ 1" + nested(" + 1", "", "") + " }}", "{{ x" + nested(".a", "", "") + " }}",
            "{{ x" + nested("|upper", "", "") + " }}", "{{ " + nested("1 if 2 else ", "") + " }}",
            nested("{% if x %}", "{% endif %}"), nested("{% for x in y %}", "{% endfor %}"),
            "{% set " + nested("(", ")", "a") + " = 1 %}",
        ] { #expect(error(text)?.code == .templateLimit, "\(text.prefix(40))") }
        let many = (0..<40_000).map { "{% if a %}{% set b\($0) = 1 %}{% endif %}" }.joined()
        #expect(error(many)?.code == .templateLimit)
        #expect(error(String(many.prefix(20_000)) + "{% if a %}") != nil)
        #expect(error(String(repeating: " ", count: 2_000_000))?.code == .templateLimit)
        // What real templates have is far from it.
        let deep =
            String(repeating: "{% if true %}", count: 60) + "x"
            + String(repeating: "{% endif %}", count: 60)
        #expect(try JinjaTemplate(parsing: deep).render([:]).text == "x")
    }

    @Test func oneTemplateRendersOnManyThreads() async throws {
        let template = try JinjaTemplate(
            parsing: "{% set ns = namespace(n=0) %}{% macro m(x) %}<{{ x }}>{% endmacro %}"
                + "{% for i in range(50) %}{% set ns.n = ns.n + k %}{{ m(ns.n) }}{% endfor %}")
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for k in 1...20 {
                group.addTask { (k, try template.render(["k": .integer(k)]).text) }
            }
            for try await (k, text) in group {
                #expect(text == (1...50).map { "<\($0 * k)>" }.joined())
            }
        }
    }

    @Test func generationIsMarked() throws {
        let template = try JinjaTemplate(
            parsing: "é{% for m in l %}{% if m %}{% generation %}{{ m }}!{% endgeneration %}"
                + "{% endif %}|{% endfor %}")
        let rendering = try template.render(["l": ["a", "", "ü"]])
        #expect(rendering.text == "éa!||ü!|" && template.marksGeneration)
        #expect(rendering.generated == [2..<4, 6..<9])
        #expect(try !JinjaTemplate(parsing: "generation").marksGeneration)
    }
}
