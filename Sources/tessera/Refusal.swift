/// Why a command does not do what it is asked, in one message that names the thing.
struct Refusal: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The refusal of a name that is none of `known`, with those near to it, or all where they are few or none
/// is near.
///
/// `kind` says what was named, such as `operator`; `listing` is the command that shows all of them.
func unknown(_ kind: String, _ name: String, among known: [String], listing: String? = nil) -> Refusal {
  let near = nearNames(name, among: known)
  let hint: String
  if known.isEmpty {
    hint = "there is none"
  } else if near.isEmpty || known.count <= 6 {
    hint = "known are \(known.joined(separator: ", "))"
  } else {
    hint = "did you mean \(near.joined(separator: " or "))?"
      + (listing.map { " \"\($0)\" lists all" } ?? "")
  }
  return Refusal("no \(kind) \(name); \(hint)")
}

/// The names that a person who wrote `name` may have meant, nearest first.
func nearNames(_ name: String, among known: [String]) -> [String] {
  let wanted = name.lowercased()
  let distances = known.map { (name: $0, distance: editDistance(wanted, $0.lowercased())) }
  let near = distances.filter { known in
    known.distance <= max(2, wanted.count / 3) || (wanted.count > 2 && known.name.lowercased().contains(wanted))
  }
  return near.sorted { $0.distance < $1.distance }.map(\.name)
}

/// How many characters must be changed, added or removed to make one text the other (Levenshtein).
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (position, character) in a.enumerated() {
    var diagonal = row[0]
    row[0] = position + 1
    for column in b.indices {
      let changed = diagonal + (b[column] == character ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(changed, diagonal + 1, row[column] + 1)
    }
  }
  return row[b.count]
}
