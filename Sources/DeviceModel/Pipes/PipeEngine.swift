extension ModelText {
  /// The engine of pipes: queues that are worked off early, late or as drawn, and clocks that say what each pipe
  /// knows to be done.
  static let pipeEngine = #"""
    enum { EARLY, LATE, SHUFFLED };

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
    static u32 launch_number;
    u32 block_number, block_count, core, vectors_of_cube;

    static void join(clock &a, const clock &b) {
      for (u32 q = 0; q < COUNTS; q++) a.done[q] = a.done[q] > b.done[q] ? a.done[q] : b.done[q];
    }

    struct queue {
      instruction *entries;
      u32 first, count;
    };
    static queue queues[UNITS];
    // Units whose queues hold something, a bit each.
    static u32 busy;
    static clock clocks[UNITS];
    // Counts what a scalar unit has learnt of others; and what of that a pipe has been told with an instruction.
    static u32 learnt[CORES], told[UNITS];
    // How many instructions each unit has begun, and the line of each. Fewer than 2^31 of one pipe fit in a time limit.
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
    static event events[ALL_EVENTS];
    static u32 flag_of(bool is_from_cube, u32 vector, u32 id) {
      return OWN + ((is_from_cube ? 0 : 2) + vector) * FLAGS + id;
    }

    // Bytes on chip, and bits of them that hold nothing.
    static u8 *local, *poison;
    u8 *bytes_on_chip() { return local; }
    u8 *marks_on_chip() { return poison; }
    u32 memory_bytes(u32 memory) {
      const u32 of_cube[] = {512 << 10, 64 << 10, 64 << 10, 128 << 10};
      return memory < L1 ? (u32)head->capacity : of_cube[memory - L1];
    }

    static u64 random_state;
    static u32 random_bits() {
      random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
      return (u32)(random_state >> 33);
    }

    [[noreturn]] static void finish();

    RARE void report(u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail) {
      pipe_report *reports = (pipe_report *)(job + head->report_place);
      for (i64 i = 0; i < head->reports; i++)
        if (reports[i].kind == kind && reports[i].line == line && reports[i].other_line == other_line) return;
      if (head->reports < head->report_limit)
        reports[head->reports++] = {kind, launch_number, block_number, pipe, line, other_pipe, other_line, buffer, place, detail};
    }
    [[noreturn]] RARE void stop(
        u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail) {
      report(kind, pipe, line, other_pipe, other_line, buffer, place, detail);
      finish();
    }
    """#

  /// How instructions and events are worked off.
  static let pipeQueues = #"""
    static bool can_run(u32 pipe) {
      const queue &own = queues[pipe];
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
      if (to % PIPES == S) learnt[to / PIPES]++;
      begin(to, line);
      own.wait = begun[to];
      own.wait_line = line;
    }
    // A flag of a cube core is for all vector cores at its side.
    static void raise_flag(u32 id, u32 from, u32 line) {
      if (from / PIPES != AIC) return raise(flag_of(false, from / PIPES, id), from, line);
      for (u32 vector = 0; vector < vectors_of_cube; vector++) raise(flag_of(true, vector, id), from, line);
    }
    INLINE void work(u32 pipe, const instruction &next) {
      begin(pipe, next.line);
      const limits known = local_limits(pipe);
      // An instruction may write where it reads.
      const u32 parts = next.to_parts ? next.to_parts : 1;
      numbers over = {};
      for (u32 n = 0; n < parts; n++)
        over |= unknown(local_shadow, known, next.to.place + n * next.to_pitch, next.to.bytes, true);
      for (u32 i = 0; i < 3; i++)
        if (next.from[i].bytes) over |= unknown(local_shadow, known, next.from[i].place, next.from[i].bytes, false);
      if (is_any(over)) {
        for (u32 i = 0; i < 3; i++) tell_local(known, pipe, next.line, next.from[i], false);
        for (u32 n = 0; n < parts; n++)
          tell_local(known, pipe, next.line, {next.to.place + n * next.to_pitch, next.to.bytes}, true);
      }
      const u32 own = pipe % PIPES, number = begun[pipe];
      for (u32 i = 0; i < 3; i++)
        if (next.from[i].bytes) mark(local_shadow, READS + own, next.from[i].place, next.from[i].bytes, number);
      for (u32 n = 0; n < parts; n++) mark(local_shadow, own, next.to.place + n * next.to_pitch, next.to.bytes, number);
      if (next.memory)
        touch_memory(pipe, next.line, next.memory, next.memory_bytes, next.memory_rows ? next.memory_rows : 1,
                     next.memory_pitch, next.is_stored);
      next.run(next);
    }
    static void run_one(u32 pipe) {
      queue &own = queues[pipe];
      const instruction &next = own.entries[own.first];
      clock &known = clocks[pipe];
      if (next.has_clock) join(known, next.issued);
      u32 &scalar = known.done[pipe - pipe % PIPES + S];
      if (next.scalar_done > scalar) scalar = next.scalar_done;
      progress++;
      switch (next.kind) {
      case SET: raise(next.event, pipe, next.line); break;
      case SET_FLAG: raise_flag(next.event, pipe, next.line); break;
      case WAIT: lower(next.event, next.line); break;
      case BARRIER: known.done[pipe] = begun[pipe]; break;
      default: work(pipe, next);
      }
      own.first = (own.first + 1) % QUEUE;
      // An empty queue begins anew, so that few entries are in use where it never fills.
      if (!--own.count) {
        own.first = 0;
        busy &= ~(1u << pipe);
      }
    }
    // One instruction of some pipe, whichever the order likes best; false where none can go on.
    static bool step() {
      const u32 count = vectors_of_cube ? UNITS : PIPES;
      const u32 turn = head->order == SHUFFLED ? random_bits() % count : 0;
      if (!busy) return false;
      if (head->order == LATE) {
        for (u32 left = busy; left;) {
          const u32 pipe = 31 - (u32)__builtin_clz(left);
          if (can_run(pipe)) return run_one(pipe), true;
          left &= ~(1u << pipe);
        }
        return false;
      }
      // From the turn's pipe upwards, then those below it.
      for (u32 left = busy >> turn << turn, below = busy & ~left, half = 0; half < 2; half++, left = below)
        for (; left; left &= left - 1) {
          const u32 pipe = (u32)__builtin_ctz(left);
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
    static void drain(u32 line) {
      while (busy >> own(S) & ((1u << PIPES) - 1))
        if (!step()) pause(line);
    }
    instruction &issue(u32 pipe, u32 kind, u32 line) {
      const u32 unit = own(pipe), scalar = own(S);
      queue &at = queues[unit];
      while (at.count == QUEUE)
        if (!step()) pause(line);
      instruction &fresh = at.entries[(at.first + at.count) % QUEUE];
      __builtin_memset(&fresh, 0, __builtin_offsetof(instruction, issued));
      fresh.kind = kind;
      fresh.line = line;
      fresh.scalar_done = begun[scalar];
      if (told[unit] != learnt[core]) {
        told[unit] = learnt[core];
        fresh.has_clock = true;
        fresh.issued = clocks[scalar];
      }
      return fresh;
    }
    static void give_way();
    void commit(u32 pipe) {
      queues[own(pipe)].count++;
      busy |= 1u << own(pipe);
      progress++;
      if (head->order == EARLY) {
        // Whatever could go on has done so: behind others this one waits, and alone it may set others going.
        const u32 unit = own(pipe);
        if (queues[unit].count > 1 || !can_run(unit)) return;
        const u32 kind = queues[unit].entries[0].kind;
        run_one(unit);
        if (kind == SET || kind == SET_FLAG) while (step()) {}
      } else if (head->order == SHUFFLED)
        for (u32 i = random_bits() % 6; i && step(); i--) {}
      if (head->order == SHUFFLED && vectors_of_cube && !(random_bits() % 8)) give_way();
    }

    // MARK: The scalar unit

    void raise_now(u32 number, u32 line) {
      raise(number, own(S), line);
      if (head->order == EARLY) while (step()) {}
    }
    void await_now(u32 number, u32 line) {
      while (!events[number].is_raised)
        if (!step()) pause(line);
      lower(number, line);
    }
    void await_all(u32 line) {
      drain(line);
      for (u32 p = 0; p < PIPES; p++) {
        clock &known = clocks[own(p)];
        for (u32 q = 0; q < PIPES; q++) known.done[own(q)] = begun[own(q)];
        known.done[STORES + core] = begun[own(S)];
      }
      learnt[core]++;
    }
    static u64 word_of(const u8 *at, u32 bytes) {
      u64 word = 0;
      switch (bytes) {
      case 1: return *at;
      case 2: __builtin_memcpy(&word, at, 2); return word;
      case 4: __builtin_memcpy(&word, at, 4); return word;
      default: __builtin_memcpy(&word, at, 8); return word;
      }
    }
    static void set_word(u8 *at, u32 bytes, u64 word) {
      switch (bytes) {
      case 1: *at = (u8)word; break;
      case 2: __builtin_memcpy(at, &word, 2); break;
      case 4: __builtin_memcpy(at, &word, 4); break;
      default: __builtin_memcpy(at, &word, 8);
      }
    }
    INLINE void touch_local(u32 place, u32 bytes, u32 line, bool is_write) {
      const u32 scalar = own(S);
      begin(scalar, line);
      // What it knows changes with events alone.
      static limits known[CORES];
      static u32 known_at[CORES];
      if (known_at[core] != learnt[core]) {
        known_at[core] = learnt[core];
        known[core] = local_limits(scalar);
      }
      if (is_any(unknown(local_shadow, known[core], place, bytes, is_write)))
        tell_local(known[core], scalar, line, {place, bytes}, is_write);
      mark_part(local_shadow, is_write ? S : READS + S, place, bytes, begun[scalar]);
    }
    u64 read_local(u32 place, u32 bytes, u32 line) {
      touch_local(place, bytes, line, false);
      if (word_of(poison + place, bytes)) report(UNDEFINED, own(S), line, own(S), 0, -1, place, 0);
      return word_of(local + place, bytes);
    }
    void write_local(u32 place, u32 bytes, u64 value, u32 line) {
      touch_local(place, bytes, line, true);
      set_word(local + place, bytes, value);
      set_word(poison + place, bytes, 0);
    }
    u64 read_memory(const u8 *memory, u32 bytes, u32 line) {
      const u32 scalar = own(S);
      const slot *at = checked_slot(scalar, line, memory, bytes, false);
      begin(scalar, line);
      touch_memory(scalar, line, memory, bytes, 1, 0, false);
      for (u32 i = 0; at->defined && i < bytes; i++)
        if (at->defined[memory + i - at->start] != 255)
          report(UNDEFINED, scalar, line, scalar, 0, at - slots, memory - at->start, 0);
      return word_of(memory, bytes);
    }

    static void begin_block(u32 number) {
      block_number = number;
      for (u32 memory = 0; memory < (vectors_of_cube ? (u32)MEMORIES : 1u); memory++) {
        memset(local + memory * MEMORY_STRIDE, 0xa5, memory_bytes(memory));
        memset(poison + memory * MEMORY_STRIDE, 0xff, memory_bytes(memory));
      }
      for (u32 p = 0; p < UNITS; p++)
        for (u32 q = 0; q < COUNTS; q++) clocks[p].done[q] = begun[q < UNITS ? q : (q - STORES) * PIPES + S];
      for (u32 c = 0; c < CORES; c++) learnt[c]++;
      for (u32 e = 0; e < ALL_EVENTS; e++) events[e] = event{};
    }
    static void end_block() {
      drain(0);
      for (u32 e = 0; e < ALL_EVENTS; e++)
        if (events[e].is_raised) report(NEVER_AWAITED, from_pipe(e), events[e].line, to_pipe(e), 0, -1, e, 0);
    }
    """#
}
