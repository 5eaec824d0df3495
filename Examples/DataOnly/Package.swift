// swift-tools-version: 6.1
import PackageDescription

// Tokenizer and data pipeline alone: neither OpenBLAS nor a kernel is linked
// (`Scripts/check-data-only.sh` holds it).
let package = Package(
    name: "DataOnly",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: [
        .executableTarget(
            name: "DataOnly",
            dependencies: [
                .product(name: "FledgeTokenize", package: "fledge"),
                .product(name: "FledgeData", package: "fledge"),
            ], path: "Sources")
    ],
    swiftLanguageModes: [.v6]
)
