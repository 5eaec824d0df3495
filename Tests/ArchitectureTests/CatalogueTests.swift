import Foundation
import Testing

/// Every library product has a page of documentation that names what there is.
@Suite struct CatalogueTests {
    /// The library products of the manifest.
    private func products() throws -> [String] {
        let manifest = try Repository.file("Package.swift").text
        return manifest.matches(of: #/\.library\(name: "(\w+)"/#).map { String($0.1) }
    }

    private func folder(_ product: String) -> String {
        product == "Fledge" ? "Fledge" : String(product.dropFirst("Fledge".count))
    }

    private func page(_ product: String) throws -> String {
        try Repository.file(
            "Sources/\(folder(product))/\(product).docc/\(product).md"
        ).text
    }

    /// What of the names in a text no source declares in public.
    static func unknown(_ page: String, _ sources: [String]) -> [String] {
        let names = page.matches(of: #/``(\w+)(?:\([^`]*\))?``/#).map { String($0.1) }
        return names.filter { name in
            !sources.contains { source in
                ["struct", "final class", "class", "enum", "protocol", "func", "typealias"].contains
                {
                    source.contains("\npublic \($0) \(name)")
                        || source.hasPrefix("public \($0) \(name)")
                }
            }
        }
    }

    @Test func productsHavePages() throws {
        let products = try products()
        #expect(products.count == 12)
        let index = try Repository.file(".spi.yml").text
        for product in products {
            let page = try page(product)
            #expect(page.hasPrefix("# ``\(product)``\n"))
            #expect(index.contains("- \(product)\n"), "\(product) is not in .spi.yml")
            let sources = try Repository.files(in: "Sources/" + folder(product)).map(\.text)
            let text = page.split(separator: "\n").dropFirst().joined(separator: "\n")
            #expect(Self.unknown(text, sources) == [], "\(product)")
        }
    }

    /// The programs of the outside package are built, so what pages show compiles.
    @Test func examplesArePrograms() throws {
        for product in try products() {
            let program = try Repository.file(
                "Tests/OutsidePackage/Sources/Uses\(product)/main.swift"
            ).text
            #expect(try page(product).contains("```swift\n\(program)```\n"), "\(product)")
        }
    }

    @Test func aNameThatIsNotThereIsSeen() {
        let sources = ["import A\n\npublic struct Here: Sendable {}\nstruct Hidden {}"]
        #expect(
            Self.unknown("``Here`` ``Hidden`` ``Gone`` ``Here(a:_:)``", sources) == [
                "Hidden", "Gone",
            ])
    }
}
