// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "CustomPreference",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: [
        .executableTarget(
            name: "CustomPreference", dependencies: [.product(name: "Fledge", package: "fledge")],
            path: "Sources")
    ]
)
