#define _GNU_SOURCE
#include "tessera_shims.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void *tessera_shared_memory(uint64_t place, uint64_t bytes, int *file) {
  *file = memfd_create("tessera", MFD_CLOEXEC);
  if (*file < 0) return NULL;
  void *at = MAP_FAILED;
  if (ftruncate(*file, (off_t)bytes) == 0)
    at = mmap((void *)place, bytes, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_NORESERVE | (place ? MAP_FIXED_NOREPLACE : 0), *file, 0);
  if (at != MAP_FAILED && (!place || at == (void *)place)) return at;
  if (at != MAP_FAILED) munmap(at, bytes);
  close(*file);
  return NULL;
}

void *tessera_map_file(const char *path, uint64_t bytes) {
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return NULL;
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return at == MAP_FAILED ? NULL : at;
}

void tessera_unmap(void *place, uint64_t bytes) { munmap(place, bytes); }

void tessera_post(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
  syscall(SYS_futex, word, FUTEX_WAKE, 1 << 20, NULL, NULL, 0);
}

int tessera_await(const uint32_t *word, uint32_t value, int milliseconds) {
  for (int turn = 0; turn < 4000; turn++)
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return 1;
  const struct timespec most = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  const uint32_t found = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  if (found != value) syscall(SYS_futex, word, FUTEX_WAIT, found, &most, NULL, 0);
  return __atomic_load_n(word, __ATOMIC_ACQUIRE) == value;
}
