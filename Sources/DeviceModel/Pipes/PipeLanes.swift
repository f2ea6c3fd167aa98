extension ModelText {
  /// Eight lanes at once, and numbers of half precision and bf16 without a library.
  static let pipeNumbers = #"""
    enum { TOGETHER = 8 };
    // Half precision and bf16 are their bits.
    template <class T> struct stored { typedef T type; };
    template <> struct stored<half_bits> { typedef u16 type; };
    template <> struct stored<bfloat_bits> { typedef u16 type; };
    template <int bytes> struct whole;
    template <> struct whole<1> { typedef i8 type; };
    template <> struct whole<2> { typedef i16 type; };
    template <> struct whole<4> { typedef i32 type; };
    template <class T> struct eight { typedef typename stored<T>::type type __attribute__((vector_size(TOGETHER * sizeof(T)))); };
    template <class T> using lanes = typename eight<T>::type;
    // All bits of a lane where something holds, or nothing is held.
    template <class T> using truths = lanes<typename whole<sizeof(T)>::type>;

    // Of a part of the lanes, the rest are zeros.
    template <class L> INLINE L load(const u8 *from, u32 count) {
      L x = {};
      if (count == TOGETHER) __builtin_memcpy(&x, from, sizeof(L));
      else memcpy(&x, from, count * (sizeof(L) / TOGETHER));
      return x;
    }
    template <class L> INLINE void store(u8 *to, L x, u32 count) {
      if (count == TOGETHER) __builtin_memcpy(to, &x, sizeof(L));
      else memcpy(to, &x, count * (sizeof(L) / TOGETHER));
    }
    template <class T> INLINE lanes<T> spread(T x) {
      lanes<T> all;
      for (u32 l = 0; l < TOGETHER; l++) all[l] = scalar_of<typename stored<T>::type>(scalar_bits(x));
      return all;
    }
    // Lanes of which a bit holds nothing.
    template <class T> INLINE truths<T> nothing(span at, u32 lane, u32 count) {
      return load<truths<T>>(poison + at.at(lane * (u32)sizeof(T)), count) != 0;
    }
    template <class T> INLINE lanes<T> take(span at, u32 lane, u32 count) {
      return load<lanes<T>>(local + at.at(lane * (u32)sizeof(T)), count);
    }
    template <class T> INLINE void put(span at, u32 lane, u32 count, lanes<T> x, truths<T> unknown) {
      store(local + at.place + lane * sizeof(T), x, count);
      store(poison + at.place + lane * sizeof(T), unknown, count);
    }
    // Calls `f` with the first lane of each eight and how many there are.
    template <class F> INLINE void each(u32 count, F f) {
      u32 lane = 0;
      for (; lane + TOGETHER <= count; lane += TOGETHER) f(lane, (u32)TOGETHER);
      if (lane < count) f(lane, count - lane);
    }
    #define EACH [&](u32 lane, u32 count) __attribute__((always_inline))

    typedef lanes<u32> words;
    INLINE lanes<float> widen(lanes<u16> half) {
      const words x = __builtin_convertvector(half, words), sign = (x & 0x8000) << 16, rest = x & 0x7fff;
      const lanes<float> finite = (lanes<float>)(rest << 13) * 0x1p112f;
      return (lanes<float>)(sign | (rest >= 0x7c00 ? 0x7f800000 | (rest & 0x3ff) << 13 : (words)finite));
    }
    INLINE lanes<u16> narrow(lanes<float> x) {
      const words bits = (words)x, sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
      // Subnormal codes are rounded by an addition whose last place is theirs.
      const words small = (words)((lanes<float>)rest + 0.5f) - 0x3f000000;
      const words normal = (rest + 0xfff + (rest >> 13 & 1) - 0x38000000) >> 13;
      const words most = rest >= 0x477ff000 ? spread<u32>(0x7c00) : rest < 0x38800000 ? small : normal;
      return __builtin_convertvector(sign | (rest > 0x7f800000 ? spread<u32>(0x7e00) : most), lanes<u16>);
    }
    // The whole numbers nearest, ties to even; `told` where they are some of 32 bits.
    INLINE lanes<i32> nearest(lanes<float> x, lanes<i32> &told) {
      const lanes<float> size = (lanes<float>)((words)x & 0x7fffffff), least = spread(-0x1p31f), most = spread(0x1p31f);
      told = (x >= least) & (x < most);
      // From 2^23 on there are no fractions; below, the addition's last place is 1.
      const lanes<float> whole = size < 0x1p23f ? (size + 0x1p23f) - 0x1p23f : size;
      const lanes<float> within = (lanes<float>)(((words)whole & (words)told) | ((words)x & 0x80000000));
      return __builtin_convertvector(within, lanes<i32>);
    }
    """#

  /// What the vector unit computes: values, and lanes that hold nothing.
  static let pipeLanes = #"""
    struct adds {
      template <class L> static __attribute__((always_inline)) L of(L a, L b) { return a + b; }
    };
    struct subtracts {
      template <class L> static __attribute__((always_inline)) L of(L a, L b) { return a - b; }
    };
    struct multiplies {
      template <class L> static __attribute__((always_inline)) L of(L a, L b) { return a * b; }
    };
    // What the unit answers for zeros of two signs and for NaN is not stated: integers alone.
    struct greatest {
      template <class L> static __attribute__((always_inline)) L of(L a, L b) { return a > b ? a : b; }
    };
    struct least {
      template <class L> static __attribute__((always_inline)) L of(L a, L b) { return a < b ? a : b; }
    };
    template <class T, class F> void run_binary(const instruction &i) {
      each(i.count, EACH {
        const truths<T> unknown = nothing<T>(i.from[0], lane, count) | nothing<T>(i.from[1], lane, count);
        put<T>(i.to, lane, count, F::of(take<T>(i.from[0], lane, count), take<T>(i.from[1], lane, count)), unknown);
      });
    }
    template <class T, class F> void run_scalar(const instruction &i) {
      const lanes<T> scalar = spread(scalar_of<T>(i.scalar));
      each(i.count, EACH {
        put<T>(i.to, lane, count, F::of(take<T>(i.from[0], lane, count), scalar), nothing<T>(i.from[0], lane, count));
      });
    }
    #define OF_NUMBERS(name, operation)                                \
      template void name<float, operation>(const instruction &);       \
      template void name<i32, operation>(const instruction &);
    OF_NUMBERS(run_binary, adds)
    OF_NUMBERS(run_binary, subtracts)
    OF_NUMBERS(run_binary, multiplies)
    OF_NUMBERS(run_scalar, adds)
    OF_NUMBERS(run_scalar, multiplies)
    template void run_binary<i32, greatest>(const instruction &);
    template void run_binary<i32, least>(const instruction &);
    template void run_scalar<i32, greatest>(const instruction &);
    template void run_scalar<i32, least>(const instruction &);

    // Bit operations know that nothing & 0 is 0 and nothing | 1 is 1.
    template <class F> INLINE void bits(const instruction &i, F f) {
      each(i.to.bytes, EACH {
        const lanes<u8> x = take<u8>(i.from[0], lane, count), y = take<u8>(i.from[1], lane, count);
        const lanes<u8> p = load<lanes<u8>>(poison + i.from[0].at(lane), count);
        const lanes<u8> q = load<lanes<u8>>(poison + i.from[1].at(lane), count);
        f(lane, count, x, y, p, q);
      });
    }
    void run_and(const instruction &i) {
      bits(i, [&](u32 lane, u32 count, lanes<u8> x, lanes<u8> y, lanes<u8> p, lanes<u8> q) __attribute__((always_inline)) {
        put<u8>(i.to, lane, count, x & y, (truths<u8>)((p | q) & (p | x) & (q | y)));
      });
    }
    void run_or(const instruction &i) {
      bits(i, [&](u32 lane, u32 count, lanes<u8> x, lanes<u8> y, lanes<u8> p, lanes<u8> q) __attribute__((always_inline)) {
        put<u8>(i.to, lane, count, x | y, (truths<u8>)((p | q) & (p | ~x) & (q | ~y)));
      });
    }
    void run_not(const instruction &i) {
      each(i.to.bytes, EACH {
        const truths<u8> unknown = load<truths<u8>>(poison + i.from[0].place + lane, count);
        put<u8>(i.to, lane, count, ~take<u8>(i.from[0], lane, count), unknown);
      });
    }
    template <class T> void run_shift_left(const instruction &i) {
      const lanes<T> amount = spread((T)i.scalar);
      each(i.count, EACH {
        put<T>(i.to, lane, count, take<T>(i.from[0], lane, count) << amount, nothing<T>(i.from[0], lane, count));
      });
    }
    template <class T> void run_shift_right(const instruction &i) {
      const lanes<T> amount = spread((T)i.scalar);
      each(i.count, EACH {
        put<T>(i.to, lane, count, take<T>(i.from[0], lane, count) >> amount, nothing<T>(i.from[0], lane, count));
      });
    }
    template void run_shift_left<u32>(const instruction &);
    template void run_shift_right<u32>(const instruction &);
    template void run_shift_right<i32>(const instruction &);
    template <class T> void run_duplicate(const instruction &i) {
      const lanes<T> all = spread(scalar_of<T>(i.scalar));
      each(i.count, EACH { put<T>(i.to, lane, count, all, truths<T>{}); });
    }
    template void run_duplicate<float>(const instruction &);
    template void run_duplicate<i32>(const instruction &);
    template void run_duplicate<u32>(const instruction &);
    template void run_duplicate<i16>(const instruction &);
    template void run_duplicate<u16>(const instruction &);
    template void run_duplicate<half_bits>(const instruction &);
    template void run_duplicate<bfloat_bits>(const instruction &);
    void run_numbers(const instruction &i) {
      const lanes<i32> first = {0, 1, 2, 3, 4, 5, 6, 7};
      each(i.count, EACH { put<i32>(i.to, lane, count, first + ((i32)i.scalar + (i32)lane), truths<i32>{}); });
    }

    // A conversion's answers; `told` is put down where they are unspecified.
    template <class To> struct into {};
    typedef lanes<i32> &answered;
    INLINE lanes<u16> convert(into<half_bits>, lanes<float> x, answered) { return narrow(x); }
    INLINE lanes<float> convert(into<float>, lanes<i32> x, answered) { return __builtin_convertvector(x, lanes<float>); }
    INLINE lanes<float> convert(into<float>, lanes<i16> x, answered) { return __builtin_convertvector(x, lanes<float>); }
    INLINE lanes<i32> convert(into<i32>, lanes<float> x, answered told) { return nearest(x, told); }
    INLINE lanes<u16> convert(into<half_bits>, lanes<u8> x, answered) {
      return narrow(__builtin_convertvector(x, lanes<float>));
    }
    INLINE lanes<u16> convert(into<half_bits>, lanes<i8> x, answered) {
      return narrow(__builtin_convertvector(x, lanes<float>));
    }
    INLINE lanes<i32> convert(into<i32>, lanes<u16> half, answered told) { return nearest(widen(half), told); }
    INLINE lanes<u8> convert(into<u8>, lanes<u16> half, answered told) {
      const lanes<i32> x = nearest(widen(half), told);
      told &= (x >= 0) & (x < 256);
      return __builtin_convertvector(x, lanes<u8>);
    }
    INLINE lanes<i8> convert(into<i8>, lanes<u16> half, answered told) {
      const lanes<i32> x = nearest(widen(half), told);
      told &= (x >= -128) & (x < 128);
      return __builtin_convertvector(x, lanes<i8>);
    }
    INLINE lanes<i16> convert(into<i16>, lanes<i32> x, answered told) {
      const lanes<i16> low = __builtin_convertvector(x, lanes<i16>);
      told = x == __builtin_convertvector(low, lanes<i32>);
      return low;
    }
    INLINE lanes<float> convert(into<float>, half_bits, lanes<u16> x) { return widen(x); }
    INLINE lanes<float> convert(into<float>, bfloat_bits, lanes<u16> x) {
      return (lanes<float>)(__builtin_convertvector(x, words) << 16);
    }
    template <class To, class From> INLINE lanes<To> convert(From, lanes<From> x, answered told) {
      if constexpr (sizeof(From) == 2 && __is_same(To, float) && !__is_same(From, i16)) return convert(into<To>(), From(), x);
      else return convert(into<To>(), x, told);
    }
    template <class To, class From> void run_cast(const instruction &i) {
      each(i.count, EACH {
        lanes<i32> told = ~lanes<i32>{};
        const lanes<To> y = convert<To>(From(), take<From>(i.from[0], lane, count), told);
        const truths<From> unknown = nothing<From>(i.from[0], lane, count);
        put<To>(i.to, lane, count, y, __builtin_convertvector(unknown, truths<To>) | __builtin_convertvector(~told, truths<To>));
      });
    }
    template void run_cast<float, bfloat_bits>(const instruction &);
    template void run_cast<float, half_bits>(const instruction &);
    template void run_cast<float, i16>(const instruction &);
    template void run_cast<float, i32>(const instruction &);
    template void run_cast<i32, float>(const instruction &);
    template void run_cast<half_bits, float>(const instruction &);
    template void run_cast<half_bits, u8>(const instruction &);
    template void run_cast<half_bits, i8>(const instruction &);
    template void run_cast<i32, half_bits>(const instruction &);
    template void run_cast<u8, half_bits>(const instruction &);
    template void run_cast<i8, half_bits>(const instruction &);
    template void run_cast<i16, i32>(const instruction &);

    enum { LESS, GREATER, EQUAL, AT_MOST, AT_LEAST, DIFFERENT };
    template <class L> INLINE lanes<i32> holds(u32 mode, L a, L b) {
      switch (mode) {
      case LESS: return a < b;
      case GREATER: return a > b;
      case EQUAL: return a == b;
      case AT_MOST: return a <= b;
      case AT_LEAST: return a >= b;
      default: return a != b;
      }
    }
    // A bit for each lane.
    INLINE u8 gathered(lanes<i32> truth) {
      const lanes<i32> bits = {1, 2, 4, 8, 16, 32, 64, 128};
      const lanes<i32> own = truth & bits;
      return (u8)(own[0] | own[1] | own[2] | own[3] | own[4] | own[5] | own[6] | own[7]);
    }
    // Counts are whole repeats.
    template <class T> void run_compare(const instruction &i) {
      each(i.count, EACH {
        const u32 at = i.to.place + lane / 8;
        local[at] = gathered(holds(i.mode, take<T>(i.from[0], lane, count), take<T>(i.from[1], lane, count)));
        poison[at] = gathered(nothing<T>(i.from[0], lane, count) | nothing<T>(i.from[1], lane, count));
      });
    }
    template <class T> void run_compare_scalar(const instruction &i) {
      const lanes<T> scalar = spread(scalar_of<T>(i.scalar));
      each(i.count, EACH {
        const u32 at = i.to.place + lane / 8;
        local[at] = gathered(holds(i.mode, take<T>(i.from[0], lane, count), scalar));
        poison[at] = gathered(nothing<T>(i.from[0], lane, count));
      });
    }
    template void run_compare<float>(const instruction &);
    template void run_compare<i32>(const instruction &);
    template void run_compare<u32>(const instruction &);
    template void run_compare_scalar<float>(const instruction &);
    template void run_compare_scalar<i32>(const instruction &);
    template void run_compare_scalar<u32>(const instruction &);
    """#
}
