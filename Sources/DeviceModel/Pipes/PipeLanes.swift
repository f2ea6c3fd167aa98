extension ModelText {
  /// Half precision and bf16 without a library.
  static let pipeNumbers = #"""
    struct half_bits { u16 bits; };
    struct bfloat_bits { u16 bits; };
    static float float_of(u32 bits) { float x; __builtin_memcpy(&x, &bits, 4); return x; }
    static u32 bits_of(float x) { u32 bits; __builtin_memcpy(&bits, &x, 4); return bits; }
    static float widen(half_bits x) {
      const u32 sign = (u32)(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
      if (rest >= 0x7c00) return float_of(sign | 0x7f800000 | (rest & 0x3ff) << 13);
      return float_of(bits_of(float_of(rest << 13) * 0x1p112f) | sign);
    }
    static half_bits narrow(float x) {
      const u32 bits = bits_of(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
      if (rest > 0x7f800000) return {(u16)(sign | 0x7e00)};
      if (rest >= 0x477ff000) return {(u16)(sign | 0x7c00)};
      if (rest < 0x38800000) {
        // Subnormal codes: rounded by an addition whose last place is theirs.
        const float sum = float_of(rest) + 0.5f;
        return {(u16)(sign | (bits_of(sum) - 0x3f000000))};
      }
      return {(u16)(sign | (rest + 0xfff + (rest >> 13 & 1) - 0x38000000) >> 13)};
    }
    // The whole number nearest to x, ties to even; false where it is none of 32 bits.
    static bool nearest(float x, i32 *result) {
      if (!(x >= -0x1p31f && x < 0x1p31f)) return false;
      i32 whole = (i32)x;
      const float rest = x - (float)whole, size = rest < 0 ? -rest : rest;
      if (size > 0.5f || (size == 0.5f && whole & 1)) whole += rest < 0 ? -1 : 1;
      *result = whole;
      return true;
    }
    """#

  /// What instructions do to the unified buffer, lane by lane: values and the bits that hold nothing.
  static let pipeLanes = #"""
    template <class T> static T get(span at, u32 lane) {
      T x;
      __builtin_memcpy(&x, local + at.at(lane * (u32)sizeof(T)), sizeof(T));
      return x;
    }
    template <class T> static bool is_poison(span at, u32 lane) {
      u8 any = 0;
      for (u32 i = 0; i < sizeof(T); i++) any |= poison[at.at(lane * (u32)sizeof(T) + i)];
      return any;
    }
    template <class T> static void put(span at, u32 lane, T x, bool has_nothing) {
      __builtin_memcpy(local + at.place + lane * sizeof(T), &x, sizeof(T));
      __builtin_memset(poison + at.place + lane * sizeof(T), has_nothing ? 0xff : 0, sizeof(T));
    }
    template <class T> static T scalar_of(u64 bits) {
      T x;
      __builtin_memcpy(&x, &bits, sizeof(T));
      return x;
    }
    template <class T> static u64 scalar_bits(T x) {
      u64 bits = 0;
      __builtin_memcpy(&bits, &x, sizeof(T));
      return bits;
    }
    static i32 wrap(u32 x) { return (i32)x; }

    struct adds {
      static float of(float a, float b) { return a + b; }
      static i32 of(i32 a, i32 b) { return wrap((u32)a + (u32)b); }
    };
    struct subtracts {
      static float of(float a, float b) { return a - b; }
      static i32 of(i32 a, i32 b) { return wrap((u32)a - (u32)b); }
    };
    struct multiplies {
      static float of(float a, float b) { return a * b; }
      static i32 of(i32 a, i32 b) { return wrap((u32)a * (u32)b); }
    };
    // What the unit answers for zeros of two signs and for NaN is not stated: integers alone.
    struct greatest {
      static i32 of(i32 a, i32 b) { return a > b ? a : b; }
    };
    struct least {
      static i32 of(i32 a, i32 b) { return a < b ? a : b; }
    };
    template <class T, class F> static void run_binary(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put<T>(i.to, l, F::of(get<T>(i.from[0], l), get<T>(i.from[1], l)), is_poison<T>(i.from[0], l) || is_poison<T>(i.from[1], l));
    }
    template <class T, class F> static void run_scalar(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put<T>(i.to, l, F::of(get<T>(i.from[0], l), scalar_of<T>(i.scalar)), is_poison<T>(i.from[0], l));
    }

    // Bit operations know that nothing & 0 is 0 and nothing | 1 is 1.
    static void run_and(const instruction &i) {
      for (u32 b = 0; b < i.to.bytes; b++) {
        const u32 x = i.from[0].at(b), y = i.from[1].at(b);
        const u8 unknown = (poison[x] | poison[y]) & (poison[x] | local[x]) & (poison[y] | local[y]);
        local[i.to.place + b] = local[x] & local[y];
        poison[i.to.place + b] = unknown;
      }
    }
    static void run_or(const instruction &i) {
      for (u32 b = 0; b < i.to.bytes; b++) {
        const u32 x = i.from[0].at(b), y = i.from[1].at(b);
        const u8 unknown = (poison[x] | poison[y]) & (u8)(poison[x] | ~local[x]) & (u8)(poison[y] | ~local[y]);
        local[i.to.place + b] = local[x] | local[y];
        poison[i.to.place + b] = unknown;
      }
    }
    static void run_not(const instruction &i) {
      for (u32 b = 0; b < i.to.bytes; b++) {
        local[i.to.place + b] = ~local[i.from[0].place + b];
        poison[i.to.place + b] = poison[i.from[0].place + b];
      }
    }
    template <class T> static void run_shift_left(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put<T>(i.to, l, (T)((u32)get<T>(i.from[0], l) << i.scalar), is_poison<T>(i.from[0], l));
    }
    template <class T> static void run_shift_right(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put<T>(i.to, l, (T)(get<T>(i.from[0], l) >> i.scalar), is_poison<T>(i.from[0], l));
    }
    template <class T> static void run_duplicate(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) put<T>(i.to, l, scalar_of<T>(i.scalar), false);
    }
    static void run_numbers(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) put<i32>(i.to, l, (i32)i.scalar + (i32)l, false);
    }
    static void run_copy(const instruction &i) {
      for (u32 b = 0; b < i.to.bytes; b++) {
        local[i.to.place + b] = local[i.from[0].place + b];
        poison[i.to.place + b] = poison[i.from[0].place + b];
      }
    }

    // A conversion's answer, or false where it is unspecified.
    static bool cast(bfloat_bits x, float *y) { return *y = float_of((u32)x.bits << 16), true; }
    static bool cast(half_bits x, float *y) { return *y = widen(x), true; }
    static bool cast(i16 x, float *y) { return *y = x, true; }
    static bool cast(i32 x, float *y) { return *y = (float)x, true; }
    static bool cast(float x, i32 *y) { return nearest(x, y); }
    static bool cast(float x, half_bits *y) { return *y = narrow(x), true; }
    static bool cast(u8 x, half_bits *y) { return *y = narrow(x), true; }
    static bool cast(i8 x, half_bits *y) { return *y = narrow(x), true; }
    static bool cast(half_bits x, i32 *y) { return nearest(widen(x), y); }
    static bool cast(half_bits x, u8 *y) {
      i32 whole = 0;
      const bool is_told = nearest(widen(x), &whole) && whole >= 0 && whole < 256;
      return *y = (u8)whole, is_told;
    }
    static bool cast(half_bits x, i8 *y) {
      i32 whole = 0;
      const bool is_told = nearest(widen(x), &whole) && whole >= -128 && whole < 128;
      return *y = (i8)whole, is_told;
    }
    static bool cast(i32 x, i16 *y) { return *y = (i16)x, x == (i16)x; }
    template <class To, class From> static void run_cast(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        To y{};
        const bool is_told = cast(get<From>(i.from[0], l), &y);
        put<To>(i.to, l, y, !is_told || is_poison<From>(i.from[0], l));
      }
    }

    enum { LESS, GREATER, EQUAL, AT_MOST, AT_LEAST, DIFFERENT };
    template <class T> static bool holds(u32 mode, T a, T b) {
      switch (mode) {
      case LESS: return a < b;
      case GREATER: return a > b;
      case EQUAL: return a == b;
      case AT_MOST: return a <= b;
      case AT_LEAST: return a >= b;
      default: return a != b;
      }
    }
    static void put_bit(span at, u32 lane, bool value, bool has_nothing) {
      const u8 bit = (u8)(1 << lane % 8);
      u8 *byte = local + at.place + lane / 8, *mark = poison + at.place + lane / 8;
      *byte = value ? *byte | bit : *byte & ~bit;
      *mark = has_nothing ? *mark | bit : *mark & ~bit;
    }
    template <class T> static void run_compare(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put_bit(i.to, l, holds(i.mode, get<T>(i.from[0], l), get<T>(i.from[1], l)),
                is_poison<T>(i.from[0], l) || is_poison<T>(i.from[1], l));
    }
    template <class T> static void run_compare_scalar(const instruction &i) {
      for (u32 l = 0; l < i.count; l++)
        put_bit(i.to, l, holds(i.mode, get<T>(i.from[0], l), scalar_of<T>(i.scalar)), is_poison<T>(i.from[0], l));
    }
    // A word as it is, with the bits of it that hold nothing.
    static void move(span to, u32 lane, span from, u32 at) {
      for (u32 b = 0; b < 4; b++) {
        local[to.place + 4 * lane + b] = local[from.at(4 * at + b)];
        poison[to.place + 4 * lane + b] = poison[from.at(4 * at + b)];
      }
    }
    static void run_select(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        const u32 byte = i.from[0].place + l / 8, bit = 1u << l % 8;
        const bool is_first = local[byte] & bit, unknown = poison[byte] & bit;
        if (unknown) put<u32>(i.to, l, 0xa5a5a5a5, true);
        else if (is_first) move(i.to, l, i.from[1], l);
        else if (i.mode) put<u32>(i.to, l, scalar_of<u32>(i.scalar), false);
        else move(i.to, l, i.from[2], l);
      }
    }
    static void run_gather(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) {
        const u32 offset = get<u32>(i.from[1], l) + (u32)i.scalar;
        if (is_poison<u32>(i.from[1], l)) {
          // A lane that nobody may look at takes its element from anywhere.
          put<u32>(i.to, l, 0xa5a5a5a5, true);
          continue;
        }
        if (offset % 4) stop(MISALIGNED, V, i.line, V, 0, -1, offset, 4);
        if (offset + 4 > i.from[0].bytes || offset + 4 < offset)
          stop(OUT_OF_BOUNDS, V, i.line, V, 0, -1, i.from[0].place + offset, 4);
        move(i.to, l, {i.from[0].place + offset, 4}, 0);
      }
    }
    static void run_blocks(const instruction &i) {
      for (u32 l = 0; l < 64; l++) move(i.to, l, i.from[0], l / 8);
    }
    static void run_repeat(const instruction &i) {
      for (u32 l = 0; l < i.count; l++) move(i.to, l, i.from[0], l % 8);
    }
    static void run_masked(const instruction &i) {
      for (u32 l = 0; l < 64; l++)
        if (i.scalar >> l & 1) move(i.to, l, i.from[0], l);
    }

    static void run_copy_in(const instruction &i) {
      const slot *at = slot_of(i.memory);
      for (u32 b = 0; b < i.to.bytes; b++) {
        const bool is_there = b < i.memory_bytes;
        local[i.to.place + b] = is_there ? i.memory[b] : 0xa5;
        poison[i.to.place + b] = !is_there ? 0xff : !at->defined ? 0 : (u8)~at->defined[i.memory + b - at->start];
      }
    }
    static void run_copy_out(const instruction &i) {
      slot *at = slot_of(i.memory);
      for (u32 b = 0; b < i.memory_bytes; b++) {
        const u64 place = (u64)(i.memory + b - at->start);
        const u8 unknown = poison[i.from[0].place + b];
        // Half a byte may go back as nothing where it was nothing: the other half is an element of its own.
        const bool is_half = (unknown == 0x0f || unknown == 0xf0) && at->defined && !(at->defined[place] & unknown);
        if (unknown && !is_half)
          report(UNDEFINED, MTE3, i.line, MTE3, 0, at - slots, (i64)place, i.from[0].place + b);
        i.memory[b] = local[i.from[0].place + b];
        if (at->defined) at->defined[place] = is_half ? at->defined[place] | (u8)~unknown : 255;
      }
    }
    """#
}
