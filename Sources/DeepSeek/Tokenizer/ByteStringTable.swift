/// Byte strings by number, in the order of their adding: a vocabulary, or a cache's words. Looking one up
/// allocates nothing.
struct ByteStringTable {
  private var bytes: [UInt8] = []
  /// Where each string ends; it begins where the one before ends.
  private var ends: [Int] = []
  private var hashes: [Int] = []
  /// Numbers of strings, at most half full; -1 where free.
  private var slots = [Int32](repeating: -1, count: 16)

  var count: Int { ends.count }

  subscript(number: Int) -> ArraySlice<UInt8> { bytes[start(number)..<ends[number]] }

  /// The number of a string, or nil.
  func number(of string: UnsafeBufferPointer<UInt8>) -> Int? {
    let slot = slot(of: string, hash: Self.hash(string))
    return slots[slot] < 0 ? nil : Int(slots[slot])
  }

  /// Adds a string; false if it is there already.
  @discardableResult
  mutating func add(_ string: UnsafeBufferPointer<UInt8>) -> Bool {
    let hash = Self.hash(string)
    let slot = slot(of: string, hash: hash)
    if slots[slot] >= 0 { return false }
    slots[slot] = Int32(ends.count)
    bytes += string
    ends.append(bytes.count)
    hashes.append(hash)
    if 2 * ends.count > slots.count { grow() }
    return true
  }

  private func start(_ number: Int) -> Int { number == 0 ? 0 : ends[number - 1] }

  /// The slot that holds a string, or the free one where it belongs.
  private func slot(of string: UnsafeBufferPointer<UInt8>, hash: Int) -> Int {
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] >= 0 {
      let number = Int(slots[slot])
      if hashes[number] == hash, self[number].elementsEqual(string) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: 2 * slots.count)
    let mask = slots.count - 1
    for number in ends.indices {
      var slot = hashes[number] & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(number)
    }
  }

  /// Swift's own hash, seeded anew in each process: no file can be made to collide.
  private static func hash(_ string: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(string))
    return hasher.finalize()
  }
}
