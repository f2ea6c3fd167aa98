import Steps
import Testing

@Suite("Sizes") struct SizeTests {
  private let a = RunNumber("a", in: 1...10)
  private let b = RunNumber("b", in: 0...4)

  @Test("equal however they were written")
  func equality() {
    #expect(Size(a) * 2 + Size(b) - 3 == Size(b) + Size(a) - 3 + Size(a))
    #expect(Size(a) - Size(a) == 0)
    #expect((Size(a) * 2 + 4).dividedExactly(by: 2) == Size(a) + 2)
    #expect((Size(a) * 2 + 3).dividedExactly(by: 2) == nil)
    #expect((Size(a) + 1) * (Size(b) - 1) == Size(a) * Size(b) + Size(b) - Size(a) - 1)
    #expect((Size(a) - Size(b)) * (Size(a) + Size(b)) == Size(a) * Size(a) - Size(b) * Size(b))
  }

  @Test("compared over every run")
  func comparison() {
    #expect((Size(a) * 2 - Size(b)).range == -2...20)
    #expect(Size(b).isAtMost(Size(a) + 3))
    #expect(!Size(b).isAtMost(Size(a)))
    #expect(Size(a).isAtMost(Size(a) * 2))
    #expect((Size(a) * Size(b)).range == 0...40)
    #expect((Size(a) * Size(b) * 2 + 1).description == "2 a b + 1")
    #expect((Size(a) * 3 - Size(b)).description == "3 a - b")
  }
}
