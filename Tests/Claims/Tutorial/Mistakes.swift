import Runtime
import Tiles

// The mistakes of Documentation/writing-an-operator.md, each with the message that it gets there.

private let (width, depth) = (Dimension("width", 8), Dimension("depth", 4))

/// A kernel on `x [rows, width]` and `y [rows]`.
private func kernel(_ body: (Trace, Dimension, Tensor<Float>, Tensor<Float>) -> Void) -> Kernel {
  Kernel("mistake") { k in
    let rows = k.dimension("rows", in: 0...64)
    let x = k.input("x", Float.self, [rows, width])
    let y = k.output("y", Float.self, [rows])
    body(k, rows, x, y)
  }
}

/// Mistakes that tracing finds, by message.
let tracedMistakes: [String: Kernel] = [
  "reduction along depth: the value is float32 [rows, width]":
    kernel { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r].max(along: depth) }
    },
  "reduction along rows, a parallel axis of this region: how it is cut into blocks cannot be seen":
    kernel { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r].max(along: rows) }
    },
  "the value has axis width, which no index of y names":
    kernel { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r] }
    },
  "x has 2 axes, the access gives 3":
    kernel { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r, 0, 0] }
    },
  "dimension width=9 differs from width=8":
    kernel { k, rows, x, y in
      let z = k.input("z", Float.self, [rows, Dimension("width", 9)])
      k.parallel(rows) { r in y[r] = z[r].max(along: width) }
    },
  "this value belongs to another parallel region; pass it through a buffer":
    kernel { k, rows, x, y in
      var kept: Tile<Float>?
      k.parallel(rows) { r in kept = x[r].max(along: width) }
      k.parallel(rows) { r in y[r] = kept! + 1 }
    },
  "a tree sum needs a constant extent up to 256, rows in 0...64 found":
    kernel { k, rows, x, y in
      let z = k.output("z", Float.self, [width])
      k.once { z[width] = x[rows, width].sum(along: rows, order: .tree) }
    },
  "output y is never written":
    kernel { k, rows, x, y in
      k.parallel(rows) { r in k.print("x", x[r]) }
    },
]

private func tensor(_ element: ElementType, _ shape: [Int]) -> Argument { .tensor(HostTensor(element, shape)) }

/// Launches that are refused, by message.
let refusedLaunches: [String: @Sendable () throws -> Void] = [
  "x: bfloat16 [rows, channels] expected, float32 [2, 4] came": {
    let bias = try Executable(addBias(channels: 4).program())
    _ = try bias.run(["x": tensor(.float32, [2, 4]), "bias": tensor(.float32, [4])])
  },
  "bias: extent 4 of channels expected, 5 came": {
    let bias = try Executable(addBias(channels: 4).program())
    _ = try bias.run(["x": tensor(.bfloat16, [2, 4]), "bias": tensor(.float32, [5])])
  },
  "offsets: offsets from 0 to 6, the extent of rows, that never decrease expected, the last is 5": {
    let scale = try Executable(perExpertScale(experts: 2, width: 3).program())
    _ = try scale.run([
      "offsets": .tensor(HostTensor(.int32, [3], integers: [0, 2, 5])), "x": tensor(.float32, [6, 3]),
      "scale": tensor(.float32, [2]),
    ])
  },
  "the residual stream stays finite": {
    let residual = try Executable(normedResidual(width: 2).program())
    let large = HostTensor(.float32, [1, 2], numbers: [2e30, 0])
    _ = try residual.run(["x": .tensor(large), "residual": .tensor(large)])
  },
]
