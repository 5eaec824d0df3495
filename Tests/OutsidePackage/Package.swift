// swift-tools-version: 6.1
import PackageDescription

// A package of somebody else: each executable uses one product of Fledge, without special flags.
// `Scripts/check-products.sh` builds it and looks at what got linked.

let products = [
    "Fledge", "FledgeCore", "FledgeTensor", "FledgeJinja", "FledgeTokenize", "FledgeColumnar",
    "FledgeData", "FledgeModel", "FledgeAdapters", "FledgeTrain", "FledgeScoreServer",
    "FledgeTesting",
]

let package = Package(
    name: "outside",
    dependencies: [.package(name: "fledge", path: "../..")],
    targets: products.map { product in
        .executableTarget(
            name: "Uses" + product, dependencies: [.product(name: product, package: "fledge")])
    } + [
        // What somebody else's package adds: one conformer for each protocol that is open.
        .executableTarget(
            name: "Conformers",
            dependencies: [
                .product(name: "Fledge", package: "fledge"),
                .product(name: "FledgeTesting", package: "fledge"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
