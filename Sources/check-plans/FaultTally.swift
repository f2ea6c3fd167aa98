import ArgumentParser

/// What became of the mutants of one fault.
protocol FaultTally: Encodable {
  associatedtype Judgement
  init()
  mutating func add(_ judgement: Judgement)
  /// Those that were proved and show, with where and how.
  var missed: [String] { get }
  /// How many became what, on one line.
  var text: String { get }
}

extension FaultTally {
  init(_ judgements: some Sequence<Judgement>) {
    self.init()
    for judgement in judgements { add(judgement) }
  }
}

/// Kinds of faults by name.
protocol NamedFault: CaseIterable, Hashable, RawRepresentable where RawValue == String {}

extension NamedFault {
  /// The one of a name, all where there is none. Throws where it is no name of one.
  static func chosen(_ name: String?) throws -> [Self] {
    let faults = allCases.filter { name == nil || $0.rawValue == name }
    guard !faults.isEmpty else { throw ValidationError("there is no fault \(name ?? "")") }
    return faults
  }
}

/// Prints what became of the mutants of each fault, and ends with status 1 where one was missed or `isPartial`.
func report<Fault: NamedFault, Judgement, Tally: FaultTally>(
  _ faults: [Fault], _ judgements: [Judgement], isPartial: Bool, json: Bool, fault: (Judgement) -> Fault,
  _: Tally.Type, total: ((Tally) -> String)? = nil
) throws where Tally.Judgement == Judgement {
  let tally = Dictionary(grouping: judgements, by: fault).mapValues { Tally($0) }
  if json {
    print(try jsonText(Dictionary(uniqueKeysWithValues: tally.map { ($0.key.rawValue, $0.value) })))
  } else {
    for fault in faults {
      let found = tally[fault] ?? Tally()
      for miss in found.missed { print("MISSED \(fault.rawValue) in \(miss)") }
      print("\(fault.rawValue): \(found.text)")
    }
    if let total { print(total(Tally(judgements))) }
  }
  if isPartial || tally.values.contains(where: { !$0.missed.isEmpty }) { throw ExitCode.failure }
}
