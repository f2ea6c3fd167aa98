import CFamily
import MachineIR

/// Bulk copies of sm_90a: the first thread of a warp asks for whole pieces of memory, and their bytes arrive at a barrier
/// in shared memory (PTX ISA, "cp.async.bulk" and "mbarrier"). Groups take the warp's barriers in turns.
struct BulkCopies {
  /// The variable of the groups.
  let groups: String
  /// How many barriers.
  let count: Int
}

extension CUDADialect {
  /// Declares the groups of a kernel's copies, over its array of barriers.
  func openBulkCopies(_ bulk: BulkCopies, _ barriers: String) -> String {
    declareGroups()
    onlyOnAGPU("tessera_barrier_init") {
      inline(
        "void", "tessera_barrier_init", "u64 *barrier, u32 count",
        body: """
            asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count) : "memory");
          """, why: "A barrier whose phases end with `count` arrivals and all bytes that were announced.")
    }
    let open = add("open_groups") {
      inline(
        "CopyGroups<barriers>", "open_groups", "i64 *at",
        body: """
            if (threadIdx.x % 32 == 0) {
              for (int i = 0; i < barriers; i++) tessera_barrier_init((u64 *)at + i, 1);
              tessera_copy_fence();
            }
            __syncwarp();
            return CopyGroups<barriers>{(u64 *)at, 0, 0, 0};
          """, template: "int barriers")
    }
    return "CopyGroups<\(bulk.count)> \(bulk.groups) = \(open)<\(bulk.count)>(\(barriers));"
  }

  func bulkCopy(_ bytes: Int, _ bulk: BulkCopies, _ places: [CExpression]) -> CExpression {
    declareGroups()
    onlyOnAGPU("tessera_bulk_copy") {
      inline(
        "void", "tessera_bulk_copy", "void *shared, const void *global, u32 bytes, u64 *barrier",
        body: """
            asm volatile(
                "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                    shared_address(shared)),
                "l"(global), "r"(bytes), "r"(shared_address(barrier))
                : "memory");
          """, why: "Starts a copy whose bytes arrive at a barrier.")
    }
    let name = add("start_copy") {
      inline(
        "void", "start_copy", "CopyGroups<N> &groups, void *shared, const void *global",
        body: """
            if (threadIdx.x % 32 == 0) {
              if (groups.bytes == 0) tessera_copy_fence();
              tessera_bulk_copy(shared, global, size, groups.barriers + groups.closed % N);
            }
            groups.bytes += size;
          """, why: "The first of a group waits until what threads have read in its place before is read.",
        template: "int size, int N")
    }
    return .call("\(name)<\(bytes)>", [CExpression(bulk.groups)] + places)
  }

  func closeBulkCopies(_ bulk: BulkCopies) -> CExpression {
    declareGroups()
    onlyOnAGPU("tessera_barrier_expect") {
      inline(
        "void", "tessera_barrier_expect", "u64 *barrier, u32 bytes",
        body: """
            asm volatile(
                "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
                : "memory");
          """, why: "Announces bytes to a barrier, and arrives.")
    }
    let name = add("close_group") {
      inline(
        "void", "close_group", "CopyGroups<N> &groups",
        body: """
            if (threadIdx.x % 32 == 0) tessera_barrier_expect(groups.barriers + groups.closed % N, groups.bytes);
            groups.closed++;
            groups.bytes = 0;
          """, template: "int N")
    }
    return .call(name, [CExpression(bulk.groups)])
  }

  func awaitBulkCopies(_ latest: Int, _ bulk: BulkCopies) -> CExpression {
    declareGroups()
    onlyOnAGPU("tessera_barrier_wait") {
      inline(
        "void", "tessera_barrier_wait", "u64 *barrier, u32 parity",
        body: """
            u32 is_over;
            do {
              asm volatile(
                  "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                  : "=r"(is_over)
                  : "r"(shared_address(barrier)), "r"(parity)
                  : "memory");
            } while (!is_over);
          """, why: "Waits for the end of the phase of this parity.")
    }
    let name = add("await_groups") {
      inline(
        "void", "await_groups", "CopyGroups<N> &groups",
        body: """
            for (; groups.awaited + latest < groups.closed; groups.awaited++)
              tessera_barrier_wait(groups.barriers + groups.awaited % N, groups.awaited / N & 1);
          """, why: "Waits for the groups but the latest.", template: "int latest, int N")
    }
    return .call("\(name)<\(latest)>", [CExpression(bulk.groups)])
  }

  private func declareGroups() {
    for scalar in ["u32", "u64", "i64"] { declare(scalar) }
    onlyOnAGPU("shared_address") {
      inline("u32", "shared_address", "const void *shared", returns: "(u32)__cvta_generic_to_shared(shared)")
    }
    onlyOnAGPU("tessera_copy_fence") {
      inline(
        "void", "tessera_copy_fence", "",
        body: "  asm volatile(\"fence.proxy.async.shared::cta;\" ::: \"memory\");",
        why: "What threads did in shared memory comes before the copies that this thread starts from here on.")
    }
    add("CopyGroups") {
      """
      // Groups of copies of a warp, the same numbers in all its threads: those closed and waited for, and the bytes of the
      // open one. Group g's bytes arrive at barrier g % N.
      template <int N>
      struct CopyGroups {
        u64 *barriers;
        u32 closed, awaited, bytes;
      };
      """
    }
  }
}
