// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "CustomLoop",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: [
        .executableTarget(
            name: "CustomLoop", dependencies: [.product(name: "Fledge", package: "fledge")],
            path: "Sources")
    ]
)
