extension ModelText {
  /// The engine of pipes: queues that are worked off early, late or as drawn, and clocks that say what each pipe
  /// knows to be done.
  static let pipeEngine = #"""
    typedef signed char i8;
    typedef short i16;
    enum { S, V, MTE2, MTE3, MTE1, M, FIX, PIPES };
    // The cores of a group. A unit is a pipe of one of them; where vector cores work alone, the first is all there is.
    // What a scalar unit has written counts apart from what it has done: others see it when an event says so.
    enum { AIV0, AIV1, AIC, CORES, UNITS = CORES * PIPES, STORES = UNITS, COUNTS = STORES + CORES };
    enum { EARLY, LATE, SHUFFLED };
    enum {
      HAZARD, MISSING_BARRIER, RAISED_TWICE, NEVER_AWAITED, DEADLOCK, OUT_OF_BOUNDS, MISALIGNED, UNDEFINED, LIMIT,
      BLOCK_RACE, READ_ONLY, OUT_OF_TIME, TRAPPED
    };
    enum { QUEUE = 4096, EVENTS = 8, LINES = 1 << 20, MOST_SLOTS = 256 };

    struct pipe_head {
      i64 buffers, launches, first_launch_word, order, seed, capacity, seconds, report_place, report_limit;
      // The answer.
      i64 finished, reports, unused;
    };
    struct pipe_buffer {
      i64 place, bytes, is_written, defined_place;
    };
    struct pipe_launch {
      // The last is 0 for kernels of vector cores alone.
      i64 kernel, blocks, arguments, vectors_of_cube;
    };
    struct pipe_argument {
      i64 kind, value, offset;
    };
    struct pipe_report {
      i64 kind, launch, block, pipe, line, other_pipe, other_line, buffer, place, detail;
    };
    static u8 *job;
    static pipe_head *head;
    static u32 launch_number, block_number, block_count;
    // The core whose scalar unit is at work, and how many vector cores a cube core has at its side; 0 where they
    // work alone.
    static u32 core, vectors_of_cube;
    static u32 own(u32 pipe) { return core * PIPES + pipe; }

    // How many instructions of each unit are known to be done.
    struct clock {
      u32 done[COUNTS];
    };
    static void join(clock &a, const clock &b) {
      for (u32 q = 0; q < COUNTS; q++) a.done[q] = a.done[q] > b.done[q] ? a.done[q] : b.done[q];
    }

    // Bytes on chip; of an operand of one repeat for all, its bytes come again and again.
    struct span {
      u32 place, bytes, period = 0xffffffff;
      u32 at(u32 byte) const { return place + (byte & period); }
    };
    enum { WORK, SET, WAIT, BARRIER, SET_FLAG };
    struct instruction {
      void (*run)(const instruction &);
      u32 kind, line, event;
      clock issued;
      span to, from[3];
      // Main memory: rows of bytes, a pitch from one to the next.
      u8 *memory;
      u32 memory_bytes, memory_rows, memory_pitch;
      bool is_stored;
      u32 count, mode;
      u64 scalar;
      u32 shape[4];
    };
    struct queue {
      instruction *entries;
      u32 first, count;
    };
    static queue queues[UNITS];
    static clock clocks[UNITS];
    // How many instructions each unit has begun, and the line of each.
    static u32 begun[UNITS];
    static u32 *lines[UNITS];
    // Counts all that happens, to tell when nothing does.
    static u64 progress;

    struct event {
      bool is_raised;
      u32 line;
      clock known;
      // The last wait for it, by the waiting pipe's count.
      u32 wait, wait_line;
    };
    // Those of a core's pairs of pipes, then flags from the cube core to each vector core and back.
    enum { PAIRS = PIPES * PIPES * EVENTS, FLAGS = 11, OWN = CORES * PAIRS, ALL_EVENTS = OWN + 4 * FLAGS };
    static event events[ALL_EVENTS];
    static u32 flag_of(bool is_from_cube, u32 vector, u32 id) {
      return OWN + ((is_from_cube ? 0 : 2) + vector) * FLAGS + id;
    }
    // Of a flag, only the core that raises it and the one that waits are told.
    static u32 from_pipe(u32 number) {
      if (number < OWN) return number / PAIRS * PIPES + number % PAIRS / (PIPES * EVENTS);
      const u32 way = (number - OWN) / FLAGS;
      return (way < 2 ? (u32)AIC : way - 2) * PIPES;
    }
    static u32 to_pipe(u32 number) {
      if (number < OWN) return number / PAIRS * PIPES + number / EVENTS % PIPES;
      const u32 way = (number - OWN) / FLAGS;
      return (way < 2 ? way : (u32)AIC) * PIPES;
    }

    // Memories on chip, of both vector cores and the cube core: where each begins among all bytes.
    enum { MEMORY_STRIDE = 1 << 20, UB0 = 0, UB1 = 1, L1 = 2, L0A = 3, L0B = 4, L0C = 5, MEMORIES };
    static u32 memory_bytes(u32 memory) {
      const u32 of_cube[] = {512 << 10, 64 << 10, 64 << 10, 128 << 10};
      return memory < L1 ? (u32)head->capacity : of_cube[memory - L1];
    }

    // Bytes, bits that hold nothing, and the last write and read of each byte by each pipe of its core.
    static u8 *local, *poison;
    static u32 *local_written[PIPES], *local_read[PIPES];

    struct slot {
      u8 *start;
      u64 bytes;
      bool is_written;
      // The bits of each byte that hold something; nil where all do.
      u8 *defined;
      u32 *written[UNITS], *read[UNITS];
      // 1 + the block; readers 65535 for several.
      u16 *writer, *reader;
    };
    static slot slots[MOST_SLOTS];
    static u32 slot_count;

    // Vector cores have the first four pipes, cube cores the scalar unit, MTE2 and what is theirs.
    static bool has_pipe(u32 pipe) { return core == AIC ? pipe != V && pipe != MTE3 : pipe <= MTE3; }

    static u64 random_state;
    static u32 random_bits() {
      random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
      return (u32)(random_state >> 33);
    }

    [[noreturn]] static void finish();

    static void report(u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail) {
      pipe_report *reports = (pipe_report *)(job + head->report_place);
      for (i64 i = 0; i < head->reports; i++)
        if (reports[i].kind == kind && reports[i].line == line && reports[i].other_line == other_line) return;
      if (head->reports < head->report_limit)
        reports[head->reports++] = {kind, launch_number, block_number, pipe, line, other_pipe, other_line, buffer, place, detail};
    }
    [[noreturn]] static void stop(u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail) {
      report(kind, pipe, line, other_pipe, other_line, buffer, place, detail);
      finish();
    }

    // The first byte of a range whose instruction of pipe q is not known to be done, or -1.
    static i64 first_unknown(const u32 *at, u32 place, u64 bytes, u32 known) {
      u32 most = 0;
      for (u64 i = 0; i < bytes; i++) most = at[place + i] > most ? at[place + i] : most;
      if (most <= known) return -1;
      for (u64 i = 0;; i++)
        if (at[place + i] > known) return (i64)i;
    }
    // `written` and `read` are of units from `first` on.
    static void check_order(
        u32 pipe, u32 line, u32 first, u32 count, u32 *const *written, u32 *const *read, u64 place, u64 bytes,
        bool is_write, i64 buffer) {
      for (u32 i = 0; i < count; i++) {
        const u32 q = first + i;
        for (u32 turn = 0; turn < (is_write ? 2 : 1); turn++) {
          const u32 counted = q % PIPES != S || turn ? q : STORES + q / PIPES;
          const u32 known = q == pipe && q % PIPES == S ? ~0u : clocks[pipe].done[counted];
          const u32 *at = turn ? read[i] : written[i];
          // Writes of main memory by one pipe are told apart by their places alone.
          if (!at || (buffer >= 0 && q == pipe && turn == 0 && is_write)) continue;
          const i64 byte = first_unknown(at, (u32)place, bytes, known);
          if (byte < 0) continue;
          const u32 other = at[place + (u64)byte];
          report(q == pipe ? MISSING_BARRIER : HAZARD, pipe, line, q, lines[q][other % LINES], buffer,
                 (i64)place + byte, is_write ? (turn ? 2 : 3) : 1);
        }
      }
    }
    static void check(u32 pipe, u32 line, span at, bool is_write) {
      if (!at.bytes) return;
      check_order(pipe, line, pipe - pipe % PIPES, PIPES, local_written, local_read, at.place, at.bytes, is_write, -1);
    }
    static void mark(u32 pipe, span at, bool is_write) {
      u32 *own = (is_write ? local_written : local_read)[pipe % PIPES];
      for (u32 i = 0; i < at.bytes; i++) own[at.place + i] = begun[pipe];
    }
    static void touch(u32 pipe, u32 line, span at, bool is_write) {
      check(pipe, line, at, is_write);
      mark(pipe, at, is_write);
    }

    static slot *slot_of(const u8 *memory) {
      for (u32 i = 0; i < slot_count; i++)
        if (memory >= slots[i].start && memory <= slots[i].start + slots[i].bytes) return &slots[i];
      return nullptr;
    }
    static slot *checked_slot(u32 pipe, u32 line, const u8 *memory, u64 bytes, bool is_write) {
      slot *at = slot_of(memory);
      if (!at || memory + bytes > at->start + at->bytes)
        stop(OUT_OF_BOUNDS, pipe, line, pipe, 0, at ? at - slots : MOST_SLOTS, at ? memory - at->start : 0, (i64)bytes);
      if (is_write && !at->is_written) stop(READ_ONLY, pipe, line, pipe, 0, at - slots, memory - at->start, 0);
      return at;
    }
    static void touch_memory(u32 pipe, u32 line, const u8 *memory, u64 bytes, bool is_write) {
      slot *at = checked_slot(pipe, line, memory, bytes, is_write);
      if (!at->is_written) return;
      const u64 place = (u64)(memory - at->start);
      check_order(pipe, line, 0, UNITS, at->written, at->read, place, bytes, is_write, at - slots);
      const u16 own = (u16)(block_number % 65534 + 1);
      for (u64 i = place; i < place + bytes; i++) {
        if ((at->writer[i] && at->writer[i] != own) || (is_write && at->reader[i] && at->reader[i] != own))
          report(BLOCK_RACE, pipe, line, pipe, 0, at - slots, (i64)i, is_write);
        if (is_write) at->writer[i] = own;
        else at->reader[i] = at->reader[i] && at->reader[i] != own ? 65535 : own;
        (is_write ? at->written : at->read)[pipe][i] = begun[pipe];
      }
    }

    static bool can_run(u32 pipe) {
      const queue &own = queues[pipe];
      if (!own.count) return false;
      const instruction &next = own.entries[own.first];
      return next.kind != WAIT || events[next.event].is_raised;
    }
    static void begin(u32 pipe, u32 line) {
      begun[pipe]++;
      lines[pipe][begun[pipe] % LINES] = line;
    }
    static void raise(u32 number, u32 from, u32 line) {
      event &own = events[number];
      const u32 to = to_pipe(number);
      progress++;
      if (own.is_raised) report(RAISED_TWICE, from, line, from, own.line, -1, number, 0);
      // The wait before may still be to come where this pipe runs ahead.
      else if (own.wait > clocks[from].done[to]) report(RAISED_TWICE, from, line, to, own.wait_line, -1, number, 1);
      own.is_raised = true;
      own.line = line;
      join(own.known, clocks[from]);
      own.known.done[from] = begun[from];
      if (from % PIPES == S) own.known.done[STORES + from / PIPES] = begun[from];
    }
    static void lower(u32 number, u32 line) {
      event &own = events[number];
      const u32 to = to_pipe(number);
      progress++;
      own.is_raised = false;
      join(clocks[to], own.known);
      begin(to, line);
      own.wait = begun[to];
      own.wait_line = line;
    }
    // A flag of a cube core is for all vector cores at its side.
    static void raise_flag(u32 id, u32 from, u32 line) {
      if (from / PIPES != AIC) return raise(flag_of(false, from / PIPES, id), from, line);
      for (u32 vector = 0; vector < vectors_of_cube; vector++) raise(flag_of(true, vector, id), from, line);
    }
    static void run_one(u32 pipe) {
      queue &own = queues[pipe];
      const instruction &next = own.entries[own.first];
      join(clocks[pipe], next.issued);
      progress++;
      switch (next.kind) {
      case SET: raise(next.event, pipe, next.line); break;
      case SET_FLAG: raise_flag(next.event, pipe, next.line); break;
      case WAIT: lower(next.event, next.line); break;
      case BARRIER: clocks[pipe].done[pipe] = begun[pipe]; break;
      default:
        begin(pipe, next.line);
        // An instruction may write where it reads.
        for (u32 i = 0; i < 3; i++) check(pipe, next.line, next.from[i], false);
        check(pipe, next.line, next.to, true);
        for (u32 i = 0; i < 3; i++) mark(pipe, next.from[i], false);
        mark(pipe, next.to, true);
        for (u32 row = 0; next.memory && row < (next.memory_rows ? next.memory_rows : 1); row++) {
          const u8 *at = next.memory + (u64)row * next.memory_pitch;
          touch_memory(pipe, next.line, at, next.memory_bytes, next.is_stored);
        }
        next.run(next);
      }
      own.first = (own.first + 1) % QUEUE;
      own.count--;
    }
    // One instruction of some pipe, whichever the order likes best; false where none can go on.
    static bool step() {
      const u32 count = vectors_of_cube ? UNITS : PIPES;
      const u32 turn = head->order == SHUFFLED ? random_bits() % count : 0;
      for (u32 i = 0; i < count; i++) {
        const u32 pipe = head->order == LATE ? count - 1 - i : (turn + i) % count;
        if (can_run(pipe)) return run_one(pipe), true;
      }
      return false;
    }
    [[noreturn]] static void stand_still(u32 line) {
      for (u32 p = 1; p < UNITS; p++) {
        if (!queues[p].count) continue;
        const instruction &next = queues[p].entries[queues[p].first];
        report(DEADLOCK, p, next.line, from_pipe(next.event), events[next.event].line, -1, next.event, 0);
      }
      if (line) report(DEADLOCK, own(S), line, own(S), 0, -1, 0, 0);
      finish();
    }
    static void pause(u32 line);
    // Works until the core's pipes have nothing left.
    static bool is_idle() {
      for (u32 p = 1; p < PIPES; p++)
        if (queues[own(p)].count) return false;
      return true;
    }
    static void drain(u32 line) {
      while (!is_idle())
        if (!step()) pause(line);
    }
    // Pipes are those of the core at work.
    static instruction &issue(u32 pipe, u32 kind, u32 line) {
      queue &at = queues[own(pipe)];
      while (at.count == QUEUE)
        if (!step()) pause(line);
      instruction &fresh = at.entries[(at.first + at.count) % QUEUE];
      fresh = instruction{};
      fresh.kind = kind;
      fresh.line = line;
      fresh.issued = clocks[own(S)];
      fresh.issued.done[own(S)] = begun[own(S)];
      return fresh;
    }
    static void give_way();
    // What was filled in goes on its way.
    static void commit(u32 pipe) {
      queues[own(pipe)].count++;
      progress++;
      if (head->order == EARLY) while (step()) {}
      else if (head->order == SHUFFLED)
        for (u32 i = random_bits() % 6; i && step(); i--) {}
      if (head->order == SHUFFLED && vectors_of_cube && !(random_bits() % 8)) give_way();
    }

    static void begin_block(u32 number) {
      block_number = number;
      for (u32 memory = 0; memory < (vectors_of_cube ? (u32)MEMORIES : 1u); memory++) {
        memset(local + memory * MEMORY_STRIDE, 0xa5, memory_bytes(memory));
        memset(poison + memory * MEMORY_STRIDE, 0xff, memory_bytes(memory));
      }
      for (u32 p = 0; p < UNITS; p++)
        for (u32 q = 0; q < COUNTS; q++) clocks[p].done[q] = begun[q < UNITS ? q : (q - STORES) * PIPES + S];
      for (u32 e = 0; e < ALL_EVENTS; e++) events[e] = event{};
    }
    static void end_block() {
      drain(0);
      for (u32 e = 0; e < ALL_EVENTS; e++)
        if (events[e].is_raised) report(NEVER_AWAITED, from_pipe(e), events[e].line, to_pipe(e), 0, -1, e, 0);
    }
    """#
}
