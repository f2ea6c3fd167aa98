import Foundation

/// Where compiled kernels and verdicts are kept.
public enum CacheFolder {
  /// `$TESSERA_CACHE`, `$XDG_CACHE_HOME/tessera` or `~/.cache/tessera`.
  public static func standard(_ environment: [String: String]) -> URL {
    if let path = environment["TESSERA_CACHE"] { return URL(fileURLWithPath: path) }
    if let path = environment["XDG_CACHE_HOME"] {
      return URL(fileURLWithPath: path).appendingPathComponent("tessera")
    }
    return FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache/tessera")
  }
}
