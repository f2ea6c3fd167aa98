import Reference
import Runtime
import Tiles

// Compiles the operator for this processor, runs it, and holds the result against the reference.
let program = try gatedNorm(width: 8).program()
let x = HostTensor(.bfloat16, [2, 8], numbers: (0..<16).map { Float($0) - 8 })
let gate = HostTensor(.bfloat16, [2, 8], numbers: (0..<16).map { Float($0) / 8 })
let arguments: [String: Argument] = ["x": .tensor(x), "gate": .tensor(gate)]

let results = try Executable(program).run(arguments)
print("y:", results["y"]!.numbers)
print("the reference's bits:", try Reference.run(program, arguments) == results)
