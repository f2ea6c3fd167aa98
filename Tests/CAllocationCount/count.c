#include "allocation_count.h"

#include <errno.h>
#include <stddef.h>

static __thread allocation_count seen;

allocation_count tessera_allocation_count(void) { return seen; }

#if defined(__GLIBC__)
int tessera_counts_allocations(void) { return 1; }

// These take the place of the C library's functions in the program that they are linked into.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void note(size_t bytes) {
  seen.all++;
  if (bytes >= TESSERA_LARGE_ALLOCATION) seen.large++;
}

void *malloc(size_t bytes) {
  note(bytes);
  return __libc_malloc(bytes);
}
void *calloc(size_t number, size_t bytes) {
  note(number * bytes);
  return __libc_calloc(number, bytes);
}
void *realloc(void *old, size_t bytes) {
  note(bytes);
  if (old) seen.freed++;
  return __libc_realloc(old, bytes);
}
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  note(bytes);
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
void free(void *memory) {
  if (memory) seen.freed++;
  __libc_free(memory);
}
#else
int tessera_counts_allocations(void) { return 0; }
#endif
