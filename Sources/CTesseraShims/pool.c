#include "tessera_shims.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
  tessera_kernel kernel;
  const tessera_launch *launch;
  int64_t cells, chunk;
  int threads;
  unsigned char *const *scratch;
} job;

struct tessera_pool {
  int threads;
  pthread_t *workers;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  job now;
  atomic_llong next;            // first cell that nobody has taken
  // The number of the job, whether it is closed, and how many workers are at it: workers that come late
  // find the door shut and are not waited for.
  atomic_ullong door;
  atomic_int sleeping;
  atomic_int stop;
};

typedef struct {
  tessera_pool *pool;
  int number;
} worker;

static const unsigned long long door_closed = 0x80000000;
static unsigned job_number(unsigned long long door) { return (unsigned)(door >> 32); }
static unsigned workers_inside(unsigned long long door) { return (unsigned)door & 0x7fffffff; }

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void take_cells(tessera_pool *pool, int number) {
  const job *now = &pool->now;
  const uint64_t mode = tessera_enter_ieee_mode();
  for (;;) {
    const int64_t first = atomic_fetch_add_explicit(&pool->next, now->chunk, memory_order_relaxed);
    if (first >= now->cells) break;
    const int64_t last = first + now->chunk < now->cells ? first + now->chunk : now->cells;
    now->kernel(now->launch, first, last, now->scratch[number]);
  }
  tessera_restore_mode(mode);
}

// Waits for a job: a short spin, since launches follow one another closely, then sleep.
static unsigned await(tessera_pool *pool, unsigned seen) {
  for (int turn = 0; turn < 4000; turn++) {
    const unsigned number = job_number(atomic_load_explicit(&pool->door, memory_order_acquire));
    if (number != seen || atomic_load(&pool->stop)) return number;
    pause_briefly();
  }
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->sleeping, 1);
  while (job_number(atomic_load(&pool->door)) == seen && !atomic_load(&pool->stop))
    pthread_cond_wait(&pool->wake, &pool->lock);
  atomic_fetch_sub(&pool->sleeping, 1);
  pthread_mutex_unlock(&pool->lock);
  return job_number(atomic_load(&pool->door));
}

// Whether a worker may still join job `number`; if so it is waited for.
static int enter(tessera_pool *pool, unsigned number) {
  unsigned long long door = atomic_load(&pool->door);
  while (job_number(door) == number && !(door & door_closed))
    if (atomic_compare_exchange_weak(&pool->door, &door, door + 1)) return 1;
  return 0;
}

static void *work(void *argument) {
  worker self = *(worker *)argument;
  free(argument);
  unsigned seen = 0;
  for (;;) {
    seen = await(self.pool, seen);
    if (atomic_load(&self.pool->stop)) return NULL;
    if (!enter(self.pool, seen)) continue;
    if (self.number < self.pool->now.threads) take_cells(self.pool, self.number);
    atomic_fetch_sub_explicit(&self.pool->door, 1, memory_order_release);
  }
}

tessera_pool *tessera_pool_create(int threads) {
  tessera_pool *pool = calloc(1, sizeof(*pool));
  if (!pool) return NULL;
  pool->workers = calloc((size_t)threads, sizeof(pthread_t));
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->threads = 1;
  for (int number = 1; number < threads && pool->workers; number++) {
    worker *self = malloc(sizeof(*self));
    if (!self) break;
    *self = (worker){pool, number};
    if (pthread_create(&pool->workers[number], NULL, work, self) != 0) {
      free(self);
      break;
    }
    pool->threads++;
  }
  return pool;
}

void tessera_pool_destroy(tessera_pool *pool) {
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->stop, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (int number = 1; number < pool->threads; number++) pthread_join(pool->workers[number], NULL);
  free(pool->workers);
  free(pool);
}

void tessera_pool_run(tessera_pool *pool, tessera_kernel kernel, const tessera_launch *launch,
                      int64_t cells, int64_t chunk, int threads, unsigned char *const *scratch) {
  pool->now = (job){kernel, launch, cells, chunk, threads, scratch};
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  if (threads <= 1 || pool->threads <= 1 || cells <= chunk) {
    take_cells(pool, 0);
    return;
  }
  const unsigned long long number = job_number(atomic_load(&pool->door)) + 1u;
  atomic_store_explicit(&pool->door, number << 32, memory_order_seq_cst);
  if (atomic_load(&pool->sleeping) > 0) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
  }
  take_cells(pool, 0);
  atomic_fetch_or_explicit(&pool->door, door_closed, memory_order_acq_rel);
  while (workers_inside(atomic_load_explicit(&pool->door, memory_order_acquire)) > 0) pause_briefly();
}
