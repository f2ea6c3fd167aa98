#include "tessera_shims.h"

#if defined(__x86_64__)
uint64_t tessera_enter_ieee_mode(void) {
  const uint32_t mode = __builtin_ia32_stmxcsr();
  // Flags clear, exceptions masked, nearest even, no flush to zero, no denormals as zero.
  __builtin_ia32_ldmxcsr(0x1f80);
  return mode;
}
void tessera_restore_mode(uint64_t mode) { __builtin_ia32_ldmxcsr((uint32_t)mode); }

int tessera_cpu_level(void) {
  __builtin_cpu_init();
  const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
  if (avx512) return 2;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}
#elif defined(__aarch64__)
uint64_t tessera_enter_ieee_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return mode;
}
void tessera_restore_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
int tessera_cpu_level(void) { return 3; }
#else
uint64_t tessera_enter_ieee_mode(void) { return 0; }
void tessera_restore_mode(uint64_t mode) { (void)mode; }
int tessera_cpu_level(void) { return -1; }
#endif
