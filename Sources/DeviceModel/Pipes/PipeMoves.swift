extension ModelText {
  /// What moves elements: between lanes, and between main memory and the unified buffer.
  static let pipeMoves = #"""
    // A word as it is, with the bits of it that hold nothing.
    INLINE void move(u8 *values, u8 *marks, u32 to, u32 from) {
      __builtin_memcpy(values + to, values + from, 4);
      __builtin_memcpy(marks + to, marks + from, 4);
    }
    void run_copy(const instruction &i) {
      memmove(local + i.to.place, local + i.from[0].place, i.to.bytes);
      memmove(poison + i.to.place, poison + i.from[0].place, i.to.bytes);
    }
    void run_select(const instruction &i) {
      const lanes<i32> bits = {1, 2, 4, 8, 16, 32, 64, 128};
      const words scalar = spread(scalar_of<u32>(i.scalar)), none = spread<u32>(0xa5a5a5a5);
      each(i.count, EACH {
        const u32 byte = i.from[0].place + lane / 8;
        const words first = (words)((spread<i32>(local[byte]) & bits) != 0);
        const words unknown = (words)((spread<i32>(poison[byte]) & bits) != 0);
        const words a = take<u32>(i.from[1], lane, count), b = i.mode ? scalar : take<u32>(i.from[2], lane, count);
        const words p = load<words>(poison + i.from[1].at(lane * 4), count);
        const words q = i.mode ? words{} : load<words>(poison + i.from[2].at(lane * 4), count);
        const words value = ((a & first) | (b & ~first)) & ~unknown | (none & unknown);
        put<u32>(i.to, lane, count, value, (truths<u32>)((p & first) | (q & ~first) | unknown));
      });
    }
    void run_gather(const instruction &i) {
      u8 *const values = local, *const marks = poison;
      const u32 from = i.from[0].place, places = i.from[1].place, most = i.from[0].bytes;
      for (u32 l = 0; l < i.count; l++) {
        const u32 to = i.to.place + 4 * l;
        const u32 offset = (u32)word_of(values + places + 4 * l, 4) + (u32)i.scalar;
        if (word_of(marks + places + 4 * l, 4)) {
          // A lane that nobody may look at takes its element from anywhere.
          __builtin_memset(values + to, 0xa5, 4);
          __builtin_memset(marks + to, 0xff, 4);
          continue;
        }
        if (offset % 4) stop(MISALIGNED, V, i.line, V, 0, -1, offset, 4);
        if (offset + 4 > most || offset + 4 < offset) stop(OUT_OF_BOUNDS, V, i.line, V, 0, -1, from + offset, 4);
        move(values, marks, to, from + offset);
      }
    }
    void run_blocks(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) move(local, poison, i.to.place + 4 * l, i.from[0].place + l / 8 * 4);
    }
    void run_repeat(const instruction &i) {
      const words block = take<u32>(i.from[0], 0, TOGETHER), unknown = load<words>(poison + i.from[0].place, TOGETHER);
      each(i.count, EACH { put<u32>(i.to, lane, count, block, (truths<u32>)unknown); });
    }
    void run_masked(const instruction &i) {
      for (u32 l = 0; l < 64; l++)
        if (i.scalar >> l & 1) move(local, poison, i.to.place + 4 * l, i.from[0].place + 4 * l);
    }

    // Marks of main memory say what holds something, those on chip what does not.
    static void copy_inverted(u8 *to, const u8 *from, u64 count) {
      for (u64 b = 0; b < count; b++) to[b] = (u8)~from[b];
    }
    void run_copy_in(const instruction &i) {
      const slot *at = slot_of(i.memory);
      const u32 count = i.memory_bytes, behind = (count + 31) / 32 * 32 - count;
      for (u32 row = 0; row < i.memory_rows; row++) {
        const u32 place = i.to.place + row * i.mode;
        const u8 *from = i.memory + (u64)row * i.memory_pitch;
        memcpy(local + place, from, count);
        if (at->defined) copy_inverted(poison + place, at->defined + (from - at->start), count);
        else memset(poison + place, 0, count);
        memset(local + place + count, 0xa5, behind);
        memset(poison + place + count, 0xff, behind);
      }
    }
    static void copy_out_row(const instruction &i, slot *at, u8 *to, u32 from) {
      const u8 *const marks = poison + from;
      const u64 first = (u64)(to - at->start);
      memcpy(to, local + from, i.memory_bytes);
      u8 any = 0;
      for (u32 b = 0; b < i.memory_bytes; b++) any |= marks[b];
      if (!any) {
        if (at->defined) memset(at->defined + first, 255, i.memory_bytes);
        return;
      }
      for (u32 b = 0; b < i.memory_bytes; b++) {
        const u64 place = first + b;
        const u8 unknown = marks[b];
        // Half a byte may go back as nothing where it was nothing: the other half is an element of its own.
        const bool is_half = (unknown == 0x0f || unknown == 0xf0) && at->defined && !(at->defined[place] & unknown);
        if (unknown && !is_half) report(UNDEFINED, MTE3, i.line, MTE3, 0, at - slots, (i64)place, from + b);
        if (at->defined) at->defined[place] = is_half ? at->defined[place] | (u8)~unknown : 255;
      }
    }
    void run_copy_out(const instruction &i) {
      slot *at = slot_of(i.memory);
      for (u32 row = 0; row < i.memory_rows; row++)
        copy_out_row(i, at, i.memory + (u64)row * i.memory_pitch, i.from[0].place + row * i.mode);
    }
    """#
}
