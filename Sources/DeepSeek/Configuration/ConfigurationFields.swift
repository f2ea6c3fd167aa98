import JSON

/// The fields of a configuration file, read by name; what does not fit is collected, so that one message
/// tells all.
///
/// A field has one or more names, the first being Hugging Face's; a dot leads into an object. Where several
/// are present they must agree. A reader returns something usable in any case, and `problems` says whether
/// it may be used.
struct ConfigurationFields {
  private let object: JSONObject
  private(set) var problems: [ModelRefusal.Problem] = []

  init(_ object: JSONObject) { self.object = object }

  /// Whether any of the names is present; null counts as absent.
  func has(_ names: String...) -> Bool { names.contains { value($0) != nil } }

  mutating func refuse(_ name: String, expected: String, found: String) {
    problems.append(ModelRefusal.Problem(name, expected: expected, found: found))
  }

  // MARK: Numbers

  /// A whole number that must be there.
  mutating func integer(_ names: String..., in range: ClosedRange<Int>, multipleOf unit: Int = 1) -> Int {
    guard let (name, value) = first(names) else {
      missing(names, "an integer in \(range)")
      return range.lowerBound
    }
    return integer(name, value, in: range, multipleOf: unit) ?? range.lowerBound
  }

  /// A whole number that may be absent.
  mutating func optionalInteger(_ names: String..., in range: ClosedRange<Int>) -> Int? {
    guard let (name, value) = first(names) else { return nil }
    return integer(name, value, in: range)
  }

  private mutating func integer(
    _ name: String, _ value: JSONValue, in range: ClosedRange<Int>, multipleOf unit: Int = 1
  ) -> Int? {
    // Python writes 10000.0 where a field was given as a float.
    let number = value.number.flatMap { $0.integer ?? Int(exactly: $0.double) }
    let kind = unit == 1 ? "an integer" : "a multiple of \(unit)"
    guard let number, range.contains(number), number % unit == 0 else {
      refuse(name, expected: "\(kind) in \(range)", found: value.summary)
      return nil
    }
    return number
  }

  /// A number that must be there; `range` bounds it, both ends included.
  mutating func number(_ names: String..., in range: ClosedRange<Double>) -> Double {
    guard let (name, value) = first(names) else {
      missing(names, "a number in \(range)")
      return range.lowerBound
    }
    return number(name, value, in: range) ?? range.lowerBound
  }

  mutating func optionalNumber(_ names: String..., in range: ClosedRange<Double>) -> Double? {
    guard let (name, value) = first(names) else { return nil }
    return number(name, value, in: range)
  }

  private mutating func number(_ name: String, _ value: JSONValue, in range: ClosedRange<Double>) -> Double? {
    guard let number = value.number?.double, range.contains(number) else {
      refuse(name, expected: "a number in \(range)", found: value.summary)
      return nil
    }
    return number
  }

  // MARK: Choices

  /// A text that must be one of a list; the first where it is absent and need not be there.
  @discardableResult
  mutating func choice(_ names: String..., of known: [String], isRequired: Bool = true) -> String {
    guard let (name, value) = first(names) else {
      if isRequired { missing(names, known.joined(separator: " or ")) }
      return known[0]
    }
    guard let text = value.string, known.contains(text) else {
      refuse(name, expected: known.joined(separator: " or "), found: value.summary)
      return known[0]
    }
    return text
  }

  /// A flag that can have one value only, or be absent.
  mutating func flag(_ name: String, mustBe expected: Bool) {
    guard let value = value(name) else { return }
    if value.bool != expected { refuse(name, expected: "\(expected)", found: value.summary) }
  }

  mutating func optionalFlag(_ name: String) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let flag = value.bool else {
      refuse(name, expected: "true or false", found: value.summary)
      return nil
    }
    return flag
  }

  // MARK: Lists

  /// A list of at most `longest` elements, each read by `read`; nil where it is absent or anything in it is
  /// wrong.
  mutating func list<Element>(
    _ name: String, atMost longest: Int, expected: String, _ read: (JSONValue) -> Element?
  ) -> [Element]? {
    guard let value = value(name) else { return nil }
    guard let array = value.array, array.count <= longest else {
      refuse(
        name, expected: "a list of at most \(longest) elements",
        found: value.array.map { "\($0.count)" } ?? value.summary)
      return nil
    }
    var elements: [Element] = []
    for (position, value) in array.enumerated() {
      guard let element = read(value) else {
        refuse("\(name)[\(position)]", expected: expected, found: value.summary)
        return nil
      }
      elements.append(element)
    }
    return elements
  }

  /// One token's number, or a list of them.
  mutating func tokens(_ name: String, below count: Int) -> [Int]? {
    guard let value = value(name) else { return nil }
    if value.array == nil { return integer(name, value, in: 0...count - 1).map { [$0] } }
    return list(name, atMost: 64, expected: "a token below \(count)") { value in
      value.number?.integer.flatMap { (0..<count).contains($0) ? $0 : nil }
    }
  }

  // MARK: Names

  private func value(_ path: String) -> JSONValue? {
    var value = JSONValue.object(object)
    for key in path.split(separator: ".") {
      guard let next = value.object?[String(key)] else { return nil }
      value = next
    }
    return value == .null ? nil : value
  }

  /// The first name that is present, with its value; another one with another value is a problem.
  private mutating func first(_ names: [String]) -> (name: String, value: JSONValue)? {
    var found: (name: String, value: JSONValue)?
    for name in names {
      guard let value = value(name) else { continue }
      if let found {
        let isSame = found.value == value || found.value.number.map { $0.double == value.number?.double } ?? false
        if !isSame { refuse(name, expected: "\(found.value.summary) as in \(found.name)", found: value.summary) }
      } else {
        found = (name, value)
      }
    }
    return found
  }

  private mutating func missing(_ names: [String], _ expected: String) {
    refuse(names[0], expected: expected, found: "no such field")
  }
}
