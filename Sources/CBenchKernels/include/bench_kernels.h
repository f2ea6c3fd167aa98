#pragma once
// What the benchmarks measure a machine's memory with, and processor time. Each kernel cuts its bytes into
// one contiguous part a thread; `threads` is at least 1 and the caller is one of them.
#include <stdint.h>

// Reads bytes as 64-byte lines (a rest below 64 bytes is left out) and returns their exclusive or, so that
// no read can be left out. `bytes` starts on a cache line.
uint64_t bench_read(const void *bytes, int64_t count, int threads);

// a[i] = b[i] + s c[i] over `count` floats: McCalpin's STREAM triad. Arrays start on cache lines.
void bench_triad(float *a, const float *b, const float *c, float s, int64_t count, int threads);

// The C library's memcpy.
void bench_copy(void *to, const void *from, int64_t count, int threads);

// Seconds of processor time, user and system, of this process or of its children that have ended.
double bench_own_cpu_seconds(void);
double bench_children_cpu_seconds(void);
