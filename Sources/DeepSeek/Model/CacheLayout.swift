import Steps

/// How a model's caches are addressed; a cache is known by the last part of its name.
struct CacheLayout {
  let room: CacheRoom

  /// Slots of a ring whose readers look back at `reach` positions, their own included.
  func span(_ reach: Int) -> Int { reach + room.longestDraft }

  /// How a buffer is addressed; nil for one that is no cache.
  func use(_ name: String) -> CacheUse? {
    guard let part = name.split(separator: ".").last else { return nil }
    if part == "window" || part == "tail" { return .ring }
    return part.hasPrefix("entries") ? Int(part.dropFirst("entries".count)).map { .entries(ratio: $0) } : nil
  }
}
