// swift-tools-version: 6.2
import PackageDescription

/// Tessera's floors, lowest first. A floor imports only what stands in its row:
/// `Tests/Correct/Architecture/ArchitectureTests.swift` reads this manifest and the sources' imports and holds it.
let package = Package(
  name: "tessera",
  products: [
    .library(name: "Tiles", targets: ["Tiles"]),
    .library(name: "Runtime", targets: ["Runtime"]),
    .library(name: "Reference", targets: ["Reference"]),
    .library(name: "Operators", targets: ["Operators"]),
    .library(name: "Steps", targets: ["Steps"]),
    .library(name: "DeepSeek", targets: ["DeepSeek"]),
    .executable(name: "tessera", targets: ["tessera"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    .target(name: "Formats"),
    .target(name: "DynamicLibrary"),
    .target(name: "TileIR", dependencies: ["Formats"]),
    .target(name: "Tiles", dependencies: ["TileIR", "Formats"]),
    .target(name: "Reference", dependencies: ["TileIR", "Formats"]),
    .target(name: "MachineIR", dependencies: ["TileIR"]),
    .target(name: "Proofs", dependencies: ["TileIR", "MachineIR", "Reference", "DynamicLibrary"]),
    .target(name: "Schedules", dependencies: ["Formats", "TileIR", "MachineIR"]),
    .target(name: "Roofline", dependencies: ["TileIR", "MachineIR"]),
    .target(name: "CFamily", dependencies: ["TileIR", "MachineIR"]),
    .target(name: "EmitC", dependencies: ["MachineIR", "TileIR", "CFamily"]),
    .target(name: "EmitCUDA", dependencies: ["MachineIR", "TileIR", "CFamily"]),
    .target(name: "EmitAscend", dependencies: ["MachineIR", "TileIR", "CFamily"]),
    .target(name: "Steps", dependencies: ["TileIR"]),
    .target(name: "CTesseraShims"),
    .target(name: "DeviceModel", dependencies: ["CTesseraShims"]),
    .target(name: "CUDADriver", dependencies: ["DynamicLibrary"]),
    .target(name: "AscendDriver", dependencies: ["DynamicLibrary"]),
    .target(
      name: "Runtime",
      dependencies: [
        "MachineIR", "TileIR",
        "Proofs", "Schedules", "EmitC", "EmitCUDA", "EmitAscend", "Steps", "DynamicLibrary", "CTesseraShims",
        "DeviceModel", "CUDADriver", "AscendDriver",
      ]),
    .target(name: "Alignment", dependencies: ["Steps", "TileIR", "Reference", "Runtime"]),
    .target(name: "Operators", dependencies: ["Tiles"]),
    .target(name: "JSON"),
    .target(name: "Export", dependencies: ["CFamily", "EmitAscend", "DeviceModel", "MachineIR", "Proofs", "TileIR", "Reference", "Runtime", "JSON"]),
    .target(name: "Safetensors", dependencies: ["TileIR", "JSON"]),
    .target(
      name: "DeepSeek",
      dependencies: ["TileIR", "Formats", "Tiles", "Operators", "Steps", "Runtime", "JSON", "Safetensors"]),
    .target(name: "ElementaryOracle", dependencies: ["TileIR", "DynamicLibrary"]),
    .executableTarget(
      name: "check-elementary",
      dependencies: [
        "MachineIR", "Schedules", "TileIR",
        "ElementaryOracle", "Runtime", "Tiles",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "check-layers",
      dependencies: [
        "TileIR", "Operators", "Reference", "Runtime", "Alignment", "DeepSeek", "Safetensors",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "CBenchKernels"),
    .target(name: "Fuzzing", dependencies: ["TileIR", "Operators", "DeepSeek", "Safetensors", "JSON"]),
    .executableTarget(
      name: "fuzz-files",
      dependencies: [
        "Fuzzing", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "tessera",
      dependencies: [
        "EmitAscend", "EmitC", "EmitCUDA", "MachineIR", "Schedules", "Steps", "TileIR", "Tiles",
        "Operators", "Proofs", "Roofline", "Reference", "Runtime", "CUDADriver", "AscendDriver", "Alignment", "Export", "DeepSeek", "Safetensors",
        "DynamicLibrary",
        "CBenchKernels", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "gpu-check",
      dependencies: [
        "MachineIR", "TileIR",
        "EmitCUDA", "Schedules", "Operators", "Roofline", "Reference", "Runtime", "CUDADriver", "DynamicLibrary", "DeepSeek",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "PlanMutation", dependencies: ["TileIR", "MachineIR"]),
    .executableTarget(
      name: "check-plans",
      dependencies: [
        "MachineIR", "TileIR",
        "PlanMutation", "Schedules", "Operators", "Proofs", "Reference", "Runtime", "DeviceModel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // The example as its own package builds it, compiled here too so that a test can run it.
    .executableTarget(
      name: "example-own-operator", dependencies: ["Tiles", "Runtime", "Reference"],
      path: "Examples/OwnOperator/Sources/OwnOperator"),
    .testTarget(
      name: "Correct",
      dependencies: [
        "CFamily", "EmitAscend", "EmitC", "EmitCUDA", "MachineIR", "Schedules", "TileIR", "Tiles",
        "Formats", "DynamicLibrary", "ElementaryOracle", "Operators", "PlanMutation", "Proofs", "Reference", "Runtime", "DeviceModel", "CUDADriver", "AscendDriver", "Roofline", "Steps",
        "JSON", "Export", "Alignment", "Safetensors", "DeepSeek", "Fuzzing", "check-layers", "check-plans", "gpu-check", "CAllocationCount", "CTesseraShims",
      ]),
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount", publicHeadersPath: "include"),
    .testTarget(
      name: "Refuse", dependencies: ["Formats", "TileIR", "Tiles", "Operators", "MachineIR", "Proofs", "Reference", "Schedules", "Runtime", "DeviceModel", "JSON", "Safetensors", "DeepSeek"]),
    .testTarget(name: "Golden", dependencies: ["Formats", "TileIR", "Tiles", "MachineIR", "Operators", "Schedules", "EmitCUDA"]),
    .testTarget(
      name: "Claims",
      dependencies: [
        "EmitC", "MachineIR", "Schedules", "TileIR", "Tiles",
        "tessera", "example-own-operator", "Operators", "Reference", "Runtime", "Steps", "Alignment", "Safetensors",
        "CBenchKernels",
      ], exclude: ["Help"]),
  ],
  swiftLanguageModes: [.v6]
)

// Most of the tests' time is that of proofs and of the reference, which run thirty times slower unless they are
// optimised. `Scripts/test` asks for it; unsafe flags would keep other packages from depending on this one.
if Context.environment["TESSERA_OPTIMISED_TESTS"] != nil {
  let floors = ["Formats", "TileIR", "Reference", "MachineIR", "Proofs", "Schedules", "CFamily", "Runtime"]
  for target in package.targets where floors.contains(target.name) {
    target.swiftSettings = [.unsafeFlags(["-O", "-wmo", "-num-threads", "2"], .when(configuration: .debug))]
  }
}
