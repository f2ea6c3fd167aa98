import Foundation
import Testing

/// The arrows between modules: the table of `Documentation/architecture.md` against the package manifest
/// and the imports of every source.
@Suite struct ArchitectureTests {
  let house = House()

  @Test func everyModuleHasARowAndEveryRowAModule() {
    #expect(house.floors.count > 5, "the table was not found")
    #expect(Set(house.floors.map(\.name)) == house.folders)
    #expect(Set(house.floors.map(\.name)) == Set(house.manifest.keys))
  }

  @Test func rowsNameOnlyRowsAboveThem() {
    var above: Set<String> = House.packages
    for floor in house.floors {
      for name in floor.imports where !above.contains(name) {
        Issue.record("\(floor.name) imports \(name), which is not a floor below it")
      }
      above.insert(floor.name)
    }
  }

  @Test func theManifestHasTheArrowsOfTheTable() {
    for floor in house.floors {
      let declared = house.manifest[floor.name] ?? []
      #expect(Set(declared) == Set(floor.imports), "\(floor.name) in Package.swift")
    }
  }

  /// A build follows the manifest: a module that is reached by way of another alone may be built anew without those that
  /// import it.
  @Test func sourcesImportOnlyWhatTheirFloorStates() throws {
    for floor in house.floors {
      let stated = Set(floor.imports).union(House.platform).union([floor.name])
      for (file, imports) in try house.imports(of: floor.name) {
        for name in imports where !stated.contains(name) {
          Issue.record("\(file) imports \(name), which \(floor.name) does not state")
        }
      }
    }
  }

  @Test func operatorsKnowNoMachine() {
    #expect(house.reach(of: "Operators").isDisjoint(with: ["MachineIR", "Schedules", "Runtime"]))
  }

  @Test func printersKnowNoOperatorAndNoSchedule() {
    for printer in house.floors.map(\.name) where printer.hasPrefix("Emit") {
      let others = house.floors.map(\.name).filter { $0.hasPrefix("Emit") && $0 != printer }
      let reached = house.reach(of: printer)
      #expect(reached.isDisjoint(with: ["Tiles", "Operators", "Schedules", "Runtime"]))
      #expect(reached.isDisjoint(with: others), "\(printer) reaches another printer")
    }
  }

  @Test func theReferenceLeansOnNoCompiler() {
    #expect(house.reach(of: "Reference").isDisjoint(with: ["MachineIR", "Schedules"]))
  }

  @Test func onlyDynamicLibraryOpensLibraries() throws {
    for floor in house.floors where floor.name != "DynamicLibrary" {
      for file in try house.sources(of: floor.name) {
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(!text.contains("dlopen("), "\(file.lastPathComponent)")
      }
    }
  }
}
