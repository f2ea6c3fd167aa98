import Runtime
import Testing

/// SHA-256 against the examples of FIPS 180-4, and at the lengths where padding changes.
@Suite struct ContentHashTests {
  @Test func examplesOfTheStandard() {
    #expect(
      ContentHash.digest(Array("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      ContentHash.digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      ContentHash.digest([])
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  /// Digests that Python's `hashlib` gives for `bytes(range(n))`.
  @Test(arguments: [
    (55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"),
    (56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"),
    (64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"),
    (200, "1901da1c9f699b48f6b2636e65cbf73abf99d0441ef67f5c540a42f7051dec6f"),
  ])
  func lengthsAroundABlock(count: Int, digest: String) {
    #expect(ContentHash.digest((0..<count).map { UInt8($0) }) == digest)
    #expect(ContentHash.digest((0..<count).lazy.map { UInt8($0) }) == digest)
  }
}
