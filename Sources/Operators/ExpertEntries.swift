import Tiles

/// The operators at the ends of DeepSeek-V4's sub-layers and of its feed-forward layers.
extension OperatorLibrary {
  private static let fewTokens: [[String: Int]] = [["tokens": 3], ["tokens": 1], ["tokens": 0]]

  // MARK: Output

  static let output: [OperatorEntry] = [
    OperatorEntry(
      "output_groups", "The first half of an attention's output, each group of heads by its own weight.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) {
          outputGroups(groups: 8, inputs: 4096, rank: 1024)
        },
        OperatorInstance(small: "small", fewTokens) { outputGroups(groups: 2, inputs: 140, rank: 5) },
        OperatorInstance(small: "small float32", fewTokens) {
          outputGroups(groups: 3, inputs: 9, rank: 4, arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "output_update", "The second half of an attention's output, on its way into the streams.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) {
          outputUpdate(inputs: 8192, streams: HyperConnections(hidden: 4096))
        },
        OperatorInstance(small: "small", fewTokens) {
          outputUpdate(inputs: 140, streams: HyperConnections(hidden: 9))
        },
        OperatorInstance(small: "small float32", fewTokens) {
          outputUpdate(
            inputs: 9, streams: HyperConnections(streams: 2, hidden: 5), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "embed", "The residual streams of tokens: copies of their embeddings.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "vocabulary": 129280]) {
          embed(streams: 4, hidden: 4096)
        },
        OperatorInstance(
          small: "small", [["tokens": 3, "vocabulary": 5], ["tokens": 0, "vocabulary": 1]]
        ) { embed(streams: 4, hidden: 9) },
        OperatorInstance(small: "small float32", [["tokens": 3, "vocabulary": 5]]) {
          embed(streams: 2, hidden: 9, arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "next_token_norms", "The two norms in front of a multi-token prediction layer.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "vocabulary": 129280]) {
          nextTokenNorms(HyperConnections(hidden: 4096))
        },
        OperatorInstance(
          small: "small", [["tokens": 3, "vocabulary": 5], ["tokens": 0, "vocabulary": 1]]
        ) { nextTokenNorms(HyperConnections(hidden: 128)) },
        OperatorInstance(small: "small float32", [["tokens": 3, "vocabulary": 5]]) {
          nextTokenNorms(HyperConnections(streams: 2, hidden: 9), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "next_token_input", "The streams that a multi-token prediction layer begins with.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) { nextTokenInput(HyperConnections(hidden: 4096)) },
        OperatorInstance(small: "small", fewTokens) { nextTokenInput(HyperConnections(hidden: 140)) },
        OperatorInstance(small: "small float32", fewTokens) {
          nextTokenInput(HyperConnections(streams: 2, hidden: 9), arithmetic: .float32)
        },
      ]),
  ]

  // MARK: Experts

  private static let flash = ExpertShape(experts: 256, picks: 6, hidden: 4096, inner: 2048, limit: 10)

  private static func smallExperts(
    hidden: Int = 140, inner: Int = 9, _ format: WeightFormat = .fp4
  ) -> ExpertShape {
    ExpertShape(experts: 5, picks: 3, hidden: hidden, inner: inner, limit: 2, format: format)
  }

  private static let fewSlots: [[String: Int]] = [
    ["tokens": 3, "slots": 9], ["tokens": 1, "slots": 3], ["tokens": 0, "slots": 0],
  ]

  static let experts: [OperatorEntry] = [
    OperatorEntry(
      "router", "Which experts a token goes to, and with which weights.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) {
          router(hidden: 4096, experts: 256, picks: 6, scale: 1.5, choice: .scores)
        },
        OperatorInstance("v4-flash hashed", ["tokens": 16, "vocabulary": 129280]) {
          router(hidden: 4096, experts: 256, picks: 6, scale: 1.5, choice: .hashed)
        },
        OperatorInstance(small: "small", fewTokens) {
          router(hidden: 300, experts: 7, picks: 3, scale: 1.5, choice: .scores)
        },
        OperatorInstance(
          small: "small hashed",
          [["tokens": 3, "vocabulary": 11], ["tokens": 1, "vocabulary": 1], ["tokens": 0, "vocabulary": 2]]
        ) { router(hidden: 9, experts: 7, picks: 3, scale: 2.5, choice: .hashed) },
        OperatorInstance(small: "small float32", fewTokens) {
          router(
            hidden: 9, experts: 4, picks: 4, scale: 1.5, choice: .scores, arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "expert_dispatch", "The order in which picks stand expert by expert, its inverse and its segments.",
      [
        OperatorInstance("v4-flash", ["tokens": 4096]) { expertDispatch(experts: 256, picks: 6) },
        OperatorInstance(small: "small", [["tokens": 7], ["tokens": 1], ["tokens": 0]]) {
          expertDispatch(experts: 5, picks: 3)
        },
        OperatorInstance(small: "small many experts", [["tokens": 101]]) { expertDispatch(experts: 75, picks: 3) },
      ]),
    OperatorEntry(
      "experts_up", "The routed experts' gate and up products, their activation and the routing weight.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "slots": 96]) { expertsUp(flash) },
        OperatorInstance(small: "small", fewSlots) { expertsUp(smallExperts()) },
        OperatorInstance(small: "small fp8", fewSlots) { expertsUp(smallExperts(inner: 100, .fp8)) },
        OperatorInstance(small: "small float32", fewSlots) {
          expertsUp(smallExperts(hidden: 9), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "experts_down", "The routed experts' second product.",
      [
        OperatorInstance("v4-flash", ["slots": 96]) { expertsDown(flash) },
        OperatorInstance(small: "small", fewSlots.map { ["slots": $0["slots"]!] }) {
          expertsDown(smallExperts(hidden: 75, inner: 140))
        },
        OperatorInstance(small: "small fp8", [["slots": 6]]) {
          expertsDown(smallExperts(hidden: 75, inner: 140, .fp8))
        },
        OperatorInstance(small: "small float32", [["slots": 6]]) {
          expertsDown(smallExperts(hidden: 5, inner: 9), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "shared_up", "The shared expert's gate and up products and their activation.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) { sharedUp(flash) },
        OperatorInstance(small: "small", fewTokens) { sharedUp(smallExperts()) },
        OperatorInstance(small: "small float32", fewTokens) {
          sharedUp(smallExperts(hidden: 9), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "shared_down", "The shared expert's second product, all experts' sum, and the way into the streams.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "slots": 96]) {
          sharedDown(flash, streams: HyperConnections(hidden: 4096))
        },
        OperatorInstance(small: "small", fewSlots) {
          sharedDown(smallExperts(hidden: 9, inner: 140), streams: HyperConnections(hidden: 9))
        },
        OperatorInstance(small: "small float32", fewSlots) {
          sharedDown(
            smallExperts(hidden: 5, inner: 9), streams: HyperConnections(streams: 2, hidden: 5),
            arithmetic: .float32)
        },
      ]),
  ]
}
