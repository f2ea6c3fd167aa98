import ArgumentParser
import DeepSeek
import Foundation
import Runtime
import Safetensors

/// `tessera logits`: the logits of every position, for comparison with other implementations.
struct Logits: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model's logits for given tokens to a file.",
    discussion: """
      The file holds `logits`, fp32 [tokens, vocabulary]: row p is what follows token p. With --streams it \
      also holds `streams.L`, the residual streams in front of layer L, and behind the last layer. Neither \
      --chunk nor --batch nor --threads changes a bit: to see that, compare the SHA-256 that is printed.
      """)

  @OptionGroup var arguments: ModelArguments

  @Option(help: "Token numbers, separated by commas.")
  var tokens: String?

  @Option(help: "A text file of token numbers, separated by blanks, commas or lines.", completion: .file())
  var tokensFile: String?

  @Option(name: .customLong("out"), help: "The safetensors file to write.", completion: .file())
  var output: String

  @Option(help: "Tokens of a run at most.")
  var chunk: Int = 256

  @Option(help: "So many copies of the sequence run side by side; all must agree.")
  var batch: Int = 1

  @Flag(help: "Write the residual streams too.")
  var streams = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard (tokens == nil) != (tokensFile == nil) else {
      throw ValidationError("one of --tokens and --tokens-file is expected")
    }
    guard (1...65536).contains(chunk) else { throw ValidationError("--chunk is \(chunk); 1 to 65536 expected") }
    guard (1...256).contains(batch) else { throw ValidationError("--batch is \(batch); 1 to 256 expected") }
  }

  func run() throws {
    let weights = try arguments.weights()
    let ids = try self.ids(below: weights.configuration.vocabularySize)
    let most = max(chunk, 1) * batch
    let model = try arguments.load(
      weights,
      Model.Options(
        arithmetic: arguments.arithmetic, cache: CacheRoom(sequences: batch, context: max(ids.count, 1)),
        chunk: most, rows: most, keepsStreams: streams, drafts: false), isQuiet: json)
    let collected = try collect(ids, model)
    let hash = ContentHash.digest(collected[0].bytes)
    try SafetensorsFile.write(
      collected.map { OutgoingTensor($0.name, $0.type, $0.shape, bytes: $0.bytes) },
      metadata: ["arithmetic": arguments.arithmetic.rawValue, "tokens": ids.map(String.init).joined(separator: ",")],
      to: output)
    let report = Report(
      file: output, tokens: ids.count, vocabulary: weights.configuration.vocabularySize,
      arithmetic: arguments.arithmetic.rawValue, sha256: hash)
    print(json ? try tessera.json(report) : "logits of \(ids.count) tokens in \(output), SHA-256 \(hash)")
  }

  private struct Report: Encodable {
    let file: String
    let tokens, vocabulary: Int
    let arithmetic, sha256: String
  }

  private struct Collected {
    let name: String
    let type: StorageType
    let shape: [Int]
    var bytes: [UInt8] = []
  }

  /// Runs the tokens chunk by chunk; logits come first.
  private func collect(_ ids: [Int32], _ model: Model) throws -> [Collected] {
    let shape = model.shape
    var all = [Collected(name: "logits", type: .float32, shape: [ids.count, shape.vocabularySize])]
    if streams {
      for layer in 0...shape.layers.count {
        all.append(
          Collected(
            name: "streams.\(layer)", type: StorageType(storing: model.streamElement),
            shape: [ids.count, shape.streamCount, shape.hiddenSize]))
      }
    }
    for start in stride(from: 0, to: ids.count, by: chunk) {
      let tokens = Array(ids[start..<min(start + chunk, ids.count)])
      try model.run(
        Batch(
          (0..<batch).map { Batch.Piece(sequence: $0, start: start, tokens: tokens, wanted: tokens.count) }))
      for position in all.indices {
        let parts = (0..<batch).map { copy -> UnsafeRawBufferPointer in
          let rows = copy * tokens.count..<(copy + 1) * tokens.count
          return position == 0 ? model.logitBytes(rows) : model.streamBytes(position - 1, rows)
        }
        for (copy, part) in parts.enumerated() where !part.elementsEqual(parts[0]) {
          throw Refusal("copy \(copy) of the batch differs from the first in \(all[position].name) of tokens \(start)...")
        }
        all[position].bytes += parts[0]
      }
    }
    return all
  }

  private func ids(below count: Int) throws -> [Int32] {
    try tokenNumbers(tokens ?? String(contentsOfFile: tokensFile!, encoding: .utf8), below: count)
  }
}

/// Token numbers separated by blanks, commas or lines, each one of the model's.
func tokenNumbers(_ text: String, below count: Int) throws -> [Int32] {
  try text.split { $0 == "," || $0.isWhitespace }.map { word in
    guard let id = Int32(word), id >= 0, id < count else {
      throw Refusal("\(word) is no token of the model; numbers from 0 to \(count - 1) expected")
    }
    return id
  }
}
