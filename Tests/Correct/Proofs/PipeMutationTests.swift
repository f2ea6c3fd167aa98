@testable import check_plans
import Foundation
import MachineIR
import Operators
import PlanMutation
import Proofs
import Runtime
import Schedules
import Testing
import TileIR

/// Single faults put into proved pipe programs. The command `check-plans mutate-pipes` makes hundreds of them; here is a
/// sample.
@Suite struct PipeMutationTests {
  private static func kernels(_ name: String, _ instance: String? = nil) throws -> [PipeKernel] {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { instance == nil ? $0.isSmall : $0.name == instance })
    let plan = try Lowering.plan(instance.kernel().program(), for: .ascend910b)
    return try AscendProgram.pipes(of: plan)
  }

  /// What the proof lets pass shows in no order of pipes.
  @Test func whatIsProvedShowsNowhere() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mutants-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = KernelCache(folder: folder)
    var refused = 0
    for drawn in try PipeMutants(faults: PipeFault.allCases, operators: ["swiglu", "widen"], seed: 5).prefix(16) {
      let judgement = try PipeJudgement(drawn, cache)
      switch judgement.verdict {
      case .refused: refused += 1
      case .missed(let problem): Issue.record("\(judgement.fault) in \(judgement.title) is proved: \(problem)")
      case .harmless, .refusedByCompiler: break
      }
    }
    #expect(refused >= 8)
  }

  /// What is copied, where from or to, and how far, is what the plan says.
  @Test(arguments: ["widen", "scatter", "quantise_s4", "linear_fp8"])
  func noCopyIsAnother(_ name: String) throws {
    let kernels = try Self.kernels(name)
    for fault in [PipeFault.dropCopy, .moveCopy, .lengthenCopy] {
      let sites = kernels.flatMap { kernel in (0..<kernel.siteCount(of: fault)).map { (kernel, $0) } }
      for number in Set([0, sites.count - 1]) {
        let mutant = sites[number].0.mutant(fault, site: sites[number].1)
        let isProved = PipeProof(mutant.kernel).isProved
        #expect(!isProved, "\(fault) in \(mutant.place) is proved")
      }
    }
  }

  /// A copy that takes its whole tail leaves its buffer: the proof refuses it, and the model would say so.
  @Test func anUnmaskedTailIsReported() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mutants-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var mutants = try PipeMutants(faults: [.unmaskTail], operators: ["widen"], seed: 1)
    let first = mutants.next()
    let drawn = try #require(first)
    let cache = KernelCache(folder: folder)
    let verdict = try PipeJudgement(drawn, cache).verdict
    #expect(verdict == .refused)
    guard case .missed(let problem) = try PipeJudgement.shown(drawn, cache) else {
      Issue.record("an unmasked tail showed nowhere")
      return
    }
    #expect(problem.contains("outOfBounds") || problem.contains("undefined"), "\(problem)")
  }

  /// Faults that no program may have, wherever they are.
  @Test(arguments: ["widen", "linear_fp8"])
  func theProofRefuses(_ name: String) throws {
    let faults: [PipeFault] = [
      .dropEvent, .dropSet, .dropWait, .dropFlag, .doubleSet, .doubleWait, .misalignTensor, .overflowMemory,
      .overflowCopy, .reserveEvent, .emptyInstruction, .overflowMatrix, .splitFractal, .shiftView,
    ]
    let kernels = try Self.kernels(name)
    for fault in faults {
      let sites = kernels.flatMap { kernel in (0..<kernel.siteCount(of: fault)).map { (kernel, $0) } }
      // Flags and matrices are those of cube cores.
      let isOfCubes = [.dropFlag, .overflowMatrix, .splitFractal].contains(fault)
      #expect(!sites.isEmpty || (name == "widen" && isOfCubes), "\(fault)")
      for number in Set([0, sites.count / 2, sites.count - 1]) where sites.indices.contains(number) {
        let (kernel, site) = sites[number]
        let mutant = kernel.mutant(fault, site: site)
        #expect(mutant.kernel != kernel)
        let isProved = PipeProof(mutant.kernel).isProved
        #expect(!isProved, "\(fault) in \(mutant.place) is proved")
      }
    }
  }

  /// Rows that a copy moves together, lanes of `scatter`: further apart, more than there may be, without their bound.
  @Test func theProofRefusesOtherRows() throws {
    for kernel in try Self.kernels("scatter") + Self.kernels("matmul", "small unfused transposed") {
      for fault in [PipeFault.spreadRows, .overflowRows] {
        #expect(kernel.siteCount(of: fault) > 0, "\(fault)")
        for site in 0..<kernel.siteCount(of: fault) {
          let mutant = kernel.mutant(fault, site: site)
          let isProved = PipeProof(mutant.kernel).isProved
          #expect(!isProved, "\(fault) in \(mutant.place) is proved")
        }
      }
    }
  }

  /// A fault is one change: what is not named stays.
  @Test func aFaultIsOneChange() throws {
    let kernel = try #require(try Self.kernels("widen").first)
    func statements(_ kernel: PipeKernel) -> Int {
      var count = 0
      kernel.forEachStatement { _ in count += 1 }
      return count
    }
    let count = statements(kernel)
    #expect(statements(kernel.mutant(.dropSet, site: 0).kernel) == count - 1)
    #expect(statements(kernel.mutant(.doubleWait, site: 0).kernel) == count + 1)
    #expect(statements(kernel.mutant(.delayWait, site: 0).kernel) == count)
    #expect(kernel.mutant(.misalignTensor, site: 0).kernel.body == kernel.body)
    #expect(kernel.mutant(.dropSet, site: 0).place != kernel.mutant(.dropSet, site: 1).place)
  }
}
