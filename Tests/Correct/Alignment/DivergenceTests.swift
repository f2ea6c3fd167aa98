import Alignment
import Operators
import Testing
import TileIR

/// Where results differ, and by how much.
@Suite("Divergences") struct DivergenceTests {
  @Test("the first element is named with its coordinates, and how many differ")
  func first() throws {
    let expected = HostTensor(.float32, [2, 3], numbers: [0, 1, 2, 3, 4, 5])
    var found = expected
    #expect(try Divergence("y", expected: expected, found: found) == nil)
    found[4] = Float(4).nextUp.nextUp.bitPattern
    found[5] = Float(-5).bitPattern
    let divergence = try #require(try Divergence("y", expected: expected, found: found))
    #expect(divergence.buffer == "y" && divergence.index == 4 && divergence.coordinates == [1, 1])
    #expect(divergence.expected == Float(4).bitPattern && divergence.found == found[4])
    #expect(divergence.count == 2 && divergence.total == 6 && divergence.ulps == 2)
    #expect(
      divergence.text(expectedBy: "the reference")
        == "2 of 6 elements differ, first [1, 1]: 4.0 (0x40800000) by the reference, "
        + "4.000001 (0x40800002) came, 2 ulps apart")
  }

  @Test("results of another shape are no results of the same program")
  func shapes() {
    let expected = HostTensor(.float32, [2, 3])
    #expect { try Divergence("y", expected: expected, found: HostTensor(.float32, [6])) } throws: {
      "\($0)" == "y: float32 [2, 3] expected, float32 [6] came"
    }
  }

  @Test("distances are counted in numbers of the type, across zero and up to infinity; NaN has none")
  func distances() throws {
    func ulps(_ element: ElementType, _ a: UInt32, _ b: UInt32) throws -> Int? {
      var (expected, found) = (HostTensor(element, [1]), HostTensor(element, [1]))
      (expected[0], found[0]) = (a, b)
      return try #require(try Divergence("y", expected: expected, found: found)).ulps
    }
    #expect(try ulps(.float32, 0, 0x8000_0000) == 0)
    #expect(try ulps(.float32, 1, 0x8000_0001) == 2)
    #expect(try ulps(.float32, Float.greatestFiniteMagnitude.bitPattern, Float.infinity.bitPattern) == 1)
    #expect(try ulps(.float32, Float.nan.bitPattern, 0) == nil)
    #expect(try ulps(.bfloat16, 0x3f80, 0x3f83) == 3)
    #expect(try ulps(.e8m0, 0x7e, 0x81) == 3)
    #expect(try ulps(.e2m1, 1, 9) == 2)
    #expect(try ulps(.int32, 5, UInt32(bitPattern: -7)) == 12)
  }

  @Test("an operator that computes something else is found by its results")
  func otherOperator() throws {
    let instance = try #require(OperatorLibrary.named("rms_norm")?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let arguments = program.arguments(try instance.randomArguments(extents: instance.shapes[0]))
    let reference = try AlignmentTarget.reference.load(program)
    let faulty = OperatorRunner(name: "faulty") { arguments, extents in
      var results = try reference.run(arguments, extents)
      results["y"]![301] ^= 1
      return results
    }
    let expected = try reference.run(arguments, [:])
    for name in ["cpu-sse2", "cuda-model"] {
      let target = try #require(AlignmentTarget.named(name))
      let found = try target.load(program).run(arguments, [:])
      #expect(try Divergence.all(expected: expected, found: found, of: program) == [])
    }
    let found = try Divergence.all(expected: expected, found: faulty.run(arguments, [:]), of: program)
    #expect(found.map(\.coordinates) == [[1, 1]])
    #expect(found.map(\.ulps) == [1])
  }
}
