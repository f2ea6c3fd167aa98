// swift-tools-version: 6.2
import PackageDescription

/// A package of its own with an operator of its own. Outside of this repository the dependency is
/// `.package(url: …)` instead of a path.
let package = Package(
  name: "OwnOperator",
  dependencies: [.package(name: "tessera", path: "../..")],
  targets: [
    .executableTarget(
      name: "OwnOperator",
      dependencies: [
        .product(name: "Tiles", package: "tessera"),
        .product(name: "Runtime", package: "tessera"),
        .product(name: "Reference", package: "tessera"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
