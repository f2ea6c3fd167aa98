import Foundation
import Safetensors
import Testing
import TileIR

/// Files that are not what they say are refused with the tensor, what was expected and what was found.
@Suite struct SafetensorsRefusalTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// The refusal of a file of these bytes, without its path.
  private func refusal(of bytes: [UInt8]) throws -> String? {
    let path = folder.file("x.safetensors")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    do {
      _ = try SafetensorsFile(path: path)
      return nil
    } catch {
      #expect("\(error)".hasPrefix(path + ": "))
      return String("\(error)".dropFirst(path.count + 2))
    }
  }

  /// A file of a header, its true length and zeros.
  private func file(_ header: String, data: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  @Test func filesTooShortForTheirHeader() throws {
    #expect(try refusal(of: []) == "a header's length in the first 8 bytes expected, a file of 0 bytes found")
    #expect(
      try refusal(of: [1, 2, 3]) == "a header's length in the first 8 bytes expected, a file of 3 bytes found")
    #expect(
      try refusal(of: [9, 0, 0, 0, 0, 0, 0, 0, 0x7B])
        == "a header of 9 bytes expected, a file of 9 bytes, the header is cut off found")
    #expect(
      try refusal(of: [UInt8](repeating: 0xFF, count: 64))
        == "a header of at most 100000000 bytes expected, a header length of 18446744073709551615 found")
  }

  @Test(arguments: [
    ("", "a JSON header expected; line 1, column 1: an object expected, the end found"),
    ("[]", "a JSON header expected; line 1, column 1: an object expected, an array found"),
    ("{} x", "a JSON header expected; line 1, column 4: the end expected, 'x' found"),
    (#"{"__metadata__":{"a":1}}"#,
     "a JSON header expected; line 1, column 22: a string expected, a number found"),
    (#"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#,
     "a JSON header expected; line 1, column 54: the key \"a\" stands twice in one object"),
  ])
  func headersThatAreNone(header: String, message: String) throws {
    #expect(try refusal(of: file(header, data: 4)) == message)
  }

  @Test(arguments: [
    (#""dtype":"I8","shape":[4]"#, "a record with dtype, shape and data_offsets expected, one without data_offsets found"),
    (#""dtype":"I8","shape":[4],"data_offsets":[0,4],"x":0"#,
     "a record with dtype, shape and data_offsets expected; line 1, column 59: "
       + "dtype, shape or data_offsets expected, \"x\" found"),
    (#""dtype":"F64","shape":[4],"data_offsets":[0,4]"#,
     "a dtype of F32, BF16, F16, F8_E4M3, F8_E5M2, F8_E8M0, I8, U8, I32, I64, BOOL expected, \"F64\" found"),
    (#""dtype":"I8","shape":[-4],"data_offsets":[0,4]"#,
     "a record with dtype, shape and data_offsets expected; line 1, column 33: "
       + "a number of at least 0 expected, -4 found"),
    (#""dtype":"I8","shape":[4.0],"data_offsets":[0,4]"#,
     "a record with dtype, shape and data_offsets expected; line 1, column 31: "
       + "an integer expected, 4.0 found"),
    (#""dtype":"I8","shape":[1,1,1,1,1,1,1,1,4],"data_offsets":[0,4]"#,
     "a record with dtype, shape and data_offsets expected; line 1, column 47: "
       + "at most 8 numbers expected, more found"),
    (#""dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,4]"#,
     "a shape whose bytes can be counted expected, [4294967296, 4294967296] found"),
    (#""dtype":"I8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]"#,
     "a shape whose bytes can be counted expected, [0, 4294967296, 4294967296] found"),
    (#""dtype":"F32","shape":[2],"data_offsets":[0,4]"#,
     "8 bytes for F32 [2] expected, 4 bytes at data_offsets [0, 4] found"),
    (#""dtype":"I8","shape":[5],"data_offsets":[0,5]"#,
     "data_offsets [begin, end] within 0...4 expected, [0, 5] found"),
    (#""dtype":"I8","shape":[4],"data_offsets":[4,0]"#,
     "data_offsets [begin, end] within 0...4 expected, [4, 0] found"),
    (#""dtype":"I8","shape":[4],"data_offsets":[4]"#,
     "data_offsets [begin, end] within 0...4 expected, [4] found"),
    (#""dtype":"I8","shape":[3],"data_offsets":[1,4]"#,
     "data at offset 0, where the header ends expected, offset 1, a gap found"),
  ])
  func recordsThatAreWrong(record: String, message: String) throws {
    #expect(try refusal(of: file("{\"t.w\":{\(record)}}", data: 4)) == "tensor \"t.w\": \(message)")
  }

  @Test(arguments: [
    ([0, 3], [2, 4], "tensor \"b\": data at offset 3, where \"a\" ends expected, offset 2, an overlap found"),
    ([0, 1], [2, 4], "tensor \"b\": data at offset 1, where \"a\" ends expected, offset 2, a gap found"),
    ([0, 4], [0, 4], "tensor \"b\": data at offset 4, where \"a\" ends expected, offset 0, an overlap found"),
    ([0, 1], [1, 3], "3 bytes after the header, as its tensors take expected, 4 found"),
  ])
  func dataThatIsNotCovered(a: [Int], b: [Int], message: String) throws {
    func record(_ offsets: [Int]) -> String {
      #"{"dtype":"I8","shape":[\#(offsets[1] - offsets[0])],"data_offsets":[\#(offsets[0]),\#(offsets[1])]}"#
    }
    let found = try refusal(of: file("{\"a\":\(record(a)),\"b\":\(record(b))}", data: 4))
    // Two tensors with the same range stand in no particular order.
    let sameRange = a == b ? message.replacing("\"a\"", with: "_").replacing("\"b\"", with: "\"a\"")
      .replacing("_", with: "\"b\"") : message
    #expect(found == message || found == sameRange)
  }

  @Test func hostileNamesStayOnOneLine() throws {
    let name = String(repeating: "x", count: 5000) + "\\n"
    let found = try #require(try refusal(of: file("{\"\(name)\":{}}", data: 0)))
    #expect(found.count < 400)
    let newline = try #require(try refusal(of: file("{\"a\\nb\":{}}", data: 0)))
    #expect(newline.hasPrefix("tensor \"a\\nb\": "))
  }

  @Test func whatIsNoFile() throws {
    func message(_ path: String) -> String {
      do { _ = try SafetensorsFile(path: path) } catch { return "\(error)" }
      return "none"
    }
    #expect(message(folder.path) == "\(folder.path): a file expected, a folder found")
    #expect(message("/dev/null") == "/dev/null: a file expected, a device or pipe found")
    let absent = folder.file("absent")
    #expect(message(absent) == "\(absent): a file that can be read expected, No such file or directory found")
    let pipe = folder.file("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    #expect(message(pipe) == "\(pipe): a file expected, a device or pipe found")
  }

  @Test func boolsThatAreNone() throws {
    let path = folder.file("bool")
    try SafetensorsFile.write([OutgoingTensor("b", .bool, [2], bytes: [1, 2])], to: path)
    let file = try SafetensorsFile(path: path)
    #expect { try file.tensor("b") } throws: { "\($0)".hasSuffix("bools of 0 and 1 expected, 2 found") }
    #expect { try file.tensor("c") } throws: { "\($0)".hasSuffix("tensor \"c\": a tensor of this name expected, none found") }
    #expect { try file["b"]!.tensor(as: .float32) } throws: {
      "\($0)".hasSuffix("elements of 32 bits for float32 expected, BOOL found")
    }
  }

  @Test func writingWhereNothingCanBe() throws {
    let tensors = [OutgoingTensor("x", HostTensor(.float32, [1]))]
    let nowhere = folder.file("absent/x")
    #expect { try SafetensorsFile.write(tensors, to: nowhere) } throws: {
      "\($0)" == "\(nowhere): a folder to write the file in expected, No such file or directory found"
    }
    // A folder of that name is in the way of the last step; nothing is left behind.
    let folderName = folder.file("taken")
    try FileManager.default.createDirectory(atPath: folderName + "/inner", withIntermediateDirectories: true)
    #expect(throws: SafetensorsError.self) { try SafetensorsFile.write(tensors, to: folderName) }
    #expect(folder.names == ["taken"])
  }
}
