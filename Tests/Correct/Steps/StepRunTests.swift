import Alignment
import Operators
import Reference
import Runtime
import Steps
import Testing
import TileIR

@Suite("A step on this computer") struct StepRunTests {
  @Test("the same bits as its launches one by one in the reference", arguments: [0, 1, 3, 50])
  func equalsReference(rows: Int) throws {
    let example = try TwoLaunchStep()
    let memory = try TensorMemory(example.weights)
    let executable = try StepExecutable(example.step, on: Device()) { try memory.view($0) }
    var random = SplitMix64(seed: UInt64(rows))
    let x = HostTensor(
      .bfloat16, [rows, TwoLaunchStep.width],
      numbers: (0..<rows * TwoLaunchStep.width).map { _ in Float.random(in: -3...3, using: &random) })

    let normed = try Reference.run(
      example.step.programs[0], ["x": .tensor(x), "gain": .tensor(example.weights["gain"]!)])["y"]!
    let product = try Reference.run(
      example.step.programs[1], ["a": .tensor(normed), "b": .tensor(example.weights["w"]!)])["y"]!
    let ring = try Reference.run(
      example.step.programs[2],
      ["x": .tensor(product), "ring": .tensor(example.weights["ring"]!), "start": .int(11)])["ring"]!

    x.bytes.withUnsafeBytes { executable.input("x").copyMemory(from: $0) }
    executable.set("rows", to: rows)
    executable.set("start", to: 11)
    try executable.run(observe: { launch in
      if launch == 0, case .view(let view) = example.step.launches[0].arguments[2] {
        #expect(executable.contents(of: view) == normed)
      }
    })
    #expect(Array(executable.output("y").prefix(product.bytes.count)) == product.bytes)
    #expect(memory.contents("ring") == ring)
  }

  @Test("launches done elsewhere are read by those that the device does")
  func substitutes() throws {
    let example = try TwoLaunchStep()
    let memory = try TensorMemory(example.weights)
    let executable = try StepExecutable(example.step, on: Device()) { try memory.view($0) }
    let ones = HostTensor(
      .bfloat16, [3, TwoLaunchStep.width], numbers: Array(repeating: 1, count: 3 * TwoLaunchStep.width))
    executable.set("rows", to: 3)
    executable.set("start", to: 5)
    var seen: [HostLaunch] = []
    try executable.run(by: { launch in
      seen.append(launch)
      if launch.number == 0 { return ["y": ones] }
      #expect(launch.number == 2 || launch.arguments["a"] == .tensor(ones))
      return launch.number == 1 ? nil : try launch.byReference()
    })
    #expect(seen.map(\.program.name) == example.step.programs.map(\.name))
    #expect(seen[2].arguments["start"] == .int(5))
    let sums = try Reference.run(
      example.step.programs[1], ["a": .tensor(ones), "b": .tensor(example.weights["w"]!)])["y"]!
    #expect(Array(executable.output("y").prefix(sums.bytes.count)) == sums.bytes)
    #expect(Array(memory.contents("ring").numbers[5 * TwoLaunchStep.columns..<6 * TwoLaunchStep.columns])
      == Array(sums.numbers[..<TwoLaunchStep.columns]))
  }

  @Test("a run beyond what the step was loaded for is refused before it starts")
  func refusesLargeRuns() throws {
    let example = try TwoLaunchStep()
    let memory = try TensorMemory(example.weights)
    let executable = try StepExecutable(example.step, on: Device(), largest: ["rows": 4]) {
      try memory.view($0)
    }
    executable.set("start", to: 0)
    executable.set("rows", to: 5)
    let error = #expect(throws: RuntimeError.self) { try executable.run() }
    #expect(error?.description.contains("0 to 4 rows, 5 given") == true)
    #expect(memory.contents("ring") == example.weights["ring"]!)
  }

  @Test("integers from outside are checked where they enter")
  func checksInputs() throws {
    let builder = StepBuilder("gather")
    let rows = builder.number("rows", in: 0...8)
    let table = builder.weight("table", .bfloat16, [5, 4])
    let index = builder.input("index", .int32, [rows])
    builder.launch(
      try gather(width: 4).program(), ["index": index, "table": table],
      into: ["y": builder.output("y", .bfloat16, [rows, 4])])
    let memory = try TensorMemory(["table": HostTensor(.bfloat16, [5, 4])])
    let executable = try StepExecutable(builder.finish(), on: Device()) { try memory.view($0) }
    executable.set("rows", to: 3)
    executable.input("index").bindMemory(to: Int32.self)[2] = 5
    let error = #expect(throws: RuntimeError.self) { try executable.run() }
    #expect(error?.description == "index: integers in 0..<5 expected, element 2 is 5")
    executable.input("index").bindMemory(to: Int32.self)[2] = 4
    try executable.run()
  }

  @Test("buffers that live at once never share memory")
  func arenaKeepsLivesApart() throws {
    let builder = StepBuilder("chain")
    let rows = builder.number("rows", in: 0...64)
    let gain = builder.weight("gain", .float32, [32])
    let norm = try rmsNorm(width: 32).program()
    var x = builder.input("x", .bfloat16, [rows, 32])
    var all = [x]
    for _ in 0..<6 {
      x = builder.launch(norm, ["x": x, "gain": gain])["y"]
      all.append(x)
    }
    let memory = try TensorMemory(["gain": HostTensor(.float32, [32], numbers: Array(repeating: 1, count: 32))])
    let executable = try StepExecutable(builder.finish(), on: Device()) { try memory.view($0) }
    // Two are alive at once, whatever the length of the chain.
    #expect(executable.temporaryBytes == 2 * 64 * 32 * 2)
  }
}
