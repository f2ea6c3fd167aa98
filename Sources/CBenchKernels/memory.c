#include "bench_kernels.h"

#include <pthread.h>
#include <string.h>

#define MOST_THREADS 64

typedef struct {
  void *to;
  const void *b, *c;
  float s;
  int64_t count;
  uint64_t result;
} part;

typedef void *(*body)(void *);

// Runs parts 1 ... threads - 1 on threads of their own and part 0 here. Making a thread costs some tens of
// microseconds, which arrays of four last-level caches hide.
static void run(body each, part *parts, int threads) {
  pthread_t others[MOST_THREADS];
  int made[MOST_THREADS] = {0};
  for (int t = 1; t < threads; t++) made[t] = pthread_create(&others[t], NULL, each, &parts[t]) == 0;
  each(&parts[0]);
  for (int t = 1; t < threads; t++) {
    if (made[t]) pthread_join(others[t], NULL);
    else each(&parts[t]);
  }
}

// Where part t of count bytes begins: on a cache line, except for the end.
static int64_t bound(int64_t count, int threads, int t) {
  return t == threads ? count : count / threads * t / 64 * 64;
}

static int clamped(int threads) { return threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads; }

typedef uint64_t line __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) uint64_t fold(const void *bytes, int64_t count) {
  const line *lines = bytes;
  line a = {0}, b = {0}, c = {0}, d = {0};
  int64_t i = 0;
  for (; i + 4 <= count / 64; i += 4) {
    a ^= lines[i];
    b ^= lines[i + 1];
    c ^= lines[i + 2];
    d ^= lines[i + 3];
  }
  for (; i < count / 64; i++) a ^= lines[i];
  a ^= b ^ c ^ d;
  uint64_t result = 0;
  for (int lane = 0; lane < 8; lane++) result ^= a[lane];
  return result;
}

static inline __attribute__((always_inline)) void triad(
    float *restrict a, const float *restrict b, const float *restrict c, float s, int64_t count) {
  for (int64_t i = 0; i < count; i++) a[i] = b[i] + s * c[i];
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t fold_avx512(const void *bytes, int64_t count) {
  return fold(bytes, count);
}
__attribute__((target("avx512f"))) static void triad_avx512(
    float *a, const float *b, const float *c, float s, int64_t count) {
  triad(a, b, c, s, count);
}
static int has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
#else
#define fold_avx512 fold
#define triad_avx512 triad
static int has_avx512(void) { return 0; }
#endif

static void *read_part(void *argument) {
  part *p = argument;
  p->result = has_avx512() ? fold_avx512(p->b, p->count) : fold(p->b, p->count);
  return NULL;
}

static void *triad_part(void *argument) {
  part *p = argument;
  if (has_avx512()) triad_avx512(p->to, p->b, p->c, p->s, p->count);
  else triad(p->to, p->b, p->c, p->s, p->count);
  return NULL;
}

static void *copy_part(void *argument) {
  part *p = argument;
  memcpy(p->to, p->b, (size_t)p->count);
  return NULL;
}

uint64_t bench_read(const void *bytes, int64_t count, int threads) {
  part parts[MOST_THREADS];
  threads = clamped(threads);
  for (int t = 0; t < threads; t++) {
    const int64_t first = bound(count, threads, t);
    parts[t] = (part){.b = (const char *)bytes + first, .count = bound(count, threads, t + 1) - first};
  }
  run(read_part, parts, threads);
  uint64_t result = 0;
  for (int t = 0; t < threads; t++) result ^= parts[t].result;
  return result;
}

void bench_triad(float *a, const float *b, const float *c, float s, int64_t count, int threads) {
  part parts[MOST_THREADS];
  threads = clamped(threads);
  for (int t = 0; t < threads; t++) {
    const int64_t first = bound(4 * count, threads, t) / 4;
    parts[t] = (part){a + first, b + first, c + first, s, bound(4 * count, threads, t + 1) / 4 - first, 0};
  }
  run(triad_part, parts, threads);
}

void bench_copy(void *to, const void *from, int64_t count, int threads) {
  part parts[MOST_THREADS];
  threads = clamped(threads);
  for (int t = 0; t < threads; t++) {
    const int64_t first = bound(count, threads, t);
    parts[t] = (part){.to = (char *)to + first, .b = (const char *)from + first,
                      .count = bound(count, threads, t + 1) - first};
  }
  run(copy_part, parts, threads);
}
