import CFamily
import MachineIR

/// Asynchronous copies to shared memory. The device model has the instructions under the names that the text gives them
/// for a GPU.
extension CUDADialect {
  func startCopy(_ copy: AsynchronousCopy, _ printer: inout Printer) throws -> CExpression {
    guard let piece = copy.pieceBytes else {
      throw Refusal("a copy of \(copy.byteCount) bytes to \(copy.target) has no whole words")
    }
    let scalar = declare(copy.source.element.cStorage)
    let target = try printer.arguments(
      Place(copy.target, copy.offset), .plain(printer.memory[copy.target] ?? scalar), isConst: false)
    let source = try printer.arguments(
      Place(copy.source.buffer, copy.source.offset), .plain(scalar), isConst: true)
    if let bulk { return bulkCopy(copy.byteCount, bulk, target + source) }
    return .call("\(copyLanes(piece))<\(copy.byteCount)>", target + source)
  }

  func closeCopies() -> CExpression {
    if let bulk { return closeBulkCopies(bulk) }
    onlyOnAGPU("tessera_copy_commit") {
      inline(
        "void", "tessera_copy_commit", "", body: "  asm volatile(\"cp.async.commit_group;\" ::: \"memory\");",
        why: "The copies of this thread since the last group are a group.")
    }
    return .call("tessera_copy_commit", [])
  }

  func awaitCopies(_ latest: Int) -> CExpression {
    if let bulk { return awaitBulkCopies(latest, bulk) }
    onlyOnAGPU("tessera_copy_wait") {
      inline(
        "void", "tessera_copy_wait", "",
        body: "  asm volatile(\"cp.async.wait_group %0;\" ::\"n\"(groups) : \"memory\");",
        why: "Waits for the groups of this thread but the latest.", template: "int groups")
    }
    return .call("tessera_copy_wait<\(latest)>", [])
  }

  /// The function by which the threads of a warp share a copy, `piece` bytes at a time.
  private func copyLanes(_ piece: Int) -> String {
    let own = "tessera_copy_async_\(piece)"
    // Only whole 16 bytes go past the first-level cache.
    let cache = piece == 16 ? "cg" : "ca"
    onlyOnAGPU(own) {
      inline(
        "void", own, "void *shared, const void *global",
        body: """
            asm volatile(
                "cp.async.\(cache).shared.global [%0], [%1], \(piece);" ::"r"((unsigned int)__cvta_generic_to_shared(shared)),
                "l"(global)
                : "memory");
          """, why: "Starts a copy of \(piece) bytes that goes on beside this thread.")
    }
    let u8 = declare("u8")
    return add("copy_async_\(piece)") {
      inline(
        "void", "copy_async_\(piece)", "void *shared, const void *global",
        body: """
          #pragma unroll
            for (int first = 0; first < bytes; first += 32 * \(piece)) {
              const int at = first + threadIdx.x % 32 * \(piece);
              if (at < bytes) \(own)((\(u8) *)shared + at, (const \(u8) *)global + at);
            }
          """, why: "A warp's threads take \(piece) bytes in turns.", template: "int bytes")
    }
  }

  /// Adds a function that the device model has under the same name.
  @discardableResult
  func onlyOnAGPU(_ name: String, _ text: () -> String) -> String {
    add(name) { "#ifndef TESSERA_DEVICE_MODEL\n\(text())\n#endif" }
  }
}
