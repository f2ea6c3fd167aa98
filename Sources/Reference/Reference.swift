import TileIR

/// The interpreter that is the meaning of every program, bit for bit; slow and obvious.
public enum Reference {
  /// Runs a launch of `program` and returns its outputs and its state buffers after it, by name.
  ///
  /// - Parameters:
  ///   - arguments: one for every input, weight, state buffer and scalar. They are not changed:
  ///     a launch reads every buffer as it was before.
  ///   - extents: of dimensions that no argument has.
  ///   - cuts: how the work is cut; it cannot be seen in the results.
  ///   - products: whether products round where their classes say, which is the meaning of the program, or
  ///     once.
  ///   - functions: what stands for the program's own functions.
  ///   - arithmetic: what operations on `float32` give, where their order is compared and not their bits.
  ///   - prints: takes each line that a print statement writes.
  /// - Throws: a `Diagnostic` for arguments that the program does not admit, for an element that an
  ///   effect needs and that has no value (`FaultKind`), for an element written twice or an output's
  ///   element not written, for a false assertion.
  public static func run(
    _ program: Program, _ arguments: [String: Argument], extents: [Dimension: Int] = [:],
    cuts: CutPolicy = .whole, products: ProductMeaning = .asStated, functions: ForeignFunctions = .none,
    arithmetic: FloatArithmetic = .ieee, prints: (String) -> Void = { _ in }
  ) throws(Diagnostic) -> [String: HostTensor] {
    let launch = try Binding.launch(
      program, arguments, extents: extents, products: products, functions: functions, arithmetic: arithmetic)
    let cutter = Cutter(cuts)
    let dependence = Dependence(program)
    var effects = Effects(launch)
    for region in program.regions {
      var printout = Printout()
      let blocks = try Blocks(region, launch, cutter, dependence).all
      for block in cutter.order(blocks) {
        let evaluator = BlockEvaluator(
          launch, block: block, cutter: cutter, dependence: dependence)
        for statement in region.statements {
          try effects.perform(statement, region, in: evaluator, &printout)
        }
      }
      printout.write(region, in: program, prints)
    }
    return try effects.results()
  }
}
