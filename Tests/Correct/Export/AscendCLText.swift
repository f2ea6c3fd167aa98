/// A stand-in for AscendCL, for programs that are compiled here: what exported host programs use of it,
/// declared in our own words, and carried out on this processor's memory, with launches that the model of
/// pipes runs.
enum AscendCLText {
  /// `acl/acl.h`.
  static let declarations = #"""
    #pragma once
    #include <cstddef>
    #include <cstdint>
    extern "C" {
    typedef int aclError;
    typedef void *aclrtStream;
    static const int ACL_SUCCESS = 0;
    typedef enum aclrtMemcpyKind {
      ACL_MEMCPY_HOST_TO_HOST, ACL_MEMCPY_HOST_TO_DEVICE, ACL_MEMCPY_DEVICE_TO_HOST
    } aclrtMemcpyKind;
    typedef enum aclrtMemMallocPolicy { ACL_MEM_MALLOC_HUGE_FIRST } aclrtMemMallocPolicy;
    typedef enum aclrtMemAttr { ACL_DDR_MEM, ACL_HBM_MEM } aclrtMemAttr;
    aclError aclInit(const char *configuration);
    aclError aclFinalize();
    const char *aclGetRecentErrMsg();
    const char *aclrtGetSocName();
    aclError aclrtGetDeviceCount(uint32_t *count);
    aclError aclrtGetMemInfo(aclrtMemAttr kind, size_t *free, size_t *total);
    aclError aclrtSetDevice(int32_t device);
    aclError aclrtResetDevice(int32_t device);
    aclError aclrtCreateStream(aclrtStream *stream);
    aclError aclrtDestroyStream(aclrtStream stream);
    aclError aclrtSynchronizeStream(aclrtStream stream);
    aclError aclrtMalloc(void **memory, size_t bytes, aclrtMemMallocPolicy policy);
    aclError aclrtFree(void *memory);
    aclError aclrtMemcpy(void *to, size_t room, const void *from, size_t bytes, aclrtMemcpyKind kind);
    }
    """#

  /// `stand_in.h`: what the headers of kernels use in place of CANN's launches.
  static let launches = #"""
    #pragma once
    #include <cstring>
    #include <vector>
    #include "acl/acl.h"
    #define ACLRT_LAUNCH_KERNEL(kernel) aclrtlaunch_##kernel
    // As the engine takes them: what it is, and its bits.
    struct given {
      int64_t kind, bits;
      given(void *memory) : kind(0), bits((int64_t)memory) {}
      given(int64_t value) : kind(1), bits(value) {}
      given(float value) : kind(2), bits(0) { std::memcpy(&bits, &value, 4); }
    };
    // ENGINE is the path of the kernels' program.
    uint32_t stand_in_launch(
        const char *engine, int64_t kernel, int64_t vectors_of_cube, uint32_t blocks, aclrtStream stream,
        const std::vector<given> &arguments);
    """#

  /// The stand-in itself.
  static let standIn = #"""
    #include <algorithm>
    #include <cstdio>
    #include <cstdlib>
    #include <string>
    #include <unistd.h>
    #include "stand_in.h"

    struct area {
      uint8_t *start;
      size_t bytes;
      // Bits that hold something.
      std::vector<uint8_t> defined;
    };
    struct queued {
      std::string engine;
      int64_t kernel, blocks, vectors_of_cube;
      std::vector<given> arguments;
    };
    static std::vector<area> areas;
    static std::vector<queued> queue;
    static std::string message;
    static bool has_begun, has_device;
    static std::string chip = "a stand-in";
    static int32_t devices = 1;
    static size_t memory_bytes = 1ul << 30;
    static int a_stream;

    static aclError refuse(const std::string &text) {
      message = text;
      return 100000;
    }
    static area *area_of(const void *memory, size_t bytes) {
      for (area &at : areas)
        if ((const uint8_t *)memory >= at.start && (const uint8_t *)memory + bytes <= at.start + at.bytes) return &at;
      return nullptr;
    }

    extern "C" {
    // Before anything else: what the machine has.
    void stand_in_be(const char *name, int32_t count, size_t bytes) {
      chip = name;
      devices = count;
      memory_bytes = bytes;
    }
    aclError aclInit(const char *) {
      if (has_begun) return refuse("begun twice");
      has_begun = true;
      return ACL_SUCCESS;
    }
    aclError aclFinalize() {
      if (!areas.empty()) std::fprintf(stderr, "%zu pieces of memory are not given back\n", areas.size());
      return ACL_SUCCESS;
    }
    const char *aclGetRecentErrMsg() { return message.empty() ? nullptr : message.c_str(); }
    const char *aclrtGetSocName() { return chip.c_str(); }
    aclError aclrtGetDeviceCount(uint32_t *count) {
      *count = (uint32_t)devices;
      return ACL_SUCCESS;
    }
    static size_t free_bytes() {
      size_t bytes = memory_bytes;
      for (const area &at : areas) bytes -= at.bytes;
      return bytes;
    }
    aclError aclrtGetMemInfo(aclrtMemAttr, size_t *free, size_t *total) {
      *free = free_bytes();
      *total = memory_bytes;
      return ACL_SUCCESS;
    }
    aclError aclrtSetDevice(int32_t device) {
      if (!has_begun || device < 0 || device >= devices) return refuse("no device " + std::to_string(device));
      has_device = true;
      return ACL_SUCCESS;
    }
    aclError aclrtResetDevice(int32_t) { return ACL_SUCCESS; }
    aclError aclrtCreateStream(aclrtStream *stream) {
      if (!has_device) return refuse("no device is set");
      *stream = &a_stream;
      return ACL_SUCCESS;
    }
    aclError aclrtDestroyStream(aclrtStream) { return ACL_SUCCESS; }
    aclError aclrtMalloc(void **memory, size_t bytes, aclrtMemMallocPolicy) {
      if (!has_device || !bytes) return refuse("no memory of 0 bytes");
      if (bytes > free_bytes()) return 207001;
      area fresh{(uint8_t *)std::aligned_alloc(512, (bytes + 511) / 512 * 512), bytes, std::vector<uint8_t>(bytes, 0)};
      std::memset(fresh.start, 0x5a, bytes);
      *memory = fresh.start;
      areas.push_back(fresh);
      return ACL_SUCCESS;
    }
    aclError aclrtFree(void *memory) {
      for (size_t i = 0; i < areas.size(); i++)
        if (areas[i].start == memory) {
          std::free(memory);
          areas.erase(areas.begin() + (long)i);
          return ACL_SUCCESS;
        }
      return refuse("memory of nobody is given back");
    }
    aclError aclrtMemcpy(void *to, size_t room, const void *from, size_t bytes, aclrtMemcpyKind kind) {
      const bool is_in = kind == ACL_MEMCPY_HOST_TO_DEVICE;
      area *own = area_of(is_in ? to : from, bytes);
      if (!own || room < bytes) return refuse("a copy leaves its memory");
      if (!queue.empty()) return refuse("a copy while kernels are under way");
      uint8_t *defined = own->defined.data() + ((is_in ? (uint8_t *)to : (const uint8_t *)from) - own->start);
      if (is_in) std::memset(defined, 255, bytes);
      else
        for (size_t i = 0; i < bytes; i++)
          if (!defined[i]) return refuse("a copy of what holds nothing");
      std::memcpy(to, from, bytes);
      return ACL_SUCCESS;
    }
    // A few launches of one engine, one after the other: it has room for so many buffers.
    enum { MOST_LAUNCHES = 8 };
    static aclError carry_out(const std::string &engine, const std::vector<queued> &queue) {
      // The engine's file: a head of 12 words, the buffers that kernels are given, launches, room for reports, contents.
      enum { HEAD = 12, REPORT = 10, REPORTS = 64 };
      std::vector<area *> given_areas;
      std::vector<int64_t> launches;
      for (const queued &launch : queue) {
        const int64_t count = (int64_t)launch.arguments.size();
        launches.insert(launches.end(), {launch.kernel, launch.blocks, count, launch.vectors_of_cube});
        for (const given &argument : launch.arguments) {
          int64_t value = argument.bits, offset = 0;
          if (argument.kind == 0) {
            area *own = area_of((void *)argument.bits, 0);
            if (!own) return refuse("a kernel is given memory of nobody");
            value = std::find(given_areas.begin(), given_areas.end(), own) - given_areas.begin();
            if (value == (int64_t)given_areas.size()) given_areas.push_back(own);
            offset = (uint8_t *)argument.bits - own->start;
          }
          launches.insert(launches.end(), {argument.kind, value, offset});
        }
      }
      std::vector<int64_t> words(HEAD + 4 * given_areas.size());
      const int64_t first_launch = (int64_t)words.size();
      words.insert(words.end(), launches.begin(), launches.end());
      const int64_t reports = 8 * (int64_t)words.size();
      int64_t end = reports + 8 * REPORT * REPORTS;
      for (size_t i = 0; i < given_areas.size(); i++) {
        const int64_t bytes = (int64_t)given_areas[i]->bytes;
        const int64_t place = (end + 63) / 64 * 64, marks = (place + bytes + 63) / 64 * 64;
        const int64_t own[] = {place, bytes, 1, marks};
        std::memcpy(&words[HEAD + 4 * i], own, sizeof(own));
        end = marks + bytes;
      }
      const int64_t head[HEAD] = {
          (int64_t)given_areas.size(), (int64_t)queue.size(), first_launch, 0, 0, 192 << 10, 300, reports, REPORTS,
          0, 0, 0};
      std::memcpy(words.data(), head, sizeof(head));
      std::vector<uint8_t> file((size_t)end);
      std::memcpy(file.data(), words.data(), 8 * words.size());
      for (size_t i = 0; i < given_areas.size(); i++) {
        const area &own = *given_areas[i];
        std::memcpy(&file[(size_t)words[HEAD + 4 * i]], own.start, own.bytes);
        std::memcpy(&file[(size_t)words[HEAD + 4 * i + 3]], own.defined.data(), own.bytes);
      }
      const std::string path = engine + "." + std::to_string((size_t)&a_stream) + ".job";
      FILE *out = std::fopen(path.c_str(), "wb");
      if (!out || std::fwrite(file.data(), 1, file.size(), out) != file.size()) return refuse("no file for " + path);
      std::fclose(out);
      // While another thread's child has not begun its program yet, it holds open what was written last, and 126 is the
      // shell's word for a program that is being written.
      int status = 126 << 8;
      for (int tries = 0; status == 126 << 8 && tries < 100; tries++) {
        if (tries) usleep(20000);
        status = std::system(("'" + engine + "' <> '" + path + "'").c_str());
      }
      FILE *in = std::fopen(path.c_str(), "rb");
      const bool is_read = in && std::fread(file.data(), 1, file.size(), in) == file.size();
      if (in) std::fclose(in);
      std::remove(path.c_str());
      if (status || !is_read) return refuse("the engine ended with " + std::to_string(status));
      std::memcpy(words.data(), file.data(), 8 * words.size());
      for (size_t i = 0; i < given_areas.size(); i++) {
        area &own = *given_areas[i];
        std::memcpy(own.start, &file[(size_t)words[HEAD + 4 * i]], own.bytes);
        std::memcpy(own.defined.data(), &file[(size_t)words[HEAD + 4 * i + 3]], own.bytes);
      }
      if (words[10] || words[9] != (int64_t)queue.size()) {
        int64_t first[REPORT];
        std::memcpy(first, &file[(size_t)reports], sizeof(first));
        return refuse("report of kind " + std::to_string(first[0]) + " at line " + std::to_string(first[4]));
      }
      return ACL_SUCCESS;
    }
    aclError aclrtSynchronizeStream(aclrtStream stream) {
      if (stream != &a_stream) return refuse("no such stream");
      while (!queue.empty()) {
        size_t count = 0;
        while (count < queue.size() && count < MOST_LAUNCHES && queue[count].engine == queue[0].engine) count++;
        const std::vector<queued> first(queue.begin(), queue.begin() + (long)count);
        queue.erase(queue.begin(), queue.begin() + (long)count);
        const aclError code = carry_out(first[0].engine, first);
        if (code) return code;
      }
      return ACL_SUCCESS;
    }
    }
    uint32_t stand_in_launch(
        const char *engine, int64_t kernel, int64_t vectors_of_cube, uint32_t blocks, aclrtStream stream,
        const std::vector<given> &arguments) {
      if (stream != &a_stream || !blocks) return 1;
      queue.push_back({engine, kernel, blocks, vectors_of_cube, arguments});
      return 0;
    }
    """#
}
