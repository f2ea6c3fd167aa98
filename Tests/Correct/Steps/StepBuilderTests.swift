import Operators
import Steps
import Testing
import TileIR

@Suite("Building steps") struct StepBuilderTests {
  private func message(_ build: (StepBuilder) throws -> Void) throws -> String {
    let builder = StepBuilder("test")
    try build(builder)
    do {
      _ = try builder.finish()
      return "nothing was refused"
    } catch {
      return error.message
    }
  }

  @Test("a program that several launches use is kept once")
  func programsOnce() throws {
    let builder = StepBuilder("test")
    let gain = builder.weight("gain", .float32, [8])
    let x = builder.input("x", .bfloat16, [3, 8])
    let y = builder.launch(try rmsNorm(width: 8).program(), ["x": x, "gain": gain])["y"]
    builder.launch(try rmsNorm(width: 8).program(), ["x": y, "gain": gain])
    let step = try builder.finish()
    #expect(step.programs.count == 1)
    #expect(step.launches.count == 2)
    #expect(step.lifetimes[step.buffer(named: "gain")!] == 0...1)
  }

  @Test("element types, ranks, extents and names are checked")
  func shapes() throws {
    let norm = try rmsNorm(width: 8).program()
    #expect(
      try message { b in
        b.launch(norm, ["x": b.input("x", .float32, [2, 8]), "gain": b.weight("g", .float32, [8])])
      } == "rms_norm takes bfloat16 [\"rows\", \"width\"] as x, float32 [2, 8] came")
    #expect(
      try message { b in
        b.launch(norm, ["x": b.input("x", .bfloat16, [2, 9]), "gain": b.weight("g", .float32, [8])])
      } == "rms_norm takes extent 8 of width as x, 9 came")
    #expect(
      try message { b in b.launch(norm, ["x": b.input("x", .bfloat16, [2, 8])]) }
        == "rms_norm takes float32 [\"width\"] as gain, nothing came")
    #expect(
      try message { b in
        b.launch(
          norm, ["x": b.input("x", .bfloat16, [2, 8]), "gain": b.weight("g", .float32, [8]), "z": b.input("z", .int32, [1])])
      } == "rms_norm has no argument z")
  }

  @Test("a number that varies is not mistaken for another")
  func extentsAgreeInEveryRun() throws {
    let text = try message { b in
      let tokens = b.number("tokens", in: 1...8)
      let others = b.number("others", in: 1...8)
      b.launch(
        try swiglu(width: 4).program(),
        ["gate": b.input("gate", .bfloat16, [tokens, 4]), "up": b.input("up", .bfloat16, [others, 4])])
    }
    #expect(text == "swiglu takes extent tokens of rows as up, others came")
  }

  @Test("what nothing has written cannot be read, and one launch writes it")
  func writtenBeforeRead() throws {
    let norm = try rmsNorm(width: 8).program()
    #expect(
      try message { b in
        let y = b.output("y", .bfloat16, [2, 8])
        b.launch(norm, ["x": y, "gain": b.weight("g", .float32, [8])])
      } == "rms_norm takes a buffer with contents as x, y came, which nothing has written")
    #expect(
      try message { b in
        let y = b.output("y", .bfloat16, [2, 8])
        for _ in 0..<2 {
          b.launch(norm, ["x": b.weight("x", .bfloat16, [2, 8]), "gain": b.weight("g", .float32, [8])], into: ["y": y])
        }
      } == "rms_norm takes a buffer that nothing has written as y, y came")
    #expect(
      try message { b in _ = b.output("y", .bfloat16, [2, 8]) } == "output y of step test is never written")
    #expect(
      try message { b in
        let ring = b.state("ring", .bfloat16, [2, 8])
        b.launch(norm, ["x": ring, "gain": b.weight("g", .float32, [8])], into: ["y": ring])
      } == "rms_norm takes a buffer of its own as y, ring came, which is also x")
  }

  @Test("refinements that a launch establishes hold for the next")
  func factsTravel() throws {
    let builder = StepBuilder("dispatch")
    let tokens = builder.number("tokens", in: 0...16)
    let id = builder.input("id", .int32, [tokens, 2])
    let counts = builder.launch(try expertCounts(experts: 4, picks: 2).program(), ["id": id])
    let order = builder.launch(try expertPermutation(experts: 4, picks: 2).program(), ["id": id])
    #expect(counts["offsets"].shape == [5])
    #expect(order["permutation"].shape == [tokens * 2])
    builder.launch(
      try gather(width: 8).program(),
      ["index": order["permutation"], "table": builder.weight("t", .bfloat16, [tokens * 2, 8])])
    let step = try builder.finish()
    #expect(step.buffers[id.buffer].facts == [.coordinate(of: 4)])
    #expect(step.buffers[counts["offsets"].buffer].facts == [.partition(of: tokens * 2)])
    // Counts are not known to be rows of anything.
    let text = try message { b in
      let id = b.input("id", .int32, [2, 2])
      let counts = b.launch(try expertCounts(experts: 4, picks: 2).program(), ["id": id])["counts"]
      b.launch(
        try gather(width: 8).program(), ["index": counts, "table": b.weight("t", .bfloat16, [9, 8])])
    }
    #expect(text == "gather takes integers that are in 0..<9 as index, 0:counts came, which is not known to be")
  }

  @Test("bytes of picked rows count once a pick")
  func traffic() throws {
    let builder = StepBuilder("experts")
    let rows = builder.number("rows", in: 0...64)
    let x = builder.input("x", .e4m3, [rows, 128])
    builder.launch(
      try groupedLinearFP4(experts: 8, inputs: 128, outputs: 16).program(),
      [
        "offsets": builder.input("offsets", .int32, [9]), "x": x,
        "x_scale": builder.input("x_scale", .e8m0, [rows, 1]),
        "w": builder.weight("w", .e2m1, [8, 16, 128]), "w_scale": builder.weight("w_scale", .e8m0, [8, 16, 4]),
      ], into: ["y": builder.output("y", .bfloat16, [rows, 16])])
    let step = try builder.finish()
    let expert = 16 * 64 + 16 * 4
    #expect(step.traffic(of: step.launches[0], { _ in 2 }).weights == 2 * expert)
    #expect(step.traffic(of: step.launches[0], { _ in 50 }).weights == 8 * expert)
    #expect(step.traffic(of: step.launches[0], { _ in 2 }).written == 2 * 16 * 2)
  }

  @Test("a step prints a line a launch")
  func printing() throws {
    let text = try TwoLaunchStep().step.text { $0.name == "rows" ? 2 : 0 }
    #expect(
      text == """
        step two launches, rows = 2, start = 0
          norm
            rms_norm(x bfloat16 [rows, 24], gain float32 [24]) -> 0:y bfloat16 [rows, 24]  288 B
          product
            matmul(0:y bfloat16 [rows, 24], w bfloat16 [10, 24]) -> y bfloat16 [rows, 10]  616 B
            scatter(start = start, y bfloat16 [rows, 10], ring bfloat16 [7, 10]) -> ring  320 B
        3 launches of 3 programs; 576 B of weights, 372 B read, 276 B written

        """)
  }
}
