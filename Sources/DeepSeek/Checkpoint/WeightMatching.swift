import Safetensors

/// Which stored tensor plays which role, judged from names, types and shapes alone.
struct WeightMatching {
  /// How a weight is stored, with the positions of its tensors among the records.
  struct Match {
    let expected: ExpectedWeight
    let form: WeightForm
    let tensor: Int
    let scales: Int?
  }

  private(set) var matches: [Match] = []
  private(set) var problems: [ModelRefusal.Problem] = []
  private(set) var hasDrafter = false
  /// The form of every routed expert; nil before the first.
  private(set) var expertForm: WeightForm?

  private let configuration: Configuration
  private let records: [TensorRecord]
  /// Records by released name, that nothing has claimed.
  private var unclaimed: [String: Int] = [:]

  init(_ configuration: Configuration, _ records: [TensorRecord]) {
    self.configuration = configuration
    self.records = records
    gather()
    for expected in configuration.expectedWeights where hasDrafter || !expected.role.isDrafter {
      match(expected)
    }
    for (_, number) in unclaimed.sorted(by: { $0.key < $1.key }) {
      refuse(records[number].name, expected: "no tensor of this name", found: text(records[number]))
    }
  }

  /// Names every record, and leaves out what no engine needs: drafters that are not used, and the copies
  /// that a drafting block has of the embedding and the head.
  private mutating func gather() {
    unclaimed.reserveCapacity(records.count)
    for (number, record) in records.enumerated() {
      let name = releasedName(record.name)
      if name.hasPrefix("mtp.") {
        if configuration.drafter != .nextToken { continue }
        let inner = name.split(separator: ".").dropFirst(2)
        if inner.joined(separator: ".") == "head.weight" || inner.first?.contains("emb") == true { continue }
        hasDrafter = true
      }
      if let other = unclaimed.updateValue(number, forKey: name) {
        refuse(record.name, expected: "one tensor for \(name)", found: "another, \(records[other].name)")
      }
    }
  }

  private mutating func match(_ expected: ExpectedWeight) {
    let forms = allowedForms(expected)
    guard let tensor = unclaimed.removeValue(forKey: expected.name) else {
      refuse(expected.name, expected: forms.map { text($0, expected) }.joined(separator: " or "), found: "none")
      return
    }
    let record = records[tensor]
    guard let form = forms.first(where: { types($0, expected).contains(record.type) }),
      record.shape == form.storedShape(of: expected.shape)
    else {
      refuse(record.name, expected: forms.map { text($0, expected) }.joined(separator: " or "), found: text(record))
      // Its scales are part of the same problem.
      if let name = expected.scaleName { unclaimed[name] = nil }
      return
    }
    var scales: Int?
    if let shape = form.scaleShape(of: expected.shape), let name = expected.scaleName {
      scales = unclaimed.removeValue(forKey: name)
      guard let found = scales.map({ records[$0] }), found.type == .e8m0, found.shape == shape else {
        refuse(
          scales.map { records[$0].name } ?? name, expected: "F8_E8M0 \(shape)",
          found: scales.map { text(records[$0]) } ?? "none")
        return
      }
    }
    if case .expert = expected.role {
      if let expertForm, expertForm != form {
        refuse(record.name, expected: "\(expertForm.rawValue) as in the first expert", found: form.rawValue)
      }
      expertForm = expertForm ?? form
    }
    matches.append(Match(expected: expected, form: form, tensor: tensor, scales: scales))
  }

  /// The release's form first.
  private func allowedForms(_ expected: ExpectedWeight) -> [WeightForm] {
    switch expected.storage {
    case .plain, .table: [.plain]
    case .linear: [.fp8, .plain]
    case .expert:
      switch configuration.expertFormat {
      case .fp4: [.fp4]
      case .fp8: [.fp8]
      case nil: [.fp4, .fp8, .plain]
      }
    }
  }

  private func types(_ form: WeightForm, _ expected: ExpectedWeight) -> [StorageType] {
    switch form {
    case .fp8: [.e4m3]
    case .fp4: [.int8]
    case .plain: expected.storage == .table ? [.int64, .int32] : [.bfloat16, .float32]
    }
  }

  // MARK: Messages

  private mutating func refuse(_ name: String, expected: String, found: String) {
    problems.append(ModelRefusal.Problem("tensor \(name)", expected: expected, found: found))
  }

  private func text(_ record: TensorRecord) -> String { "\(record.type.rawValue) \(record.shape)" }

  private func text(_ form: WeightForm, _ expected: ExpectedWeight) -> String {
    let types = types(form, expected).map(\.rawValue).joined(separator: " or ")
    return "\(types) \(form.storedShape(of: expected.shape))" + (form == .plain ? "" : " with scales")
  }
}

extension WeightRole {
  var isDrafter: Bool {
    switch self {
    case .drafter, .block(.drafter, _), .expert(.drafter, _, _): true
    case .model, .block(.layer, _), .expert(.layer, _, _): false
    }
  }
}

extension ExpectedWeight {
  /// The name of the scales beside a matrix; nil where a weight never has them.
  var scaleName: String? {
    switch storage {
    case .linear, .expert: String(name.dropLast("weight".count)) + "scale"
    case .plain, .table: nil
    }
  }
}
