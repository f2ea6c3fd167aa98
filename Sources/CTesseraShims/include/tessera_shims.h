#pragma once
// What Swift has no words for: the processor's floating-point mode and features, a pool of threads that
// calls kernels by their C function pointers, and starting another program.
#include <stdint.h>

// The launch record of a printed kernel (EmitC prints the same).
typedef struct {
  void *const *buffers;
  const int64_t *integers;
  const float *floats;
  int32_t *status;
} tessera_launch;

typedef void (*tessera_kernel)(const tessera_launch *launch, int64_t first_cell, int64_t last_cell,
                               unsigned char *scratch);

// Sets nearest-even rounding with subnormals kept, and returns the mode that was there.
uint64_t tessera_enter_ieee_mode(void);
void tessera_restore_mode(uint64_t mode);

// 0: x86-64 baseline, 1: AVX2 and FMA, 2: AVX-512 (F, BW, DQ, VL, VNNI, VBMI), 3: aarch64, -1: another.
int tessera_cpu_level(void);

typedef struct tessera_pool tessera_pool;

// A pool of `threads` threads, the caller's included. NULL where threads cannot be made.
tessera_pool *tessera_pool_create(int threads);
void tessera_pool_destroy(tessera_pool *pool);

// Runs cells 0 ..< cells in chunks, thread t with scratch[t]; returns when all are done.
void tessera_pool_run(tessera_pool *pool, tessera_kernel kernel, const tessera_launch *launch,
                      int64_t cells, int64_t chunk, int threads, unsigned char *const *scratch);

// Runs a program to its end. `arguments` end with NULL and begin with the program's name; standard input
// reads (and may write) the file `input`, standard output and error go to the file `output`, so that no
// pipe is left open by another process that starts at the same time. Returns an error number where it
// cannot be started or awaited; `status` is its exit status, or minus the signal that ended it.
int tessera_run_process(const char *path, const char *const *arguments, const char *input,
                        const char *output, int *status);

// Begins a program as above, with the file `shared` as its third, and does not wait for it.
int tessera_start_process(const char *path, const char *const *arguments, const char *input, int shared,
                          const char *output, int *child);
// Whether a program has ended, waiting for that where `waits`; `status` as above.
int tessera_has_ended(int child, int waits, int *status);
void tessera_kill(int child);

// `bytes` bytes at `place` or anywhere that other programs can map too, without any until they are touched; NULL
// where there is no room.
void *tessera_shared_memory(uint64_t place, uint64_t bytes, int *file);
// The file of this path, mapped to be shared.
void *tessera_map_file(const char *path, uint64_t bytes);
void tessera_unmap(void *place, uint64_t bytes);

// Sets a word that another program waits for, and wakes it.
void tessera_post(uint32_t *word, uint32_t value);
// Waits until a word is `value`, at most so long; whether it is.
int tessera_await(const uint32_t *word, uint32_t value, int milliseconds);
