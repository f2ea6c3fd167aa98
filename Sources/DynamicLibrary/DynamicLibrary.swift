#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// A shared library opened at run time.
///
/// Every symbol is bound when the library is opened, so a library that lacks a dependency is refused then
/// and not in the middle of a computation, and its symbols stay private to it (RTLD_NOW | RTLD_LOCAL).
/// It stays loaded for the life of the process unless `close()` is called: functions taken from it may be
/// kept anywhere.
public final class DynamicLibrary: Sendable {
  /// What the loader was given: a path, or a bare name for the loader's own search.
  public let path: String

  /// The loader's handle as an integer, because a pointer is not `Sendable`; nil once closed.
  private let handle: Mutex<UInt?>

  /// Opens the first library that loads.
  ///
  /// - Parameters:
  ///   - candidates: names in order of preference, such as `["libcuda.so.1", "libcuda.so"]`. A name with a
  ///     slash is a path and is tried as it stands.
  ///   - directories: where to look for each bare name, in order, before the loader's own search
  ///     (LD_LIBRARY_PATH, the cache of ld.so, the system's directories).
  /// - Throws: `DynamicLibraryError.notFound` with every attempt and the loader's message for it.
  public convenience init(
    named candidates: [String], searching directories: [String] = []
  ) throws(DynamicLibraryError) {
    var attempts: [DynamicLibraryError.Attempt] = []
    for name in candidates {
      for path in Self.paths(of: name, in: directories) {
        switch Self.load(path) {
        case .success(let handle):
          self.init(path: path, handle: handle)
          return
        case .failure(let attempt):
          attempts.append(attempt)
        }
      }
    }
    throw .notFound(candidates: candidates, directories: directories, attempts: attempts)
  }

  private init(path: String, handle: UInt) {
    self.path = path
    self.handle = Mutex(handle)
  }

  /// The function or variable called `name`.
  ///
  /// - Parameter type: a `@convention(c)` function type or a pointer type. Nothing can check that it is
  ///   the symbol's true type; a wrong one is undefined behaviour at the first use.
  /// - Throws: `DynamicLibraryError.noSymbol` if the library does not define it or is closed.
  public func symbol<Symbol>(_ name: String, as type: Symbol.Type) throws(DynamicLibraryError) -> Symbol {
    precondition(
      MemoryLayout<Symbol>.size == MemoryLayout<UnsafeMutableRawPointer>.size,
      "\(Symbol.self) is not a C function or pointer type")
    let found: Result<UInt, LoaderMessage> = handle.withLock { handle in
      guard let handle else { return .failure(LoaderMessage(text: "the library was closed")) }
      guard let address = dlsym(UnsafeMutableRawPointer(bitPattern: handle), name) else {
        return .failure(LoaderMessage.latest())
      }
      return .success(UInt(bitPattern: address))
    }
    switch found {
    case .success(let address):
      return unsafeBitCast(address, to: Symbol.self)
    case .failure(let message):
      throw .noSymbol(name: name, library: path, message: message.text)
    }
  }

  /// Unloads the library; nothing taken from it may be used afterwards. Closing twice does nothing.
  public func close() {
    handle.withLock { handle in
      if let open = handle { _ = dlclose(UnsafeMutableRawPointer(bitPattern: open)!) }
      handle = nil
    }
  }

  private static func paths(of name: String, in directories: [String]) -> [String] {
    if name.contains("/") { return [name] }
    return directories.map { $0.hasSuffix("/") ? $0 + name : $0 + "/" + name } + [name]
  }

  private static func load(_ path: String) -> Result<UInt, DynamicLibraryError.Attempt> {
    if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) { return .success(UInt(bitPattern: handle)) }
    return .failure(DynamicLibraryError.Attempt(path: path, message: LoaderMessage.latest().text))
  }
}

/// The loader's description of this thread's last failure.
private struct LoaderMessage: Error {
  let text: String

  static func latest() -> LoaderMessage {
    LoaderMessage(text: dlerror().map { String(cString: $0) } ?? "the loader gives no reason")
  }
}
