import DynamicLibrary
import Foundation
import Testing

@Suite("Opening a library", .enabled(if: CompiledLibrary.isPossible, "no clang on PATH"))
struct OpeningTests {
  typealias Function = @convention(c) (Int32) -> Int32

  private static func successor() throws -> CompiledLibrary {
    try CompiledLibrary(
      "libsuccessor.so",
      source: """
        int successor(int x) { return x + 1; }
        int calls = 41;
        """)
  }

  @Test("a bare name is found in the given folders, and functions and variables are had by name")
  func bareName() throws {
    let built = try Self.successor()
    let library = try DynamicLibrary(
      named: ["libabsent.so", built.name], searching: ["/nonexistent", built.folder.path])
    #expect(library.path == built.path)
    #expect(try library.symbol("successor", as: Function.self)(41) == 42)
    #expect(try library.symbol("calls", as: UnsafeMutablePointer<Int32>.self).pointee == 41)
  }

  @Test("the first candidate wins over the first folder")
  func preference() throws {
    let first = try CompiledLibrary("libpreferred.so", source: "int which(int x) { return 1; }")
    let second = try CompiledLibrary("libother.so", source: "int which(int x) { return 2; }")
    let library = try DynamicLibrary(
      named: [first.name, second.name], searching: [second.folder.path, first.folder.path + "/"])
    #expect(library.path == first.path)
    #expect(try library.symbol("which", as: Function.self)(0) == 1)
  }

  @Test("a name with a slash is a path, not looked for in the folders")
  func explicitPath() throws {
    let built = try Self.successor()
    let library = try DynamicLibrary(named: [built.path], searching: ["/nonexistent"])
    #expect(library.path == built.path)
  }

  @Test("a system library is found by the loader's own search")
  func systemLibrary() throws {
    let mathematics = try DynamicLibrary(named: ["libm.so.6", "libm.so", "libm.dylib"])
    let floor = try mathematics.symbol("floor", as: (@convention(c) (Double) -> Double).self)
    #expect(floor(-0.5) == -1)
  }

  @Test("its symbols are invisible to libraries opened later")
  func symbolsStayLocal() throws {
    let provider = try Self.successor()
    let open = try DynamicLibrary(named: [provider.path])
    let user = try CompiledLibrary(
      "libuser.so", source: "int successor(int); int twice(int x) { return successor(successor(x)); }")
    let error = #expect(throws: DynamicLibraryError.self) {
      _ = try DynamicLibrary(named: [user.path])
    }
    #expect(try #require(error).description.contains("undefined symbol: successor"))
    #expect(try open.symbol("successor", as: Function.self)(0) == 1)
  }

  @Test("functions outlive the value that opened the library")
  func functionsOutliveTheValue() throws {
    let built = try Self.successor()
    func successor() throws -> Function {
      try DynamicLibrary(named: [built.path]).symbol("successor", as: Function.self)
    }
    #expect(try successor()(1) == 2)
  }

  @Test("close unloads; a second close and a late look-up are harmless")
  func close() throws {
    let built = try CompiledLibrary(
      "libclosing.so",
      source: """
        static int *counter;
        void watch(int *where) { counter = where; }
        __attribute__((destructor)) static void leave(void) { if (counter) ++*counter; }
        """)
    let unloads = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { unloads.deallocate() }
    unloads.pointee = 0
    let library = try DynamicLibrary(named: [built.path])
    typealias Watch = @convention(c) (UnsafeMutablePointer<Int32>) -> Void
    try library.symbol("watch", as: Watch.self)(unloads)
    library.close()
    #expect(unloads.pointee == 1)
    library.close()
    #expect(unloads.pointee == 1)
    let refusal = DynamicLibraryError.noSymbol(
      name: "watch", library: built.path, message: "the library was closed")
    #expect(throws: refusal) {
      _ = try library.symbol("watch", as: Watch.self)
    }
  }
}

@Suite("Refusals name what was looked for, where, and the loader's reason")
struct RefusalTests {
  @Test("an absent library: every candidate in every folder, then by the loader's search")
  func absent() throws {
    let error = try #require(
      #expect(throws: DynamicLibraryError.self) {
        _ = try DynamicLibrary(
          named: ["libtessera-absent.so.1", "/nowhere/libtessera-absent.so"],
          searching: ["/nowhere", "/nothing/"])
      })
    guard case .notFound(let candidates, let directories, let attempts) = error else {
      Issue.record("unexpected error: \(error)")
      return
    }
    #expect(candidates == ["libtessera-absent.so.1", "/nowhere/libtessera-absent.so"])
    #expect(directories == ["/nowhere", "/nothing/"])
    #expect(
      attempts.map(\.path) == [
        "/nowhere/libtessera-absent.so.1", "/nothing/libtessera-absent.so.1", "libtessera-absent.so.1",
        "/nowhere/libtessera-absent.so",
      ])
    #expect(attempts.allSatisfy { $0.message.contains("libtessera-absent.so") })
    for part in candidates + directories + attempts.map(\.message) {
      #expect(error.description.contains(part))
    }
  }

  @Test("a file that is no library: the loader says so")
  func damaged() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("tessera-\(UUID().uuidString).so")
    try Data(repeating: 7, count: 4096).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let error = #expect(throws: DynamicLibraryError.self) {
      _ = try DynamicLibrary(named: [file.path])
    }
    #expect(try #require(error).description.contains("invalid ELF header"))
  }

  @Test("a missing symbol: its name, the library and the loader's message")
  func missingSymbol() throws {
    let library = try DynamicLibrary(named: ["libm.so.6", "libm.so", "libm.dylib"])
    let error = try #require(
      #expect(throws: DynamicLibraryError.self) {
        _ = try library.symbol("tessera_absent", as: UnsafeRawPointer.self)
      })
    guard case .noSymbol(let name, let path, let message) = error else {
      Issue.record("unexpected error: \(error)")
      return
    }
    #expect(name == "tessera_absent")
    #expect(path == library.path)
    #expect(message.contains("tessera_absent"))
  }
}
