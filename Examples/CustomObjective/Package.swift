// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "CustomObjective",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: [
        .executableTarget(
            name: "CustomObjective", dependencies: [.product(name: "Fledge", package: "fledge")],
            path: "Sources")
    ]
)
