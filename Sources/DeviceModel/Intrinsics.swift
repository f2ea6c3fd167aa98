extension ModelText {
  /// Numbers that kernels' text and the engine agree on.
  static let operations = #"""
    enum {
      TESSERA_MODEL_SYNC, TESSERA_MODEL_SHUFFLE, TESSERA_MODEL_SHUFFLE_UP, TESSERA_MODEL_SHUFFLE_DOWN,
      TESSERA_MODEL_SHUFFLE_XOR, TESSERA_MODEL_BALLOT, TESSERA_MODEL_MMA_S8, TESSERA_MODEL_MMA_F16,
      TESSERA_MODEL_MMA_F64, TESSERA_MODEL_LDMATRIX
    };
    enum {
      TESSERA_MODEL_ADD, TESSERA_MODEL_MIN, TESSERA_MODEL_MAX, TESSERA_MODEL_UMIN, TESSERA_MODEL_UMAX,
      TESSERA_MODEL_AND, TESSERA_MODEL_OR, TESSERA_MODEL_XOR, TESSERA_MODEL_EXCHANGE, TESSERA_MODEL_COMPARE
    };
    """#

  /// What stands in front of a kernel's text: the part of CUDA C++ that it may use, as C++17. No header is
  /// included, so that this costs a compiler milliseconds and needs no library.
  static let intrinsics = #"""
    // What the text of a kernel uses of CUDA C++, for execution by the device model.
    #ifndef TESSERA_DEVICE_MODEL
    #define TESSERA_DEVICE_MODEL 1
    #endif
    #define __device__
    #define __host__
    #define __global__
    #define __constant__
    #define __launch_bounds__(...)
    #define __align__(bytes) __attribute__((aligned(bytes)))
    #define __forceinline__ inline __attribute__((always_inline))
    #define __noinline__ __attribute__((noinline))
    // Functions that kernels' text uses hundreds of times, which touch nothing but their arguments.
    #define TESSERA_OFTEN static __attribute__((noinline, const))
    // All shared memory is one thread-local block, which the model places among its checked buffers:
    // so that `extern __shared__` and an array in a function's body are both plain C++.
    // No function has to initialise it; and other threads see it, whatever the compiler finds.
    #define __shared__ __attribute__((require_constant_initialization, used)) thread_local

    typedef unsigned int tessera_model_u32;
    typedef unsigned long long tessera_model_u64;
    #define TESSERA_MODEL_INLINE static inline __attribute__((always_inline))

    // A vector is one access of its whole size, aligned to it.
    #define TESSERA_MODEL_VECTOR2(name, element)                                  \
      typedef element name __attribute__((ext_vector_type(2)));                   \
      TESSERA_MODEL_INLINE name make_##name(element x, element y) {               \
        return name{x, y};                                                        \
      }
    #define TESSERA_MODEL_VECTOR4(name, element)                                  \
      typedef element name __attribute__((ext_vector_type(4)));                   \
      TESSERA_MODEL_INLINE name make_##name(element x, element y, element z, element w) { \
        return name{x, y, z, w};                                                  \
      }
    TESSERA_MODEL_VECTOR2(char2, signed char)
    TESSERA_MODEL_VECTOR2(uchar2, unsigned char)
    TESSERA_MODEL_VECTOR2(short2, short)
    TESSERA_MODEL_VECTOR2(ushort2, unsigned short)
    TESSERA_MODEL_VECTOR2(int2, int)
    TESSERA_MODEL_VECTOR2(uint2, unsigned int)
    TESSERA_MODEL_VECTOR2(float2, float)
    TESSERA_MODEL_VECTOR2(double2, double)
    TESSERA_MODEL_VECTOR2(longlong2, long long)
    TESSERA_MODEL_VECTOR2(ulonglong2, unsigned long long)
    TESSERA_MODEL_VECTOR4(char4, signed char)
    TESSERA_MODEL_VECTOR4(uchar4, unsigned char)
    TESSERA_MODEL_VECTOR4(short4, short)
    TESSERA_MODEL_VECTOR4(ushort4, unsigned short)
    TESSERA_MODEL_VECTOR4(int4, int)
    TESSERA_MODEL_VECTOR4(uint4, unsigned int)
    TESSERA_MODEL_VECTOR4(float4, float)

    struct tessera_model_index {
      unsigned x, y, z;
    };
    // Constant as a thread sees them: the model changes them only while it switches threads.
    extern "C" {
    extern const tessera_model_index threadIdx, blockIdx, blockDim, gridDim;
    }
    constexpr int warpSize = 32;

    // The compiler may neither give threads copies of the call of their own nor make one of two calls.
    #define TESSERA_MODEL_CALL extern "C" __attribute__((convergent, nomerge, nothrow))
    TESSERA_MODEL_CALL tessera_model_u64 tessera_model_collective(
        unsigned kind, unsigned mask, tessera_model_u64 value, int lane, int width);
    TESSERA_MODEL_CALL void tessera_model_sync_block();
    extern "C" {
    tessera_model_u64 tessera_model_atomic(
        int operation, void *place, tessera_model_u64 value, tessera_model_u64 compared, int bytes) noexcept;
    void tessera_model_copy_async(void *shared, const void *global, unsigned bytes) noexcept;
    void tessera_model_copy_commit() noexcept;
    void tessera_model_copy_wait(unsigned groups) noexcept;
    void tessera_model_barrier_init(void *barrier, unsigned count) noexcept;
    void tessera_model_barrier_arrive(void *barrier, unsigned bytes) noexcept;
    void tessera_model_barrier_wait(void *barrier, unsigned parity) noexcept;
    void tessera_model_bulk_copy(void *shared, const void *global, unsigned bytes, void *barrier) noexcept;
    void tessera_model_undefined() noexcept;
    }

    template <class To, class From> TESSERA_MODEL_INLINE To tessera_model_bits(From value) {
      static_assert(sizeof(From) <= 8 && sizeof(To) <= 8, "a value of at most 64 bits");
      To bits = 0;
      __builtin_memcpy(&bits, &value, sizeof(To) < sizeof(From) ? sizeof(To) : sizeof(From));
      return bits;
    }

    // Warps
    TESSERA_MODEL_INLINE void __syncwarp(unsigned mask = 0xffffffff) {
      tessera_model_collective(TESSERA_MODEL_SYNC, mask, 0, 0, 0);
    }
    TESSERA_MODEL_INLINE void __syncthreads() { tessera_model_sync_block(); }
    #define TESSERA_MODEL_SHUFFLE_FUNCTION(name, kind, operand)                                            \
      template <class T> TESSERA_MODEL_INLINE T name(unsigned mask, T value, operand lane, int width = 32) { \
        return tessera_model_bits<T>(                                                                      \
            tessera_model_collective(kind, mask, tessera_model_bits<tessera_model_u64>(value), (int)lane, width)); \
      }
    TESSERA_MODEL_SHUFFLE_FUNCTION(__shfl_sync, TESSERA_MODEL_SHUFFLE, int)
    TESSERA_MODEL_SHUFFLE_FUNCTION(__shfl_up_sync, TESSERA_MODEL_SHUFFLE_UP, unsigned)
    TESSERA_MODEL_SHUFFLE_FUNCTION(__shfl_down_sync, TESSERA_MODEL_SHUFFLE_DOWN, unsigned)
    TESSERA_MODEL_SHUFFLE_FUNCTION(__shfl_xor_sync, TESSERA_MODEL_SHUFFLE_XOR, int)
    TESSERA_MODEL_INLINE unsigned __ballot_sync(unsigned mask, int predicate) {
      return (unsigned)tessera_model_collective(TESSERA_MODEL_BALLOT, mask, predicate != 0, 0, 0);
    }
    TESSERA_MODEL_INLINE int __all_sync(unsigned mask, int predicate) {
      return __ballot_sync(mask, !predicate) == 0;
    }
    TESSERA_MODEL_INLINE int __any_sync(unsigned mask, int predicate) {
      return __ballot_sync(mask, predicate) != 0;
    }
    // Fences keep the chip's memory in order; they let no thread wait for another.
    TESSERA_MODEL_INLINE void __threadfence() {}
    TESSERA_MODEL_INLINE void __threadfence_block() {}
    TESSERA_MODEL_INLINE void __trap() { __builtin_trap(); }

    // Arithmetic: the host's own, which rounds to nearest even and fuses nothing.
    #define TESSERA_MODEL_OPERATION(name, type, sign) \
      TESSERA_MODEL_INLINE type name(type a, type b) { return a sign b; }
    TESSERA_MODEL_OPERATION(__fadd_rn, float, +)
    TESSERA_MODEL_OPERATION(__fsub_rn, float, -)
    TESSERA_MODEL_OPERATION(__fmul_rn, float, *)
    TESSERA_MODEL_OPERATION(__fdiv_rn, float, /)
    TESSERA_MODEL_OPERATION(__dadd_rn, double, +)
    TESSERA_MODEL_OPERATION(__dsub_rn, double, -)
    TESSERA_MODEL_OPERATION(__dmul_rn, double, *)
    TESSERA_MODEL_OPERATION(__ddiv_rn, double, /)
    TESSERA_MODEL_INLINE float __fsqrt_rn(float x) { return __builtin_sqrtf(x); }
    TESSERA_MODEL_INLINE double __dsqrt_rn(double x) { return __builtin_sqrt(x); }
    TESSERA_MODEL_INLINE float __frcp_rn(float x) { return 1.0f / x; }
    TESSERA_MODEL_INLINE float fabsf(float x) { return __builtin_fabsf(x); }
    TESSERA_MODEL_INLINE double fabs(double x) { return __builtin_fabs(x); }
    #if defined(__FMA__) || defined(__aarch64__)
    TESSERA_MODEL_INLINE float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
    TESSERA_MODEL_INLINE double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
    #else
    // `sum`, which lacks `error`, rounded to odd, so that a rounding to two bits less is the only one that shows.
    TESSERA_MODEL_INLINE double tessera_model_odd(double sum, double error) {
      long long bits = tessera_model_bits<long long>(sum);
      if (error != 0 && error == error && (bits & 1) == 0) bits += (error > 0) == (sum > 0) ? 1 : -1;
      return tessera_model_bits<double>(bits);
    }
    // What a + b lacks of the sum.
    TESSERA_MODEL_INLINE double tessera_model_lack(double a, double b) {
      const double sum = a + b, back = sum - a;
      return (a - (sum - back)) + (b - back);
    }
    // The product is exact in binary64.
    TESSERA_MODEL_INLINE float __fmaf_rn(float a, float b, float c) {
      const double product = (double)a * b;
      return (float)tessera_model_odd(product + c, tessera_model_lack(product, c));
    }
    // Boldo and Melquiond, Emulation of a FMA and correctly rounded sums, 2008: the product in two parts after Dekker,
    // and the low parts' sum rounded to odd. Right where the factors are below 2^996 and the product's low part is
    // not subnormal, which the numbers of kernels keep.
    TESSERA_MODEL_INLINE double __fma_rn(double a, double b, double c) {
      const double plain = a * b + c;
      if (plain - plain != 0) return plain;
      const double a1 = a * 134217729.0 - (a * 134217729.0 - a), a0 = a - a1;
      const double b1 = b * 134217729.0 - (b * 134217729.0 - b), b0 = b - b1;
      const double high = a * b, low = ((a1 * b1 - high) + a1 * b0 + a0 * b1) + a0 * b0;
      if (low == 0) return plain;
      const double small = c + low, least = tessera_model_lack(c, low);
      const double sum = high + small, rest = tessera_model_lack(high, small);
      return sum + tessera_model_odd(rest + least, tessera_model_lack(rest, least));
    }
    #endif
    TESSERA_MODEL_INLINE float __double2float_rn(double x) { return (float)x; }
    TESSERA_MODEL_INLINE float __int2float_rn(int x) { return (float)x; }
    TESSERA_MODEL_INLINE float __uint2float_rn(unsigned x) { return (float)x; }
    TESSERA_MODEL_INLINE float __ll2float_rn(long long x) { return (float)x; }
    TESSERA_MODEL_INLINE double __int2double_rn(int x) { return x; }
    TESSERA_MODEL_INLINE double __uint2double_rn(unsigned x) { return x; }
    TESSERA_MODEL_INLINE double __ll2double_rn(long long x) { return (double)x; }
    // Saturates; NaN gives 0.
    TESSERA_MODEL_INLINE int tessera_model_integer(float whole) {
      if (whole != whole) return 0;
      if (whole >= 2147483648.0f) return 2147483647;
      return whole < -2147483648.0f ? -2147483647 - 1 : (int)whole;
    }
    TESSERA_MODEL_INLINE float rintf(float x) {
      const float shift = __builtin_copysignf(8388608.0f, x);
      return __builtin_fabsf(x) < 8388608.0f ? __builtin_copysignf((x + shift) - shift, x) : x;
    }
    TESSERA_MODEL_INLINE int __float2int_rn(float x) { return tessera_model_integer(rintf(x)); }
    TESSERA_MODEL_INLINE int __float2int_rz(float x) { return tessera_model_integer(x); }

    // Bits
    TESSERA_MODEL_INLINE int __float_as_int(float x) { return tessera_model_bits<int>(x); }
    TESSERA_MODEL_INLINE unsigned __float_as_uint(float x) { return tessera_model_bits<unsigned>(x); }
    TESSERA_MODEL_INLINE float __int_as_float(int x) { return tessera_model_bits<float>(x); }
    TESSERA_MODEL_INLINE float __uint_as_float(unsigned x) { return tessera_model_bits<float>(x); }
    TESSERA_MODEL_INLINE long long __double_as_longlong(double x) { return tessera_model_bits<long long>(x); }
    TESSERA_MODEL_INLINE double __longlong_as_double(long long x) { return tessera_model_bits<double>(x); }
    TESSERA_MODEL_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
    TESSERA_MODEL_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
    TESSERA_MODEL_INLINE int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
    TESSERA_MODEL_INLINE int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
    TESSERA_MODEL_INLINE int __ffs(int x) { return __builtin_ffs(x); }
    TESSERA_MODEL_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
    TESSERA_MODEL_INLINE unsigned __brev(unsigned x) { return __builtin_bitreverse32(x); }
    // A set top bit of a selector repeats a sign on the chip and is left open by the manual.
    TESSERA_MODEL_INLINE unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
      if (selector & 0x8888) tessera_model_undefined();
      const unsigned long long bytes = (unsigned long long)y << 32 | x;
      unsigned result = 0;
      for (int i = 0; i < 4; i++)
        result |= (unsigned)(bytes >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
      return result;
    }
    template <class A, class B> TESSERA_MODEL_INLINE int tessera_model_dot4(int sum, unsigned a, unsigned b) {
      for (int i = 0; i < 4; i++)
        sum = (int)((unsigned)sum + (unsigned)((int)(A)(a >> 8 * i) * (int)(B)(b >> 8 * i)));
      return sum;
    }
    TESSERA_MODEL_INLINE int __dp4a(int a, int b, int sum) {
      return tessera_model_dot4<signed char, signed char>(sum, (unsigned)a, (unsigned)b);
    }
    TESSERA_MODEL_INLINE unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
      return (unsigned)tessera_model_dot4<unsigned char, unsigned char>((int)sum, a, b);
    }
    TESSERA_MODEL_INLINE int tessera_dot4_u8s8(int sum, unsigned a, unsigned b) {
      return tessera_model_dot4<unsigned char, signed char>(sum, a, b);
    }
    #define TESSERA_MODEL_ORDER(type)                                             \
      TESSERA_MODEL_INLINE type min(type a, type b) { return b < a ? b : a; }     \
      TESSERA_MODEL_INLINE type max(type a, type b) { return a < b ? b : a; }
    TESSERA_MODEL_ORDER(int)
    TESSERA_MODEL_ORDER(unsigned)
    TESSERA_MODEL_ORDER(long)
    TESSERA_MODEL_ORDER(unsigned long)
    TESSERA_MODEL_ORDER(long long)
    TESSERA_MODEL_ORDER(unsigned long long)

    // Atomics
    #define TESSERA_MODEL_ATOMIC(name, type, operation)                                             \
      TESSERA_MODEL_INLINE type name(type *place, type value) {                                     \
        return (type)tessera_model_atomic(operation, place, (tessera_model_u64)value, 0, sizeof(type)); \
      }
    TESSERA_MODEL_ATOMIC(atomicAdd, int, TESSERA_MODEL_ADD)
    TESSERA_MODEL_ATOMIC(atomicAdd, unsigned, TESSERA_MODEL_ADD)
    TESSERA_MODEL_ATOMIC(atomicAdd, unsigned long long, TESSERA_MODEL_ADD)
    TESSERA_MODEL_ATOMIC(atomicMin, int, TESSERA_MODEL_MIN)
    TESSERA_MODEL_ATOMIC(atomicMin, unsigned, TESSERA_MODEL_UMIN)
    TESSERA_MODEL_ATOMIC(atomicMax, int, TESSERA_MODEL_MAX)
    TESSERA_MODEL_ATOMIC(atomicMax, unsigned, TESSERA_MODEL_UMAX)
    TESSERA_MODEL_ATOMIC(atomicMax, long long, TESSERA_MODEL_MAX)
    TESSERA_MODEL_ATOMIC(atomicMax, unsigned long long, TESSERA_MODEL_UMAX)
    TESSERA_MODEL_ATOMIC(atomicAnd, int, TESSERA_MODEL_AND)
    TESSERA_MODEL_ATOMIC(atomicAnd, unsigned, TESSERA_MODEL_AND)
    TESSERA_MODEL_ATOMIC(atomicOr, int, TESSERA_MODEL_OR)
    TESSERA_MODEL_ATOMIC(atomicOr, unsigned, TESSERA_MODEL_OR)
    TESSERA_MODEL_ATOMIC(atomicExch, int, TESSERA_MODEL_EXCHANGE)
    TESSERA_MODEL_ATOMIC(atomicExch, unsigned, TESSERA_MODEL_EXCHANGE)
    TESSERA_MODEL_INLINE int atomicCAS(int *place, int compared, int value) {
      return (int)tessera_model_atomic(
          TESSERA_MODEL_COMPARE, place, (tessera_model_u64)value, (tessera_model_u64)compared, 4);
    }

    // Copies to shared memory that go on beside the thread. Elements of 4, 8 or 16 bytes, aligned.
    TESSERA_MODEL_INLINE void tessera_copy_async_4(void *shared, const void *global) {
      tessera_model_copy_async(shared, global, 4);
    }
    TESSERA_MODEL_INLINE void tessera_copy_async_8(void *shared, const void *global) {
      tessera_model_copy_async(shared, global, 8);
    }
    TESSERA_MODEL_INLINE void tessera_copy_async_16(void *shared, const void *global) {
      tessera_model_copy_async(shared, global, 16);
    }
    // Closes the group of the copies since the last one.
    TESSERA_MODEL_INLINE void tessera_copy_commit() { tessera_model_copy_commit(); }
    // Waits until at most `groups` of this thread's closed groups are under way.
    template <int groups> TESSERA_MODEL_INLINE void tessera_copy_wait() { tessera_model_copy_wait(groups); }

    // mbarrier: an object of 8 bytes in shared memory. A phase ends when `count` arrivals and all announced
    // bytes are there.
    TESSERA_MODEL_INLINE void tessera_barrier_init(void *barrier, unsigned count) {
      tessera_model_barrier_init(barrier, count);
    }
    TESSERA_MODEL_INLINE void tessera_barrier_arrive(void *barrier) {
      tessera_model_barrier_arrive(barrier, 0);
    }
    // Announces `bytes` of bulk copies to the current phase, and arrives.
    TESSERA_MODEL_INLINE void tessera_barrier_expect(void *barrier, unsigned bytes) {
      tessera_model_barrier_arrive(barrier, bytes);
    }
    // Waits for the end of the phase of this parity: 0 for the first.
    TESSERA_MODEL_INLINE void tessera_barrier_wait(void *barrier, unsigned parity) {
      tessera_model_barrier_wait(barrier, parity);
    }
    // Touches and bulk copies that come one after the other need no fence here: the model has one memory.
    TESSERA_MODEL_INLINE void tessera_copy_fence() {}
    // Both addresses and the size are multiples of 16; the bytes arrive at `barrier`.
    TESSERA_MODEL_INLINE void tessera_bulk_copy(
        void *shared, const void *global, unsigned bytes, void *barrier) {
      tessera_model_bulk_copy(shared, global, bytes, barrier);
    }

    // Matrix instructions of a whole warp, with the fragments of the PTX manual.
    struct tessera_model_fragments {
      void *d;
      const unsigned *a, *b;
    };
    TESSERA_MODEL_INLINE void tessera_mma_s8_16x8x32(int d[4], const unsigned a[4], const unsigned b[2]) {
      const tessera_model_fragments fragments = {d, a, b};
      tessera_model_collective(TESSERA_MODEL_MMA_S8, 0xffffffff, (tessera_model_u64)&fragments, 0, 0);
    }
    TESSERA_MODEL_INLINE void tessera_mma_f16_16x8x16(float d[4], const unsigned a[4], const unsigned b[2]) {
      const tessera_model_fragments fragments = {d, a, b};
      tessera_model_collective(TESSERA_MODEL_MMA_F16, 0xffffffff, (tessera_model_u64)&fragments, 0, 0);
    }
    TESSERA_MODEL_INLINE void tessera_mma_f64_8x8x4(double d[2], double a, double b) {
      const tessera_model_fragments fragments = {d, (const unsigned *)&a, (const unsigned *)&b};
      tessera_model_collective(TESSERA_MODEL_MMA_F64, 0xffffffff, (tessera_model_u64)&fragments, 0, 0);
    }
    // Arithmetic on two halves in a word, each result rounded once; infinities and NaN are no operands.
    TESSERA_MODEL_INLINE double tessera_model_half(unsigned bits) {
      const tessera_model_u64 size = bits & 0x7fff, sign = (tessera_model_u64)(bits >> 15 & 1) << 63;
      const double subnormal = (double)(int)size * 0x1p-24;
      const tessera_model_u64 normal = (size + (1008 << 10)) << 42;
      const tessera_model_u64 bits64 = size < 1024 ? __builtin_bit_cast(tessera_model_u64, subnormal) : normal;
      return __builtin_bit_cast(double, sign | bits64);
    }
    TESSERA_MODEL_INLINE unsigned tessera_model_half_bits(double x) {
      const unsigned sign = __builtin_signbit(x) ? 0x8000u : 0u;
      const double size = sign ? -x : x;
      if (size < 0x1p-14) return sign | (unsigned)(int)(size * 0x1p24 + 0x1p52 - 0x1p52);
      const tessera_model_u64 bits = __builtin_bit_cast(tessera_model_u64, size);
      const tessera_model_u64 rounded = (bits + (1ull << 41) - 1 + (bits >> 42 & 1)) >> 42;
      return sign | (rounded < (1039 << 10) ? (unsigned)rounded - (1008 << 10) : 0x7c00);
    }
    TESSERA_MODEL_INLINE unsigned tessera_fma_f16x2(unsigned a, unsigned b, unsigned c) {
      unsigned y = 0;
      // A product of halves has 22 bits, and the sum of one and a half fewer than 53 where neither is far below.
      for (int shift = 0; shift < 32; shift += 16)
        y |= tessera_model_half_bits(
                 tessera_model_half(a >> shift) * tessera_model_half(b >> shift) +
                 tessera_model_half(c >> shift))
             << shift;
      return y;
    }
    TESSERA_MODEL_INLINE unsigned tessera_add_f16x2(unsigned a, unsigned b) {
      return tessera_fma_f16x2(a, 0x3c003c00, b);
    }
    TESSERA_MODEL_INLINE unsigned tessera_subtract_f16x2(unsigned a, unsigned b) {
      return tessera_fma_f16x2(b, 0xbc00bc00, a);
    }

    // min.NaN and max.NaN: NaN where either is, and +0 above -0.
    TESSERA_MODEL_INLINE float tessera_minimum_f32(float a, float b) {
      const float equal = __int_as_float(__float_as_int(a) | __float_as_int(b));
      return a < b ? a : b < a ? b : a == b ? equal : a + b;
    }
    TESSERA_MODEL_INLINE float tessera_maximum_f32(float a, float b) {
      const float equal = __int_as_float(__float_as_int(a) & __float_as_int(b));
      return a > b ? a : b > a ? b : a == b ? equal : a + b;
    }
    // cvt.rn.bf16.f32, whose NaN is all ones.
    TESSERA_MODEL_INLINE int tessera_bf16_code(float x) {
      const unsigned bits = (unsigned)__float_as_int(x);
      return x != x ? 0x7fff : (int)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    // The numbers of the E4M3 codes in the two lowest bytes, as halves: a code's bits are those of one of 2^-8 of its
    // number. NaN codes are no operands.
    TESSERA_MODEL_INLINE unsigned tessera_e4m3x2_numbers(unsigned codes) {
      unsigned y = 0;
      for (int code = 0; code < 2; code++) {
        const unsigned bits = codes >> 8 * code & 0xff;
        y |= tessera_model_half_bits(tessera_model_half((bits & 0x80) << 8 | (bits & 0x7f) << 7) * 256) << 16 * code;
      }
      return y;
    }

    // Thread i gives the address of row i % 8 of matrix i / 8, 16 bytes; r[j] is of matrix j.
    TESSERA_MODEL_INLINE void tessera_ldmatrix_x4(unsigned r[4], const void *shared) {
      const tessera_model_fragments fragments = {r, (const unsigned *)shared, nullptr};
      tessera_model_collective(TESSERA_MODEL_LDMATRIX, 0xffffffff, (tessera_model_u64)&fragments, 0, 0);
    }

    // How the model calls a kernel: its arguments as words of 64 bits.
    template <class T> TESSERA_MODEL_INLINE T tessera_model_argument(tessera_model_u64 word) {
      return tessera_model_bits<T>(word);
    }
    template <class T> struct tessera_model_kind { static constexpr char value = 'i'; };
    template <class T> struct tessera_model_kind<T *> { static constexpr char value = 'p'; };
    template <class T> struct tessera_model_kind<T *__restrict__> { static constexpr char value = 'p'; };
    template <> struct tessera_model_kind<float> { static constexpr char value = 'f'; };
    template <class I, I... at> struct tessera_model_sequence {};
    template <auto kernel, class F = decltype(kernel)> struct tessera_model_entry;
    template <auto kernel, class... A> struct tessera_model_entry<kernel, void (*)(A...)> {
      static constexpr char kinds[sizeof...(A) + 1] = {tessera_model_kind<A>::value..., 0};
      template <class I, I... at>
      TESSERA_MODEL_INLINE void spread(const tessera_model_u64 *words, tessera_model_sequence<I, at...>) {
        kernel(tessera_model_argument<A>(words[at])...);
      }
      static void call(const tessera_model_u64 *words) {
        spread(words, __make_integer_seq<tessera_model_sequence, int, sizeof...(A)>());
      }
    };
    struct tessera_model_kernel {
      const char *kinds;
      void (*call)(const tessera_model_u64 *words);
    };
    """#
}
