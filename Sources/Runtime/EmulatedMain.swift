/// The program around kernels that run under an emulator. It needs no C library, so that an x86-64 host
/// without any aarch64 software builds it.
enum EmulatedMain {
  /// C text for kernels of these names, which `EmulatedJob` numbers in this order.
  static func source(kernels: [String]) -> String {
    let declarations = kernels.map { "kernel \($0);" }.joined(separator: "\n")
    return """
      \(head)
      typedef void kernel(const tessera_launch *, i64, i64, u8 *);
      \(declarations)
      static kernel *const kernels[] = {\(kernels.joined(separator: ", "))};

      \(body)
      """
  }

  private static let head = """
    // Runs the launches of a job, which standard input gives and takes: a file that is mapped and changed.
    typedef long i64;
    typedef int i32;
    typedef float f32;
    typedef unsigned char u8;
    typedef unsigned long u64;

    typedef struct {
      void *const *buffers;
      const i64 *integers;
      const f32 *floats;
      i32 *status;
    } tessera_launch;
    """

  private static let body = """
    // What clang calls by itself. They must not become calls of themselves.
    #define plain __attribute__((used, no_builtin))
    plain void *memcpy(void *to, const void *from, u64 count) {
      for (u64 i = 0; i < count; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
      return to;
    }
    plain void *memmove(void *to, const void *from, u64 count) {
      if ((u64)to - (u64)from >= count) return memcpy(to, from, count);
      for (u64 i = count; i-- > 0;) ((u8 *)to)[i] = ((const u8 *)from)[i];
      return to;
    }
    plain void *memset(void *to, int value, u64 count) {
      for (u64 i = 0; i < count; i++) ((u8 *)to)[i] = (u8)value;
      return to;
    }

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
    enum { SEEK = 62, EXIT = 93, UNMAP = 215, MAP = 222, PROTECT = 226 };
    enum { PAGE = 65536, NONE = 0, READ = 1, WRITE = 2, SHARED = 1, PRIVATE = 2, ANONYMOUS = 32 };
    static void leave(i64 status) {
      for (;;) call(EXIT, status, 0, 0, 0, 0);
    }

    // A buffer between two pages that cannot be touched, at the end of its pages or at their beginning.
    typedef struct {
      u8 *pages, *start;
      i64 bytes, mapped;
    } area;
    static area make_area(i64 bytes, i64 begins) {
      const i64 mapped = (bytes + PAGE - 1) / PAGE * PAGE;
      const i64 at = call(MAP, 0, mapped + 2 * PAGE, NONE, PRIVATE | ANONYMOUS, -1);
      if (at < 0 && at > -4096) leave(3);
      u8 *pages = (u8 *)at;
      if (mapped && call(PROTECT, at + PAGE, mapped, READ | WRITE, 0, 0) != 0) leave(3);
      memset(pages + PAGE, 0xA5, mapped);
      u8 *start = pages + PAGE + (begins ? 0 : mapped - bytes);
      return (area){pages, start, bytes, mapped};
    }
    static void free_area(area *a) { call(UNMAP, (i64)a->pages, a->mapped + 2 * PAGE, 0, 0, 0); }

    enum { IS_READ, IS_CHANGED, IS_WRITTEN };
    typedef struct {
      i64 file_offset, bytes, use, begins;
    } buffer;
    typedef struct {
      i64 kernel, cells, is_reversed, scratch_bytes, buffers, integers, floats;
    } kernel_run;

    enum { MOST_BUFFERS = 128 };
    static i32 run(u8 *job, i64 *at) {
      const i64 count = *at++;
      const i64 runs = *at++;
      area areas[MOST_BUFFERS];
      if (count > MOST_BUFFERS) leave(4);
      const buffer *buffers = (const buffer *)at;
      for (i64 b = 0; b < count; b++, at += sizeof(buffer) / 8) {
        areas[b] = make_area(buffers[b].bytes, buffers[b].begins);
        if (buffers[b].use == IS_WRITTEN) continue;
        memcpy(areas[b].start, job + buffers[b].file_offset, buffers[b].bytes);
        if (buffers[b].use == IS_READ && areas[b].mapped)
          call(PROTECT, (i64)areas[b].pages + PAGE, areas[b].mapped, READ, 0, 0);
      }
      i32 status = 0;
      for (i64 r = 0; r < runs && status == 0; r++) {
        const kernel_run *now = (const kernel_run *)at;
        at += sizeof(kernel_run) / 8;
        void *pointers[MOST_BUFFERS];
        if (now->buffers > MOST_BUFFERS) leave(4);
        for (i64 b = 0; b < now->buffers; b++) pointers[b] = areas[*at++].start;
        const i64 *integers = at;
        at += now->integers;
        const f32 *floats = (const f32 *)at;
        at += (now->floats + 1) / 2;
        area scratch = make_area(now->scratch_bytes, 0);
        const tessera_launch launch = {pointers, integers, floats, &status};
        if (now->is_reversed) {
          for (i64 cell = now->cells; cell-- > 0;) kernels[now->kernel](&launch, cell, cell + 1, scratch.start);
        } else {
          kernels[now->kernel](&launch, 0, now->cells, scratch.start);
        }
        free_area(&scratch);
      }
      for (i64 b = 0; b < count; b++) {
        if (buffers[b].use != IS_READ && buffers[b].file_offset >= 0)
          memcpy(job + buffers[b].file_offset, areas[b].start, buffers[b].bytes);
        free_area(&areas[b]);
      }
      return status;
    }

    // The job begins with its number of launches, the first to run, and how many were begun; then for
    // each launch its status and where its description stands.
    __attribute__((used)) static void run_job(void) {
      // Nearest even, subnormals kept.
      __asm__ volatile("msr fpcr, %0" : : "r"(0l));
      const i64 size = call(SEEK, 0, 0, 2, 0, 0);
      const i64 mapped = call(MAP, 0, size, READ | WRITE, SHARED, 0);
      if (size <= 0 || (mapped < 0 && mapped > -4096)) leave(2);
      i64 *words = (i64 *)mapped;
      for (i64 launch = words[1]; launch < words[0]; launch++) {
        words[2] = launch + 1;
        words[3 + 2 * launch] = run((u8 *)words, (i64 *)((u8 *)words + words[4 + 2 * launch]));
      }
      leave(0);
    }

    __attribute__((naked)) void _start(void) {
      __asm__("mov x29, xzr\\n mov x30, xzr\\n b run_job");
    }
    """
}
