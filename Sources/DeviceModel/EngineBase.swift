extension ModelText {
  /// The engine's ground: Linux by its numbers, so that a program needs no C library; the job; switching
  /// from one thread's stack to another's.
  static let engineBase = #"""
    typedef unsigned char u8;
    typedef unsigned short u16;
    typedef unsigned int u32;
    typedef unsigned long u64;
    typedef int i32;
    typedef long i64;
    #define INLINE static inline __attribute__((always_inline))
    #define RARE __attribute__((noinline, cold))
    #define CALLED_FROM ((u32)(u64)__builtin_return_address(0))

    // What clang calls by itself. They must not become calls of themselves.
    #define PLAIN extern "C" __attribute__((used, no_builtin))
    PLAIN void *memcpy(void *to, const void *from, u64 count) {
      for (u64 i = 0; i < count; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
      return to;
    }
    PLAIN void *memmove(void *to, const void *from, u64 count) {
      if ((u64)to - (u64)from >= count) return memcpy(to, from, count);
      for (u64 i = count; i-- > 0;) ((u8 *)to)[i] = ((const u8 *)from)[i];
      return to;
    }
    PLAIN void *memset(void *to, int value, u64 count) {
      for (u64 i = 0; i < count; i++) ((u8 *)to)[i] = (u8)value;
      return to;
    }

    #if defined(__x86_64__)
    enum {
      SEEK = 8, MAP = 9, PROTECT = 10, SIGACTION = 13, SIGPROCMASK = 14, READ_AT = 17, WRITE_AT = 18, ADVISE = 28, SETITIMER = 38, CLONE = 56,
      PARENT = 110, SIGALTSTACK = 131, CONTROL = 157, SET_THREAD = 158, FUTEX = 202, EXIT = 231
    };
    static i64 call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e) {
      register i64 r10 __asm__("r10") = d;
      register i64 r8 __asm__("r8") = e;
      register i64 r9 __asm__("r9") = 0;
      i64 result;
      __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                       : "rcx", "r11", "memory");
      return result;
    }
    static void set_thread_pointer(u64 place) { call(SET_THREAD, 0x1002, (i64)place, 0, 0, 0); }
    // Where the thread pointer stands, if shared memory begins at `base`: behind it, and it points to itself.
    INLINE u64 thread_pointer(u64 base, u64 bytes) { return base + bytes; }
    enum { PROGRAM_COUNTER = 168 };
    __asm__(R"(
    .text
    .globl _start
    _start:
      xorl %ebp, %ebp
      andq $-16, %rsp
      call tessera_model_main
      hlt
    .globl tessera_model_switch
    tessera_model_switch:
      pushq %rbp
      pushq %rbx
      pushq %r12
      pushq %r13
      pushq %r14
      pushq %r15
      movq %rsp, (%rdi)
      movq %rsi, %rsp
      popq %r15
      popq %r14
      popq %r13
      popq %r12
      popq %rbx
      popq %rbp
      popq %rcx
      jmpq *%rcx
    tessera_model_restore:
      movl $15, %eax
      syscall
    )");
    INLINE void *fresh_stack(u8 *top, void (*begin)()) {
      u64 *words = (u64 *)((u64)top & -16);
      *--words = 0;
      *--words = (u64)begin;
      for (int i = 0; i < 6; i++) *--words = 0;
      return words;
    }
    #else
    enum {
      SEEK = 62, READ_AT = 67, WRITE_AT = 68, EXIT = 94, FUTEX = 98, SETITIMER = 103, SIGALTSTACK = 132, SIGACTION = 134, SIGPROCMASK = 135,
      CONTROL = 167, PARENT = 173, CLONE = 220, MAP = 222, PROTECT = 226, ADVISE = 233
    };
    static i64 call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e) {
      register i64 x8 __asm__("x8") = number;
      register i64 x0 __asm__("x0") = a;
      register i64 x1 __asm__("x1") = b;
      register i64 x2 __asm__("x2") = c;
      register i64 x3 __asm__("x3") = d;
      register i64 x4 __asm__("x4") = e;
      register i64 x5 __asm__("x5") = 0;
      __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
      return x0;
    }
    static void set_thread_pointer(u64 place) { __asm__ volatile("msr tpidr_el0, %0" ::"r"(place)); }
    // Two words stand between the thread pointer and shared memory, and alignment may widen them.
    INLINE u64 thread_pointer(u64 base, u64) { return base - 64; }
    enum { PROGRAM_COUNTER = 440 };
    __asm__(R"(
    .text
    .globl _start
    _start:
      mov x29, #0
      bl tessera_model_main
      brk #0
    .globl tessera_model_switch
    tessera_model_switch:
      sub sp, sp, #160
      stp x19, x20, [sp, #0]
      stp x21, x22, [sp, #16]
      stp x23, x24, [sp, #32]
      stp x25, x26, [sp, #48]
      stp x27, x28, [sp, #64]
      stp x29, x30, [sp, #80]
      stp d8, d9, [sp, #96]
      stp d10, d11, [sp, #112]
      stp d12, d13, [sp, #128]
      stp d14, d15, [sp, #144]
      mov x9, sp
      str x9, [x0]
      mov sp, x1
      ldp x19, x20, [sp, #0]
      ldp x21, x22, [sp, #16]
      ldp x23, x24, [sp, #32]
      ldp x25, x26, [sp, #48]
      ldp x27, x28, [sp, #64]
      ldp x29, x30, [sp, #80]
      ldp d8, d9, [sp, #96]
      ldp d10, d11, [sp, #112]
      ldp d12, d13, [sp, #128]
      ldp d14, d15, [sp, #144]
      add sp, sp, #160
      br x30
    tessera_model_restore:
      mov x8, #139
      svc #0
    )");
    INLINE void *fresh_stack(u8 *top, void (*begin)()) {
      u64 *words = (u64 *)((u64)top & -16) - 20;
      for (int i = 0; i < 20; i++) words[i] = 0;
      words[11] = (u64)begin;
      return words;
    }
    #endif
    // Keeps the running thread's registers on its stack, whose pointer goes to `save`, and takes up another's.
    extern "C" void tessera_model_switch(void **save, void *load);
    extern "C" void tessera_model_restore();

    [[noreturn]] static void leave(i64 status) {
      for (;;) call(EXIT, status, 0, 0, 0, 0);
    }

    enum { NONE = 0, READ = 1, WRITE = 2, SHARED = 1, PRIVATE = 2, FIXED = 16, ANONYMOUS = 32, LAZY = 0x4000 };
    // Memory at `place`, or anywhere; a status of 3 says that there was none.
    static u8 *map(u64 place, u64 bytes, i64 protection, i64 sharing = PRIVATE) {
      const i64 flags = sharing | ANONYMOUS | LAZY | (place ? FIXED : 0);
      const i64 at = call(MAP, (i64)place, (i64)bytes, protection, flags, -1);
      if (at < 0 && at > -4096) leave(3);
      return (u8 *)at;
    }
    """#

  /// The job's file of CUDA kernels.
  static let engineJob = #"""

    // The job's file, as the host writes and reads it: words of 64 bits.
    struct job_head {
      i64 buffers, launches, first_launch_word, has_checks, order, seed, seconds, workers;
      i64 matrix_length, matrix_bits, matrix_floor, shared_limit;
      i64 report_place, report_limit;
      // The answer.
      i64 finished, reports;
      // Of a session: where its mailbox stands, or 0; the memory that it shares with the host (file 3).
      i64 mailbox_place, memory_place, memory_bytes;
      i64 unused;
    };
    struct job_buffer {
      // Where its contents stand, or -1: it has none before and none are wanted after.
      i64 place, bytes, is_written;
      // Where its bytes' marks of being defined stand, or -1: all are.
      i64 defined_place;
    };
    struct job_launch {
      i64 kernel, grid, block, shared_bytes, arguments;
    };
    struct job_argument {
      i64 kind, value, offset;
    };
    enum { IS_BUFFER, IS_INTEGER, IS_FLOAT, IS_ADDRESS };
    struct job_report {
      i64 kind, launch, block, thread, other_block, other_thread, buffer, offset, bytes, line, other_line, detail;
    };
    static u8 *job;
    static job_head *head;
    static bool has_checks;
    """#
}
