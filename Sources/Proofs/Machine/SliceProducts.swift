import MachineIR
import TileIR

extension KernelWalk {
  /// Operands within their buffers and written before, sums within their array; what they are, to within 32 bits, is
  /// the business of `ExactSums`.
  mutating func multiply(_ product: SliceProduct) {
    guard product.isWellFormed,
      kernel.scratch.contains(where: { $0.name == product.target && $0.type == .i32 })
    else {
      if isJudged {
        refuse(.inBounds, "\(product)", "it has no whole tiles, or no array on chip for its sums")
      }
      return
    }
    let left = integer(product.left.offset) + lane(of: product.leftBytes)
    for (operand, place) in [(product.left, left), (product.right, rightPlace(product))] {
      judge(operand.buffer, place, bits: operand.element.bitWidth, element: operand.element, isWrite: false)
      note(operand.buffer, place, isWrite: false)
    }
    contents.store(.unknown, to: product.target, lanes: product.sums)
    touchRaw(product.target, Polynomial(0), MachineType(.i32, product.sums), isWrite: true)
    noteStored(product.target, lane(of: product.sums), bits: 32, lanes: product.sums)
  }

  /// The byte at hand of the right operand.
  private mutating func rightPlace(_ product: SliceProduct) -> Polynomial {
    let first = integer(product.right.offset)
    guard let pitch = product.pitch else { return first + lane(of: product.rightBytes) }
    let line = prover.with { $0.add("line", 0...product.rightSlices * product.depth - 1) }
    return first + Polynomial(line) * pitch + lane(of: product.columns)
  }
}
