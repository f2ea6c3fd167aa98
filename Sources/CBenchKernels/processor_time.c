#include "bench_kernels.h"

#include <sys/resource.h>

static double seconds(int who) {
  struct rusage usage;
  if (getrusage(who, &usage) != 0) return 0;
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double bench_own_cpu_seconds(void) { return seconds(RUSAGE_SELF); }
double bench_children_cpu_seconds(void) { return seconds(RUSAGE_CHILDREN); }
