// swift-tools-version: 6.1
import PackageDescription

/// A program for libFuzzer, whose flags are those of `fuzz.sh`.
func fuzzer(_ name: String, _ products: [String]) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["FuzzSupport"]
            + products.map { .product(name: $0, package: "fledge") })
}

let package = Package(
    name: "fledge-fuzz",
    dependencies: [.package(name: "fledge", path: "..")],
    targets: [
        .systemLibrary(name: "CLibFuzzer"),
        .target(
            name: "FuzzSupport",
            dependencies: ["CLibFuzzer", .product(name: "FledgeCore", package: "fledge")]),
        fuzzer("Tokenizers", ["FledgeCore", "FledgeTokenize"]),
        fuzzer("TokenizerFiles", ["FledgeCore", "FledgeTokenize"]),
        fuzzer("Templates", ["FledgeCore", "FledgeTokenize"]),
        fuzzer("Answers", ["FledgeCore", "FledgeTokenize"]),
        fuzzer("DataFiles", ["FledgeCore", "FledgeData"]),
    ],
    swiftLanguageModes: [.v6]
)
