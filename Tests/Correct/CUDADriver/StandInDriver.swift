import CUDADriver
import Foundation

/// A driver without a GPU: a library that exports what `CUDADriver` calls, keeps to the manual's rules and is as
/// late as they allow. Copies, fills and kernels are done when somebody waits, not before.
///
/// It has one kernel of its own, `scale`, which multiplies floats: a pointer, a count of 64 bits, a factor. Others
/// are somebody's who gave the functions `take` and `carry_out`; see `StandInKernels`.
struct StandInDriver {
  let library: CompiledLibrary

  /// What the library claims to be. A negative status of `initialised` is the version's call refusing.
  init(
    version: Int = 13000, devices: Int = 1, initialised: Int = 0, memory: Int = 1 << 20, capability: (Int, Int) = (9, 0)
  ) throws {
    let claims = """
      #define VERSION \(version)
      #define DEVICES \(devices)
      #define INITIALISED \(initialised)
      #define MEMORY \(memory)ul
      #define MAJOR \(capability.0)
      #define MINOR \(capability.1)

      """
    library = try CompiledLibrary("libstand-in.so", source: claims + Self.text)
  }

  func driver() throws -> CUDADriver { try CUDADriver(environment: ["TESSERA_CUDA": library.path]) }

  /// Why it is refused; nil where it is not.
  func refusal() -> CUDAError? { Self.refusal(of: library.path) }

  /// Why the library at `path` is refused as a driver; nil where it is not.
  static func refusal(of path: String) -> CUDAError? {
    do throws(CUDAError) {
      _ = try CUDADriver(environment: ["TESSERA_CUDA": path])
      return nil
    } catch {
      return error
    }
  }

  private static let text = #"""
    typedef unsigned long size_t;
    typedef unsigned long long address;
    void *malloc(size_t);
    void *calloc(size_t, size_t);
    void *memcpy(void *, const void *, size_t);
    void *memset(void *, int, size_t);
    int strcmp(const char *, const char *);

    enum { INVALID = 1, MEMORY_OUT = 2, NO_DEVICE = 100, BAD_IMAGE = 200, NOT_FOUND = 500, NOT_PERMITTED = 800 };

    // What is asked for: done when somebody waits.
    struct work { int kind; char *to; const char *from; size_t bytes; float factor; long token; };
    enum { COPY, FILL, SCALE, OTHER, MARK };
    static struct work queue[4096], graph[4096];
    static int queued, recorded, recording, open_contexts, open_streams, open_modules;
    static size_t used;
    static int current;

    static int ask(struct work w) {
      if (!current) return INVALID;
      if (recording) graph[recorded++] = w; else queue[queued++] = w;
      return 0;
    }
    // Takes a launch's arguments, and does it later.
    static long (*take)(const char *name, unsigned grid, unsigned block, unsigned shared, void **arguments);
    static void (*carry_out_other)(long token);
    void give_kernels(void *t, void *c) { take = t; carry_out_other = c; }
    // The largest number for memory that has been freed.
    size_t size_of(address a) { return ((size_t *)(a - 16))[0]; }
    // Gives memory that somebody else sees too.
    static void *(*shared_memory)(size_t);
    void give_memory(void *m) { shared_memory = m; }
    static int graph_launches;
    int graphs(void) { return graph_launches; }

    static void carry_out(struct work *w) {
      if (w->kind == OTHER) carry_out_other(w->token);
      if (w->kind == COPY) memcpy(w->to, w->from, w->bytes);
      if (w->kind == FILL) memset(w->to, (int)w->factor, w->bytes);
      if (w->kind == SCALE) for (size_t i = 0; i < w->bytes; i++) ((float *)w->to)[i] *= w->factor;
    }

    int cuInit(unsigned flags) { return flags ? INVALID : INITIALISED; }
    int cuDriverGetVersion(int *v) { *v = VERSION; return 0; }
    int cuGetErrorName(int e, const char **s) {
      *s = e == MEMORY_OUT ? "CUDA_ERROR_OUT_OF_MEMORY" : e == BAD_IMAGE ? "CUDA_ERROR_INVALID_IMAGE"
        : e == NOT_FOUND ? "CUDA_ERROR_NOT_FOUND" : e == NOT_PERMITTED ? "CUDA_ERROR_NOT_PERMITTED"
        : e == 999 ? "CUDA_ERROR_UNKNOWN" : 0;
      return *s ? 0 : INVALID;
    }
    int cuGetErrorString(int e, const char **s) { *s = e == 999 ? "unknown error" : 0; return *s ? 0 : INVALID; }
    int cuDeviceGetCount(int *n) { *n = DEVICES; return 0; }
    int cuDeviceGet(int *d, int n) { *d = n; return n < DEVICES ? 0 : INVALID; }
    int cuDeviceGetName(char *s, int n, int d) { memcpy(s, "Stand-in", 9); return 0; }
    int cuDeviceTotalMem_v2(size_t *n, int d) { *n = MEMORY; return 0; }
    int cuDeviceGetAttribute(int *v, int a, int d) {
      *v = a == 75 ? MAJOR : a == 76 ? MINOR : a == 16 ? 132 : a == 97 ? 227 << 10 : 1; return 0;
    }
    int cuDevicePrimaryCtxRetain(void **c, int d) { open_contexts++; *c = (void *)16; return 0; }
    int cuDevicePrimaryCtxRelease_v2(int d) { open_contexts--; return 0; }
    int cuCtxSetCurrent(void *c) { current = c == (void *)16; return current ? 0 : INVALID; }
    int cuMemGetInfo_v2(size_t *f, size_t *t) { *f = MEMORY - used; *t = MEMORY; return 0; }
    int cuMemAlloc_v2(address *a, size_t n) {
      if (!current || !n) return INVALID;
      if (used + n > MEMORY) return MEMORY_OUT;
      // A word of the size and one that says whose it is stand in front.
      char *start = shared_memory ? shared_memory(n + 256) : malloc(n + 256);
      size_t *p = (size_t *)(start + 240);
      p[0] = n; p[1] = !!shared_memory; used += n; *a = (address)(p + 2);
      memset(p + 2, 0xA5, n);
      return 0;
    }
    int cuMemAllocManaged(address *a, size_t n, unsigned flags) { return flags == 1 ? cuMemAlloc_v2(a, n) : INVALID; }
    int cuMemFree_v2(address a) {
      size_t *p = (size_t *)(a - 16);
      used -= p[0];
      // It stays there, so that whoever still uses it is seen.
      if (!p[1]) p[0] = ~0ul;
      return 0;
    }
    int cuMemcpyHtoDAsync_v2(address to, const void *from, size_t n, void *s) {
      return ask((struct work){COPY, (char *)to, from, n, 0});
    }
    int cuMemcpyDtoHAsync_v2(void *to, address from, size_t n, void *s) {
      return ask((struct work){COPY, to, (const char *)from, n, 0});
    }
    int cuMemsetD8Async(address to, unsigned char v, size_t n, void *s) {
      return ask((struct work){FILL, (char *)to, 0, n, v});
    }
    int cuModuleLoadData(void **m, const void *image) {
      // What begins with 0x7f is machine code; a number behind 0x7e stands for some, and before its kernels' names.
      if (*(const unsigned char *)image != 0x7f && *(const unsigned char *)image != 0x7e) return BAD_IMAGE;
      size_t number = 0;
      if (*(const unsigned char *)image == 0x7e)
        for (const char *d = (const char *)image + 1; *d; d++) number = 10 * number + *d - '0';
      open_modules++; *m = (void *)(32 + number); return 0;
    }
    int cuModuleUnload(void *m) { open_modules--; return 0; }
    int cuModuleGetFunction(void **f, void *m, const char *name) {
      if (!take && strcmp(name, "scale")) return NOT_FOUND;
      size_t n = 0, number = (size_t)m - 32;
      while (name[n++]);
      char *own = (char *)calloc(1, n + 32) + 8, *at = own;
      char digits[20];
      int count = 0;
      for (; number; number /= 10) digits[count++] = '0' + number % 10;
      if (count) { while (count) *at++ = digits[--count]; *at++ = '/'; }
      memcpy(at, name, n);
      *f = own; return 0;
    }
    // What a function may have lies before its name.
    int *allowed_shared(void *f) { return (int *)((char *)f - 8); }
    int cuFuncSetAttribute(void *f, int a, int v) { if (a != 8) return INVALID; *allowed_shared(f) = v; return 0; }
    int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, void *f, int threads, size_t shared) {
      *n = 2048 / threads; return 0;
    }
    int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void *s, void **a, void **extra) {
      if (gy != 1 || gz != 1 || by != 1 || bz != 1 || extra || !gx || bx > 1024) return INVALID;
      if (shared > (*allowed_shared(f) > 49152 ? *allowed_shared(f) : 49152)) return INVALID;
      if (take) return ask((struct work){.kind = OTHER, .token = take(f, gx, bx, shared, a)});
      return ask((struct work){SCALE, *(char **)a[0], 0, *(size_t *)a[1], *(float *)a[2]});
    }
    int cuStreamCreate(void **s, unsigned flags) { open_streams++; *s = (void *)64; return flags == 1 ? 0 : INVALID; }
    int cuStreamDestroy_v2(void *s) { open_streams--; return 0; }
    int cuStreamSynchronize(void *s) {
      if (recording) return NOT_PERMITTED;
      for (int i = 0; i < queued; i++) carry_out(queue + i);
      queued = 0;
      return 0;
    }
    int cuStreamBeginCapture_v2(void *s, int mode) {
      if (recording || mode != 1) return INVALID;
      recording = 1; recorded = 0; return 0;
    }
    int cuStreamEndCapture(void *s, void **g) {
      if (!recording) return INVALID;
      recording = 0; *g = (void *)80; return 0;
    }
    int cuEventCreate(void **e, unsigned flags) { *e = (void *)96; return 0; }
    int cuEventDestroy_v2(void *e) { return 0; }
    int cuEventRecord(void *e, void *s) { return ask((struct work){MARK}); }
    int cuEventSynchronize(void *e) { return cuStreamSynchronize(0); }
    int cuEventElapsedTime(float *t, void *a, void *b) { *t = 0.5f; return 0; }
    int cuGraphInstantiateWithFlags(void **i, void *g, unsigned long long f) { *i = (void *)112; return 0; }
    int cuGraphLaunch(void *i, void *s) {
      graph_launches++;
      for (int n = 0; n < recorded; n++) queue[queued++] = graph[n];
      return 0;
    }
    int cuGraphDestroy(void *g) { return 0; }
    int cuGraphExecDestroy(void *i) { return 0; }

    // What is still in use.
    int held(void) { return open_contexts + open_streams + open_modules + recording; }
    unsigned long held_bytes(void) { return used; }
    """#
}
