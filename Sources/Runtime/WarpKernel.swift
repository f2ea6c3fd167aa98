import EmitCUDA
import MachineIR

/// A GPU kernel of a plan as it is launched: what its function is called and which numbers it is given.
struct WarpKernel {
  /// The function's name in the text.
  let symbol: String
  let host: HostKernel
  let launch: WarpLaunch
  /// The values of `launch.numbers`.
  private let numbers: [CompiledNumber]
  private let positions: [String: Int]

  /// `kernel` as it is printed; `host` is the same kernel of the plan that `check` is for.
  init(_ kernel: MachineKernel, _ host: HostKernel, _ check: ArgumentCheck) {
    symbol = EmitCUDA.symbol(of: kernel)
    self.host = host
    launch = WarpLaunch(kernel)
    numbers = launch.numbers.map { check.compiled($0.value) }
    positions = Dictionary(
      launch.numbers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// A launch at given numbers.
  struct Size {
    let cells: Int
    let integers: [Int]
    let blocks: Int
    let sharedBytes: Int
    let deviceBytes: Int
  }

  /// What a launch of at most `blocks` blocks takes; no more than have a cell for each agent.
  func size(_ numbers: borrowing LaunchNumbers, blocks most: Int) -> Size {
    var integers: [Int] = []
    for number in self.numbers { integers.append(number.value(numbers)) }
    let cells = host.cells.value(numbers)
    let blocks = min(most, (cells + launch.agentsPerBlock - 1) / launch.agentsPerBlock)
    func value(_ name: String) -> Int { integers[positions[name]!] }
    return Size(
      cells: cells, integers: integers, blocks: blocks, sharedBytes: launch.sharedBytesPerBlock(value),
      deviceBytes: launch.usesDeviceMemory ? launch.deviceBytes(blocks: blocks, value) : 0)
  }
}
