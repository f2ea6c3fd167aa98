import ElementaryOracle
import MachineIR
@testable import Reference
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// The compiled elementary functions, and the operations that the contract wants correctly rounded, on
/// every target that this processor runs or that can be emulated on it.
@Suite struct ElementaryCompiledTests {
  static let pool = ThreadPool(threads: 2)
  static let targets = MachineDescription.cpus.filter(\.runsHere).map(\.name)
    + (!MachineDescription.neon.runsHere && Emulation.missing == nil ? ["cpu-neon"] : [])

  /// Results by name of output, bits in the order of the inputs.
  private func run(
    _ kernel: Kernel, on machine: MachineDescription, _ inputs: [String: [UInt32]]
  ) throws -> [String: [UInt32]] {
    let plan = try Lowering.plan(kernel.program(), for: machine)
    let arguments = inputs.mapValues { Argument.tensor(HostTensor(.float32, [$0.count], codes: $0)) }
    let results = machine.runsHere
      ? try Executable(plan: plan, pool: Self.pool).run(arguments)
      : try EmulatedExecutable(plan: plan).run(arguments)
    return results.mapValues(\.codes)
  }

  @Test(arguments: ElementaryCompiledTests.targets)
  func compiledBodiesGiveTheInterpretersBits(_ target: String) throws {
    let machine = try #require(MachineDescription.named(target))
    let kernel = Kernel("elementary") { k in
      let n = k.dimension("n", in: 0...1_000_000)
      let x = k.input("x", Float.self, [n])
      let outputs = ScalarFunction.elementary.map { (k.output($0.name, Float.self, [n]), $0) }
      k.parallel(n) { i in
        for (y, function) in outputs { y[i] = x[i].applying(function) }
      }
    }
    let inputs = ElementaryPromise.all.flatMap { ElementaryInputs.sample($0, 900, seed: 2) }
      .map(\.bitPattern) + ElementaryInputs.nan
    let results = try run(kernel, on: machine, ["x": inputs])
    for function in ScalarFunction.elementary {
      let interpreter = ScalarInterpreter(function)
      let expected = inputs.map { interpreter([$0]) }
      let found = try #require(results[function.name])
      for (x, (y, z)) in zip(inputs, zip(found, expected)) where y != z {
        let interpreted = z.map(hexadecimal) ?? "defined"
        Issue.record("\(function.name) of \(hexadecimal(x)) is \(hexadecimal(y)), not \(interpreted)")
        break
      }
    }
  }

  @Test(arguments: ElementaryCompiledTests.targets)
  func quotientsAndRootsAreCorrectlyRounded(_ target: String) throws {
    let machine = try #require(MachineDescription.named(target))
    let kernel = Kernel("rounded") { k in
      let n = k.dimension("n", in: 0...1_000_000)
      let a = k.input("a", Float.self, [n])
      let b = k.input("b", Float.self, [n])
      let quotient = k.output("quotient", Float.self, [n])
      let root = k.output("root", Float.self, [n])
      let reciprocal = k.output("reciprocal", Float.self, [n])
      k.parallel(n) { i in
        quotient[i] = a[i] / b[i]
        root[i] = a[i].squareRoot()
        reciprocal[i] = a[i].reciprocalSquareRoot()
      }
    }
    let (a, b) = operands(20_000)
    let results = try run(
      kernel, on: machine, ["a": a.map(\.bitPattern), "b": b.map(\.bitPattern)])
    let quotients = try #require(results["quotient"]).map { Float(bitPattern: $0) }
    let roots = try #require(results["root"]).map { Float(bitPattern: $0) }
    let reciprocals = try #require(results["reciprocal"]).map { Float(bitPattern: $0) }
    for i in a.indices {
      #expect(isQuotient(quotients[i], a[i], b[i]), "\(a[i]) / \(b[i]) is not \(quotients[i])")
      #expect(isRoot(roots[i], a[i]), "the root of \(a[i]) is not \(roots[i])")
      #expect(
        isReciprocalRoot(reciprocals[i], a[i]), "1 / the root of \(a[i]) is not \(reciprocals[i])")
    }
  }

  /// Pairs of floats of every size, subnormal ones and quotients among them, and those near a power of two.
  private func operands(_ count: Int) -> ([Float], [Float]) {
    var random = SplitMix64(seed: 3)
    var (a, b): ([Float], [Float]) = ([], [])
    func next() -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
    while a.count < count {
      let (x, y) = (next(), next())
      guard x.isFinite, y.isFinite, x != 0, y != 0 else { continue }
      switch a.count % 4 {
      case 0: (a, b) = (a + [x], b + [y])
      case 1: (a, b) = (a + [Float(sign: .plus, exponent: -149, significand: 1) * Float(a.count)], b + [y])
      case 2: (a, b) = (a + [x.magnitude], b + [x.magnitude * y.significand])
      default: (a, b) = (a + [x.significand], b + [y.significand * 0x1p120])
      }
    }
    let special: [Float] = [0, -0.0, .infinity, -.infinity, 1, -1, .nan, 0x1p-149, 0x1p-126]
    for x in special { for y in special { (a, b) = (a + [x], b + [y]) } }
    return (a, b)
  }

  /// The numbers halfway to a float's neighbours in magnitude; the one above the greatest is where
  /// rounding to infinity starts.
  private func middles(_ y: Float) -> (below: Double, above: Double) {
    let (m, exact) = (y.magnitude, Double(y.magnitude))
    let spacing = Double(m.isFinite ? m.ulp : Float.greatestFiniteMagnitude.ulp)
    if m.isInfinite { return (0x1p128 - spacing / 2, .infinity) }
    return (m == 0 ? 0 : (exact + Double(m.nextDown)) / 2, exact + spacing / 2)
  }

  /// A midpoint has 25 bits and b 24: their product is exact in fp64.
  private func isQuotient(_ y: Float, _ a: Float, _ b: Float) -> Bool {
    if a.isNaN || b.isNaN || (a == 0 && b == 0) || (a.isInfinite && b.isInfinite) { return y.isNaN }
    guard (y.sign == .minus) == ((a.sign == .minus) != (b.sign == .minus)) else { return false }
    if a.isInfinite || b == 0 { return y.isInfinite }
    if a == 0 || b.isInfinite { return y == 0 }
    let (below, above) = middles(y)
    let (x, d) = (Double(a.magnitude), Double(b.magnitude))
    let isEven = y.bitPattern & 1 == 0
    return isEven ? below * d <= x && x <= above * d : below * d < x && x < above * d
  }

  private func isRoot(_ y: Float, _ x: Float) -> Bool {
    if x == 0 { return y.bitPattern == x.bitPattern }
    if x.isNaN || x < 0 { return y.isNaN }
    if x.isInfinite { return y == x }
    let (below, above) = middles(y)
    return y > 0 && below * below <= Double(x) && Double(x) <= above * above
  }

  /// m^2 has 50 bits and m^2 x 74: one multiply-add of fp64 has the right sign of m^2 x - 1.
  private func isReciprocalRoot(_ y: Float, _ x: Float) -> Bool {
    if x == 0 { return y == (x.sign == .plus ? .infinity : -.infinity) }
    if x.isNaN || x < 0 { return y.isNaN }
    if x.isInfinite { return y.bitPattern == 0 }
    let (below, above) = middles(y)
    func excess(_ m: Double) -> Double { (-1.0).addingProduct(m * m, Double(x)) }
    return y > 0 && y.isFinite && excess(below) <= 0 && excess(above) >= 0
  }

  private func hexadecimal(_ bits: UInt32) -> String { String(bits, radix: 16) }
}
