import Testing
import TileIR

/// How elements lie in host memory.
@Suite struct HostTensorTests {
  @Test(arguments: ElementType.allCases) func codesReturn(_ element: ElementType) {
    for shape in [[], [3], [2, 3], [4, 0], [2, 1, 5]] {
      let count = shape.reduce(1, *)
      let codes = (0..<count).map { UInt32(truncatingIfNeeded: ($0 + 1) &* 2_654_435_761) & element.mask }
      let tensor = HostTensor(element, shape, codes: codes)
      #expect(tensor.codes == codes)
      #expect(tensor.bytes.count == HostTensor.byteCount(of: element, shape))
      #expect(HostTensor(element, shape, bytes: tensor.bytes) == tensor)
    }
  }

  @Test func bytesAreLittleEndianAndNibblesLowFirst() {
    #expect(HostTensor(.int32, [1], codes: [0x0403_0201]).bytes == [1, 2, 3, 4])
    #expect(HostTensor(.bfloat16, [2], codes: [0x0201, 0x0403]).bytes == [1, 2, 3, 4])
    #expect(HostTensor(.e2m1, [4], codes: [1, 2, 3, 4]).bytes == [0x21, 0x43])
    // Every row starts on a byte.
    #expect(HostTensor(.int4, [2, 3], codes: [1, 2, 3, 4, 5, 6]).bytes == [0x21, 0x03, 0x54, 0x06])
  }

  @Test func elementsHaveValues() {
    #expect(HostTensor(.int4, [4], integers: [-8, -1, 0, 7]).integers == [-8, -1, 0, 7])
    #expect(HostTensor(.int8, [2], integers: [-128, 127]).integers == [-128, 127])
    #expect(HostTensor(.bool, [2], integers: [1, 0]).codes == [1, 0])
    #expect(HostTensor(.e4m3, [3], numbers: [1.06, -500, 0]).numbers == [1, -448, 0])
    #expect(HostTensor(.bfloat16, [2], numbers: [1 + 0x1p-8, .infinity]).numbers == [1, .infinity])
  }
}
