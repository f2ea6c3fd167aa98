extension ModelText {
  /// The cores of a group, each with a stack of its own: who runs while others wait for flags.
  static let pipeCores = #"""
    enum { CORE_STACK = 1 << 18 };
    struct core_state {
      void *stack;
      u8 *memory;
      bool exists, is_done;
      u32 waits_at;
    };
    static core_state core_states[CORES];
    static void *group_stack;
    static void (*group_kernel)(const u64 *words);
    static const u64 *group_words;

    static void leave_core() { tessera_model_switch(&core_states[core].stack, group_stack); }
    // Nothing of the group can go on until another core does something.
    static void pause(u32 line) {
      if (!vectors_of_cube) stand_still(line);
      core_states[core].waits_at = line;
      leave_core();
      core_states[core].waits_at = 0;
    }
    static void give_way() { leave_core(); }
    static void begin_core() {
      group_kernel(group_words);
      drain(0);
      core_states[core].is_done = true;
      progress++;
      for (;;) leave_core();
    }
    // Lets the cores work in turns until all have come to their end.
    static void run_group(void (*kernel)(const u64 *words), const u64 *words) {
      group_kernel = kernel;
      group_words = words;
      for (u32 c = 0; c < CORES; c++) {
        core_state &at = core_states[c];
        at.exists = c == AIC || c < vectors_of_cube;
        at.is_done = false;
        at.waits_at = 0;
        if (!at.memory) at.memory = map(0, CORE_STACK, READ | WRITE);
        at.stack = fresh_stack(at.memory + CORE_STACK, begin_core);
      }
      // The core that begins is whichever likes to be early, or late.
      u32 idle = 0;
      for (u32 turn = head->order == LATE ? 0 : (u32)AIC;; turn++) {
        u32 left = 0;
        for (u32 c = 0; c < CORES; c++) left += core_states[c].exists && !core_states[c].is_done;
        if (!left) break;
        const u32 c = (head->order == SHUFFLED ? random_bits() : turn) % CORES;
        if (!core_states[c].exists || core_states[c].is_done) continue;
        const u64 before = progress;
        core = c;
        tessera_model_switch(&group_stack, core_states[c].stack);
        idle = progress == before ? idle + 1 : 0;
        if (idle < 64) continue;
        for (core = 0; core < CORES; core++)
          if (core_states[core].exists && core_states[core].waits_at)
            report(DEADLOCK, own(S), core_states[core].waits_at, own(S), 0, -1, 0, 0);
        core = 0;
        stand_still(0);
      }
      core = 0;
    }
    u32 memory_at(u32 position, u32 line) {
      const u32 of_position[] = {UB0, UB0, UB0, L1, L0A, L1, L0B, L0C};
      const u32 memory = of_position[position];
      if ((core == AIC) != (memory != UB0)) stop(LIMIT, own(S), line, own(S), 0, -1, 0, position);
      return memory == UB0 ? core : memory;
    }
    void require_memory(u32 place, u32 memory, u32 line) {
      if (!is_in(place, memory)) stop(LIMIT, own(S), line, own(S), 0, -1, 0, place / MEMORY_STRIDE);
    }
    // Whether the flag stands raised by all who must raise it.
    static bool has_flag(u32 id) {
      if (core != AIC) return events[flag_of(true, core, id)].is_raised;
      for (u32 vector = 0; vector < vectors_of_cube; vector++)
        if (!events[flag_of(false, vector, id)].is_raised) return false;
      return true;
    }
    void await_flag(u32 id, u32 line) {
      while (!has_flag(id))
        if (!step()) pause(line);
      if (core != AIC) return lower(flag_of(true, core, id), line);
      for (u32 vector = 0; vector < vectors_of_cube; vector++) lower(flag_of(false, vector, id), line);
    }
    """#
}
