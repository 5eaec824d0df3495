// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "fledge-benchmarks",
    dependencies: [.package(name: "fledge", path: "..")],
    targets: [
        .executableTarget(
            name: "StepBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
        .executableTarget(
            name: "DecodeBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
    ],
    swiftLanguageModes: [.v6]
)
