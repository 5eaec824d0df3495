// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "fledge-benchmarks",
    dependencies: [
        .package(name: "fledge", path: ".."),
        .package(url: "https://github.com/google/swift-benchmark", from: "0.1.2"),
    ],
    targets: [
        .executableTarget(
            name: "StepBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
        .executableTarget(
            name: "RolloutBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
        .executableTarget(
            name: "DecodeBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
        .executableTarget(
            name: "PreprocessBenchmark", dependencies: [.product(name: "Fledge", package: "fledge")]),
        .executableTarget(
            name: "TokenizeBenchmark",
            dependencies: [.product(name: "FledgeTokenize", package: "fledge")]),
        .executableTarget(
            name: "KernelBenchmark",
            dependencies: [
                .product(name: "Fledge", package: "fledge"),
                .product(name: "Benchmark", package: "swift-benchmark"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
