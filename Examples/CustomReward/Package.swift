// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "CustomReward",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: [
        .executableTarget(
            name: "CustomReward", dependencies: [.product(name: "Fledge", package: "fledge")],
            path: "Sources")
    ]
)
