extension ModelText {
  /// Launches and the job of the engine of pipes.
  static let pipeMain = #"""
    // Bytes of the job's file, which cost less so than by pages that are mapped one by one.
    static void carry(i64 number, u8 *memory, u64 bytes, i64 place) {
      while (bytes) {
        const i64 done = call(number, 0, (i64)memory, (i64)bytes, place, 0);
        if (done <= 0) leave(6);
        memory += done;
        bytes -= (u64)done;
        place += done;
      }
    }
    // Gets the pages of memory that will be used, together; where the system cannot, each comes when it is touched.
    static void provide(u8 *memory, u64 bytes) {
      enum { POPULATE_WRITE = 23 };
      const u64 first = (u64)memory & -4096ul, end = ((u64)memory + bytes + 4095) & -4096ul;
      call(ADVISE, (i64)first, (i64)(end - first), POPULATE_WRITE, 0, 0);
    }
    static void place_buffers() {
      const pipe_buffer *buffers = (const pipe_buffer *)(head + 1);
      slot_count = (u32)head->buffers;
      if (slot_count > MOST_SLOTS) leave(4);
      for (u32 b = 0; b < slot_count; b++) {
        slot *at = &slots[b];
        at->bytes = (u64)buffers[b].bytes;
        at->is_written = buffers[b].is_written;
        const u64 pages = (at->bytes + 8192 + 4095) & -4096ul;
        at->start = map(0, pages, READ | WRITE) + 4096;
        if (!at->bytes) continue;
        if (buffers[b].place >= 0) {
          provide(at->start, at->bytes);
          carry(READ_AT, at->start, at->bytes, buffers[b].place);
        }
        // Of memory for kernels alone there is nothing before: all marks are zeros.
        if (buffers[b].defined_place != -1) at->defined = map(0, at->bytes, READ | WRITE);
        if (buffers[b].defined_place >= 0) carry(READ_AT, at->defined, at->bytes, buffers[b].defined_place);
        if (at->is_written) at->marks = fresh_shadow(at->bytes, MEMORY_WORDS);
      }
    }
    [[noreturn]] static void finish() {
      const pipe_buffer *buffers = (const pipe_buffer *)(head + 1);
      for (u32 b = 0; b < slot_count; b++) {
        if (!slots[b].is_written || buffers[b].place < 0) continue;
        carry(WRITE_AT, slots[b].start, slots[b].bytes, buffers[b].place);
        if (slots[b].defined) carry(WRITE_AT, slots[b].defined, slots[b].bytes, buffers[b].defined_place);
      }
      leave(0);
    }

    static void on_signal(i32 number, const u8 *, const u8 *) {
      enum { ALARM = 14 };
      stop(number == ALARM ? OUT_OF_TIME : TRAPPED, own(S), lines[own(S)][begun[own(S)] % LINES], own(S), 0, -1, 0, number);
    }
    static void catch_signals() {
      enum : u64 { HAS_RESTORER = 0x04000000 };
      struct {
        void (*handler)(i32, const u8 *, const u8 *);
        u64 flags;
        void (*restorer)();
        u64 mask;
      } action = {on_signal, HAS_RESTORER, tessera_model_restore, 0};
    #if !defined(__x86_64__)
      action.flags = 0;
      action.restorer = nullptr;
    #endif
      const i32 numbers[] = {4, 5, 7, 8, 11, 14};
      for (i32 number : numbers) call(SIGACTION, number, (i64)&action, 0, 8, 0);
      const u64 no_signals = 0;
      call(SIGPROCMASK, 2, (i64)&no_signals, 0, 8, 0);
      const i64 timer[4] = {0, 0, head->seconds, 0};
      if (head->seconds) call(SETITIMER, 0, (i64)timer, 0, 0, 0);
    }

    extern const kernel_entry tessera_pipe_kernels[];

    extern "C" __attribute__((used)) void tessera_model_main() {
      const i64 bytes = call(SEEK, 0, 0, 2, 0, 0);
      const i64 at = bytes < (i64)sizeof(pipe_head) ? -1 : call(MAP, 0, bytes, READ | WRITE, SHARED, 0);
      if (at < 0) leave(2);
      job = (u8 *)at;
      head = (pipe_head *)job;
      random_state = (u64)head->seed * 2 + 1;
      const u64 on_chip = (u64)MEMORIES * MEMORY_STRIDE;
      local = map(0, on_chip, READ | WRITE);
      poison = map(0, on_chip, READ | WRITE);
      local_shadow = fresh_shadow(on_chip, 0x7f | 0x7f << READS);
      for (u32 p = 0; p < UNITS; p++) {
        lines[p] = (u32 *)map(0, 4 * LINES, READ | WRITE);
        queues[p].entries = (instruction *)map(0, QUEUE * sizeof(instruction), READ | WRITE);
      }
      place_buffers();
      catch_signals();
      i64 *word = (i64 *)job + head->first_launch_word;
      for (i64 i = 0; i < head->launches; i++) {
        launch_number = (u32)i;
        const pipe_launch *launch = (const pipe_launch *)word;
        const pipe_argument *arguments = (const pipe_argument *)(launch + 1);
        const kernel_entry &kernel = tessera_pipe_kernels[launch->kernel];
        if (kernel.parameters != launch->arguments) leave(5);
        u64 words[256];
        for (i64 a = 0; a < launch->arguments; a++)
          words[a] = arguments[a].kind == 0
              ? (u64)(slots[arguments[a].value].start + arguments[a].offset) : (u64)arguments[a].value;
        block_count = (u32)launch->blocks;
        vectors_of_cube = (u32)launch->vectors_of_cube;
        for (u32 memory = 0; memory < (vectors_of_cube ? (u32)MEMORIES : 1u) && !i; memory++) {
          const u64 place = memory * MEMORY_STRIDE, used = memory_bytes(memory);
          provide(local + place, used);
          provide(poison + place, used);
          provide((u8 *)(local_shadow.blocks + place / BLOCK), used / BLOCK * sizeof(marks));
        }
        for (u32 block = 0; block < block_count; block++) {
          begin_block(head->order == LATE ? block_count - 1 - block : block);
          if (vectors_of_cube) run_group(kernel.call, words);
          else kernel.call(words);
          end_block();
        }
        word = (i64 *)(arguments + launch->arguments);
        head->finished = i + 1;
      }
      finish();
    }
    """#

  /// What is compiled: the header, the text, unchanged, and a table of its kernels.
  static func pipeUnit(kernels: [String]) -> String {
    let entries = kernels.map { "  {tessera_pipe_entry<&::\($0)>::count, tessera_pipe_entry<&::\($0)>::call},\n" }.joined()
    return """
      #include "\(pipeKernelFile)"
      namespace tessera_pipes {
      extern const kernel_entry tessera_pipe_kernels[] = {
      \(entries)};
      }
      """
  }

  static let pipeKernelFile = "kernel.cpp"

  /// `kernel_operator.h`: what texts are compiled with.
  static let pipeHeader = """
    #pragma once
    namespace tessera_pipes {
    \(pipeShared)
    }
    \(pipeInterface)
    \(cubeInterface)
    """

  /// The engine, one translation unit, the same for all texts.
  static let pipeEngineUnit = """
    namespace tessera_pipes {
    \(engineBase)
    \(pipeShared)
    \(pipeEngine)
    \(pipeMarks)
    \(pipeQueues)
    \(pipeCores)
    \(pipeMain)
    \(pipeNumbers)
    \(pipeLanes)
    \(pipeMoves)
    \(pipeCubes)
    }
    """
}
