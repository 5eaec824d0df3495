// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift target whose directory has the plain name and whose module carries the project's prefix.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: "Fledge" + name, dependencies: dependencies, path: "Sources/" + name,
        swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
        exclude: ["Fixtures"], swiftSettings: swiftSettings)
}

/// What reads Zstandard is a library of the system, for those who ask for it.
let zstandard: Target.Dependency = .target(name: "CZstd", condition: .when(traits: ["Zstandard"]))

/// What reads gzip and writes PNG, unless somebody leaves it out.
let zlib: Target.Dependency = .target(name: "CZlib", condition: .when(traits: ["Zlib"]))

/// What libraries report through, to whomever asks.
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// The web server, of the product that serves alone.
let flyingFox: Target.Dependency = .product(name: "FlyingFox", package: "FlyingFox")
let flyingSocks: Target.Dependency = .product(name: "FlyingSocks", package: "FlyingFox")

let package = Package(
    name: "fledge",
    products: [
        .library(name: "Fledge", targets: ["Fledge"]),
        .library(name: "FledgeCore", targets: ["FledgeCore"]),
        .library(name: "FledgeTensor", targets: ["FledgeTensor"]),
        .library(name: "FledgeJinja", targets: ["FledgeJinja"]),
        .library(name: "FledgeTokenize", targets: ["FledgeTokenize"]),
        .library(name: "FledgeColumnar", targets: ["FledgeColumnar"]),
        .library(name: "FledgeData", targets: ["FledgeData"]),
        .library(name: "FledgeModel", targets: ["FledgeModel"]),
        .library(name: "FledgeAdapters", targets: ["FledgeAdapters"]),
        .library(name: "FledgeTrain", targets: ["FledgeTrain"]),
        .library(name: "FledgeScoreServer", targets: ["FledgeScoreServer"]),
        .library(name: "FledgeTesting", targets: ["FledgeTesting"]),
        .executable(name: "fledge", targets: ["FledgeCommandLine"]),
    ],
    traits: [
        .default(enabledTraits: ["Zlib"]),
        .trait(
            name: "Zlib",
            description: "Reads gzip and draws charts; needs the package zlib1g-dev."),
        .trait(
            name: "Zstandard",
            description: "Reads data compressed by Zstandard; needs the package libzstd-dev."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", .upToNextMinor(from: "0.27.1")),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"])]),
        .target(name: "FledgeKernels", path: "Sources/Kernels"),
        .target(name: "FledgeDigest", path: "Sources/Digest"),
        module("Core", ["FledgeDigest"]),
        module("Tensor", ["FledgeCore", "FledgeKernels", "COpenBLAS"]),
        module("Jinja", ["FledgeCore"]),
        module("Tokenize", ["FledgeCore", "FledgeJinja"]),
        module("Columnar", ["FledgeCore", zlib, zstandard]),
        module("Data", ["FledgeCore", "FledgeTokenize", "FledgeColumnar"]),
        module("Model", ["FledgeCore", "FledgeTensor"]),
        module("Adapters", ["FledgeCore", "FledgeTensor", "FledgeModel"]),
        module(
            "Train",
            ["FledgeCore", "FledgeTensor", "FledgeColumnar", "FledgeData", "FledgeModel", logging]),
        .target(
            name: "Fledge",
            dependencies: [
                "FledgeCore", "FledgeTensor", "FledgeJinja", "FledgeTokenize", "FledgeColumnar",
                "FledgeData", "FledgeModel", "FledgeAdapters", "FledgeTrain",
                logging, .product(name: "Yams", package: "Yams"),
            ], path: "Sources/Fledge", swiftSettings: swiftSettings),
        module("ScoreServer", ["Fledge", flyingFox, flyingSocks]),
        .executableTarget(
            name: "FledgeCommandLine",
            dependencies: [
                "Fledge", "FledgeScoreServer", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/CommandLine", swiftSettings: swiftSettings),
        module(
            "Testing",
            [
                "FledgeCore", "FledgeTensor", "FledgeTokenize", "FledgeData", "FledgeModel",
                "FledgeAdapters", "FledgeTrain",
            ]),
        tests("Core", ["FledgeCore", "FledgeDigest"]),
        tests("Tensor", ["FledgeCore", "FledgeTensor", "FledgeTesting"]),
        tests("Jinja", ["FledgeCore", "FledgeJinja", "FledgeTokenize"]),
        tests("Tokenize", ["FledgeCore", "FledgeTokenize"]),
        tests("Columnar", ["FledgeCore", "FledgeColumnar", "FledgeData"]),
        tests("Data", ["FledgeCore", "FledgeTokenize", "FledgeColumnar", "FledgeData"]),
        tests(
            "Model",
            ["FledgeCore", "FledgeTensor", "FledgeModel", "FledgeAdapters", "FledgeTesting"]),
        tests(
            "Adapters",
            ["FledgeCore", "FledgeTensor", "FledgeModel", "FledgeAdapters", "FledgeTesting"]),
        tests(
            "Train",
            [
                "FledgeCore", "FledgeTensor", "FledgeData", "FledgeModel", "FledgeAdapters",
                "FledgeTrain", "FledgeTesting",
            ]),
        tests("Fledge", ["Fledge", "FledgeTesting"]),
        tests(
            "CommandLine", ["Fledge", "FledgeScoreServer", "FledgeCommandLine", "FledgeTesting"]),
        tests("Architecture", ["Fledge", "FledgeTesting"]),
    ],
    swiftLanguageModes: [.v6]
)
