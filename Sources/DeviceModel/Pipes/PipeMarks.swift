extension ModelText {
  /// What the engine remembers of memory: each unit's last write and read of every byte, kept for a block of 32 bytes
  /// together as long as its bytes do not differ.
  static let pipeMarks = #"""
    enum { BLOCK = 32, APART = 7, READS = 8, WRITER = 14, READER = 15, WORDS = 16, ANY = 0x7fffffff };
    typedef i32 numbers __attribute__((vector_size(32)));
    // Numbers of instructions: of writes in words 0 to 6, of reads from 8 on. Where bytes of the block differ in a word,
    // that is the greatest of theirs, and APART has the word's bit. Of main memory, WRITER and READER are the launch and
    // the block that wrote it and that read it.
    struct marks {
      alignas(64) u32 word[WORDS];
      __attribute__((always_inline)) const numbers &written() const { return *(const numbers *)word; }
      __attribute__((always_inline)) const numbers &read() const { return *(const numbers *)(word + READS); }
    };
    // The greatest number of each word that is known to be done.
    struct limits {
      numbers written, read;
      u32 of(u32 word) const { return (u32)(word < READS ? written[word] : read[word - READS]); }
    };
    struct shadow {
      marks *blocks;
      // For each word, the bytes' own.
      u32 *bytes[WORDS];
    };
    static u32 number_of(const shadow &own, u32 word, u64 place) {
      const marks &at = own.blocks[place / BLOCK];
      return at.word[APART] >> word & 1 ? own.bytes[word][place] : at.word[word];
    }
    // What of a range is not known to be done, for a write what has read it too: no bits where all is.
    INLINE numbers unknown(const shadow &own, const limits &known, u64 place, u64 bytes, bool is_write) {
      const marks *at = own.blocks + place / BLOCK, *const end = own.blocks + (place + bytes + BLOCK - 1) / BLOCK;
      numbers over = {};
      for (; at < end; at++) {
        over |= at->written() > known.written;
        if (is_write) over |= at->read() > known.read;
      }
      return over;
    }
    INLINE bool is_any(numbers over) { return __builtin_reduce_or(over) != 0; }
    // Bytes of one block get words of their own.
    INLINE void mark_part(const shadow &own, u32 word, u64 place, u64 bytes, u32 number) {
      typedef i32 few __attribute__((vector_size(16), aligned(4)));
      marks &at = own.blocks[place / BLOCK];
      u32 *to = own.bytes[word] + place;
      if (!(at.word[APART] >> word & 1)) {
        at.word[APART] |= 1u << word;
        const numbers all = (i32)at.word[word] + numbers{};
        numbers *const block = (numbers *)(to - place % BLOCK);
        block[0] = block[1] = block[2] = block[3] = all;
      }
      at.word[word] = number;
      const few all = (i32)number + few{};
      for (; bytes >= 4; bytes -= 4, to += 4) *(few *)to = all;
      while (bytes) to[--bytes] = number;
    }
    INLINE void mark(const shadow &own, u32 word, u64 place, u64 bytes, u32 number) {
      if (place % BLOCK && bytes) {
        const u64 rest = BLOCK - place % BLOCK, count = bytes < rest ? bytes : rest;
        mark_part(own, word, place, count, number);
        place += count;
        bytes -= count;
      }
      const u32 together = ~(1u << word);
      for (marks *at = own.blocks + place / BLOCK; bytes >= BLOCK; at++, place += BLOCK, bytes -= BLOCK) {
        at->word[word] = number;
        at->word[APART] &= together;
      }
      if (bytes) mark_part(own, word, place, bytes, number);
    }
    static shadow fresh_shadow(u64 bytes, u32 words) {
      const u64 blocks = (bytes + BLOCK - 1) / BLOCK;
      shadow own = {};
      own.blocks = (marks *)map(0, blocks * sizeof(marks), READ | WRITE);
      // Nothing of these is there before bytes of a block differ.
      for (u32 word = 0; word < WORDS; word++)
        if (words >> word & 1) own.bytes[word] = (u32 *)map(0, 4 * blocks * BLOCK, READ | WRITE);
      return own;
    }

    // MARK: On chip

    // Words are pipes of the memory's own core.
    static shadow local_shadow;
    INLINE limits local_limits(u32 pipe) {
      typedef i32 any_place __attribute__((vector_size(32), aligned(4)));
      const u32 first = pipe - pipe % PIPES;
      const numbers others = {0, -1, -1, -1, -1, -1, -1, 0}, none = {0, 0, 0, 0, 0, 0, 0, ANY};
      const numbers done = *(const any_place *)(clocks[pipe].done + first);
      const bool is_own = pipe % PIPES == S;
      const numbers stored = {is_own ? ANY : (i32)clocks[pipe].done[STORES + first / PIPES]};
      const numbers has_read = {is_own ? ANY : (i32)clocks[pipe].done[first]};
      return {(done & others) | stored | none, (done & others) | has_read | none};
    }
    // Reports what a range touches that is not known to be done: of each word the first byte. `unit` gives the unit of
    // a word.
    template <class F> static RARE void tell(
        const shadow &own, const limits &known, u32 pipe, u32 line, u64 place, u64 bytes, bool is_write, i64 buffer,
        F unit) {
      for (u32 q = 0; q < APART; q++)
        for (u32 turn = 0; turn < (is_write ? 2 : 1); turn++) {
          const u32 word = turn * READS + q;
          for (u64 i = place; i < place + bytes; i++) {
            const u32 other = number_of(own, word, i);
            if (other <= known.of(word)) continue;
            const u32 by = unit(word);
            report(by == pipe ? MISSING_BARRIER : HAZARD, pipe, line, by, lines[by][other % LINES], buffer, (i64)i,
                   is_write ? (turn ? 2 : 3) : 1);
            break;
          }
        }
    }
    static RARE void tell_local(const limits &known, u32 pipe, u32 line, span at, bool is_write) {
      tell(local_shadow, known, pipe, line, at.place, at.bytes, is_write, -1,
           [pipe](u32 word) { return pipe - pipe % PIPES + word % READS; });
    }

    // MARK: Main memory

    struct slot {
      u8 *start;
      u64 bytes;
      bool is_written;
      // The bits of each byte that hold something; nil where all do.
      u8 *defined;
      shadow marks;
    };
    static slot slots[MOST_SLOTS];
    static u32 slot_count;
    // Words 0 to 2 are what the cores' pipes store, 8 to 10 what their MTE2 reads, 11 to 13 their scalar units.
    enum { MEMORY_WORDS = 7 | 63 << READS | 1 << WRITER | 1u << READER };
    static u32 memory_unit(u32 word) {
      if (word < READS) return word * PIPES + (word == AIC ? FIX : MTE3);
      return (word - READS) % CORES * PIPES + (word < READS + CORES ? MTE2 : S);
    }
    static u32 memory_word(u32 pipe, bool is_write) {
      return is_write ? pipe / PIPES : READS + pipe / PIPES + (pipe % PIPES == S ? CORES : 0);
    }
    static limits memory_limits(u32 pipe, bool is_write) {
      u32 known[WORDS];
      for (u32 word = 0; word < WORDS; word++) known[word] = ANY;
      for (u32 c = 0; c < CORES; c++) {
        known[c] = clocks[pipe].done[memory_unit(c)];
        known[READS + c] = clocks[pipe].done[c * PIPES + MTE2];
        if (pipe != c * PIPES + S) known[READS + CORES + c] = clocks[pipe].done[c * PIPES + S];
      }
      // Writes of main memory by one pipe are told apart by their places alone.
      if (is_write) known[memory_word(pipe, true)] = ANY;
      limits found;
      __builtin_memcpy(&found, known, sizeof(found));
      return found;
    }
    static slot *slot_of(const u8 *memory) {
      static slot *recent = slots;
      if (slot_count && memory >= recent->start && memory <= recent->start + recent->bytes) return recent;
      for (u32 i = 0; i < slot_count; i++)
        if (memory >= slots[i].start && memory <= slots[i].start + slots[i].bytes) return recent = &slots[i];
      return nullptr;
    }
    static slot *checked_slot(u32 pipe, u32 line, const u8 *memory, u64 bytes, bool is_write) {
      slot *at = slot_of(memory);
      if (!at || memory + bytes > at->start + at->bytes)
        stop(OUT_OF_BOUNDS, pipe, line, pipe, 0, at ? at - slots : MOST_SLOTS, at ? memory - at->start : 0, (i64)bytes);
      if (is_write && !at->is_written) stop(READ_ONLY, pipe, line, pipe, 0, at - slots, memory - at->start, 0);
      return at;
    }
    // The launch, and behind it the block of it; readers SEVERAL for more than one.
    enum { SEVERAL = 0xffff };
    static bool is_other(u32 stamp, u32 own) { return stamp >> 16 == own >> 16 && stamp != own; }
    // Bytes of one block, read or written by the block at work.
    static void stamp(slot *at, u32 pipe, u32 line, u64 place, u64 bytes, bool is_write, u32 own) {
      marks &block = at->marks.blocks[place / BLOCK];
      const u32 writer = block.word[WRITER], reader = block.word[READER];
      const u32 mine = is_write ? WRITER : READER;
      // What launches before have left says nothing.
      if ((writer >> 16) != own >> 16 && (reader >> 16) != own >> 16) {
        block.word[APART] &= ~(1u << WRITER | 1u << READER);
        block.word[WRITER] = block.word[READER] = 0;
      }
      if (!(block.word[APART] >> WRITER) && !is_other(block.word[WRITER], own) &&
          !(is_write && is_other(block.word[READER], own))) {
        const u32 fresh = is_other(block.word[mine], own) ? own | SEVERAL : own;
        if (block.word[mine] != fresh) mark(at->marks, mine, place, bytes, fresh);
        return;
      }
      for (u64 i = place; i < place + bytes; i++) {
        const u32 wrote = number_of(at->marks, WRITER, i), has_read = number_of(at->marks, READER, i);
        if (is_other(wrote, own) || (is_write && is_other(has_read, own)))
          report(BLOCK_RACE, pipe, line, pipe, 0, at - slots, (i64)i, is_write);
        const u32 fresh = !is_write && is_other(has_read, own) ? own | SEVERAL : own;
        mark_part(at->marks, mine, i, 1, fresh);
      }
    }
    // Rows of main memory, a pitch from one to the next.
    static void touch_memory(
        u32 pipe, u32 line, const u8 *memory, u64 bytes, u32 rows, u32 pitch, bool is_write) {
      limits known;
      bool is_there = false;
      const u32 own = (launch_number % 32767 + 1) << 16 | (block_number % 65534 + 1);
      for (u32 row = 0; row < rows; row++, memory += pitch) {
        slot *at = checked_slot(pipe, line, memory, bytes, is_write);
        if (!at->is_written || !bytes) continue;
        if (!is_there) known = memory_limits(pipe, is_write);
        is_there = true;
        const u64 place = (u64)(memory - at->start);
        if (is_any(unknown(at->marks, known, place, bytes, is_write)))
          tell(at->marks, known, pipe, line, place, bytes, is_write, at - slots, memory_unit);
        mark(at->marks, memory_word(pipe, is_write), place, bytes, begun[pipe]);
        for (u64 i = place; i < place + bytes;) {
          const u64 next = (i / BLOCK + 1) * BLOCK, end = place + bytes < next ? place + bytes : next;
          stamp(at, pipe, line, i, end - i, is_write, own);
          i = end;
        }
      }
    }
    """#
}
