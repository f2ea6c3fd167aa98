extension AscendPackage {
  /// `device.h`: what every host program uses of AscendCL, files and comparisons.
  static let deviceHeader = #"""
    // Memory of an Ascend chip, raw files, and the place where bits differ first. The same in every package.
    #pragma once

    #include <cinttypes>
    #include <cstdint>
    #include <cstdio>
    #include <cstdlib>
    #include <cstring>
    #include <fstream>
    #include <stdexcept>
    #include <string>
    #include <vector>

    #include "acl/acl.h"

    // What keeps the check from a result.
    struct Failure : std::runtime_error {
      using std::runtime_error::runtime_error;
    };

    inline void require(aclError code, const std::string &what) {
      if (code == ACL_SUCCESS) return;
      const char *reason = aclGetRecentErrMsg();
      const std::string more = reason ? std::string(": ") + reason : "";
      throw Failure(what + " ended with code " + std::to_string(code) + more);
    }

    inline std::vector<uint8_t> complement(std::vector<uint8_t> bytes) {
      for (uint8_t &byte : bytes) byte = (uint8_t)~byte;
      return bytes;
    }

    inline float float_of(uint32_t bits) {
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }

    class Device {
     public:
      aclrtStream stream = nullptr;

      // Files are read from below `folder`.
      Device(int32_t number, const std::string &folder) : number(number), folder(folder) {
        require(aclInit(nullptr), "aclInit");
        require(aclrtSetDevice(number), "aclrtSetDevice(" + std::to_string(number) + ")");
        require(aclrtCreateStream(&stream), "aclrtCreateStream");
      }
      ~Device() {
        for (void *memory : all) aclrtFree(memory);
        if (stream) aclrtDestroyStream(stream);
        aclrtResetDevice(number);
        aclFinalize();
      }
      Device(const Device &) = delete;
      Device &operator=(const Device &) = delete;

      // Memory that holds nothing yet.
      void *memory(size_t bytes) {
        void *fresh = nullptr;
        require(
            aclrtMalloc(&fresh, bytes ? bytes : 32, ACL_MEM_MALLOC_HUGE_FIRST),
            "aclrtMalloc of " + std::to_string(bytes) + " bytes");
        all.push_back(fresh);
        return fresh;
      }
      void write(void *memory, const std::vector<uint8_t> &contents) {
        if (!contents.empty())
          require(
              aclrtMemcpy(memory, contents.size(), contents.data(), contents.size(), ACL_MEMCPY_HOST_TO_DEVICE),
              "aclrtMemcpy to the device");
      }
      void *filled(const std::vector<uint8_t> &contents) {
        void *fresh = memory(contents.size());
        write(fresh, contents);
        return fresh;
      }
      std::vector<uint8_t> bytes_of(const void *memory, size_t bytes) const {
        std::vector<uint8_t> contents(bytes);
        if (bytes)
          require(
              aclrtMemcpy(contents.data(), bytes, memory, bytes, ACL_MEMCPY_DEVICE_TO_HOST),
              "aclrtMemcpy from the device");
        return contents;
      }
      void *zeros(size_t bytes) {
        void *fresh = memory(bytes);
        write(fresh, std::vector<uint8_t>(bytes, 0));
        return fresh;
      }
      void *contents(const char *file, size_t bytes) { return filled(read(file, bytes)); }
      // For a result: every bit is another than the expected one, so that an element which no kernel writes
      // is seen.
      void *unlike(const char *file, size_t bytes) { return filled(complement(read(file, bytes))); }

      // The exit status: 0 where all that was compared agrees, and else 1.
      int conclusion() const {
        std::printf("%s\n", is_equal ? "all bits agree" : "bits differ");
        return is_equal ? 0 : 1;
      }

      // What a launch answered.
      void launched(const char *kernel, uint32_t code) {
        require((aclError)code, std::string("the launch of ") + kernel);
      }
      void wait() { require(aclrtSynchronizeStream(stream), "aclrtSynchronizeStream behind the kernels"); }

      // The codes that vector cores left: 1 and up is a check of the operator that failed, with its message.
      void compare_checks(const void *memory, size_t bytes, const std::vector<std::string> &messages) {
        has_failed_check(memory, bytes, messages, "");
      }
      bool has_failed_check(
          const void *memory, size_t bytes, const std::vector<std::string> &messages, const std::string &launch) {
        const std::vector<uint8_t> found = bytes_of(memory, bytes);
        for (size_t at = 0; at + 4 <= bytes; at += 4) {
          const uint64_t code = element(found, at, 0, 32);
          if (!code) continue;
          is_equal = false;
          const std::string text = code <= messages.size() ? messages[code - 1] : "none that the operator has";
          std::printf(
              "%svector core %zu: check %" PRIu64 " failed, and none is expected to: %s\n",
              launch.empty() ? "" : (launch + ": ").c_str(), at / 4, code, text.c_str());
          return true;
        }
        return false;
      }
      // A tensor against the bits in a file. Elements of 4 bits stand two to a byte, the first one low, and
      // rows begin with a byte of their own.
      void compare(
          const char *name, const void *memory, const char *file, size_t bytes, unsigned bits,
          const std::vector<size_t> &shape) {
        if (agrees(name, memory, read(file, bytes), bits, shape))
          std::printf("%s: all bits of %zu elements agree\n", name, count_of(shape));
      }
      bool agrees(
          const std::string &name, const void *memory, const std::vector<uint8_t> &expected, unsigned bits,
          const std::vector<size_t> &shape) {
        const std::vector<uint8_t> found = bytes_of(memory, expected.size());
        const size_t count = count_of(shape);
        const size_t row = shape.empty() ? 1 : shape.back(), pitch = (row * bits + 7) / 8;
        size_t differing = 0, first = 0;
        for (size_t i = 0; i < count; i++) {
          const size_t start = i / row * pitch;
          if (element(expected, start, i % row, bits) == element(found, start, i % row, bits)) continue;
          if (!differing++) first = i;
        }
        if (!differing) return true;
        is_equal = false;
        std::string place;
        size_t rest = first;
        for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
          place = std::to_string(rest % shape[axis]) + (place.empty() ? "" : ", ") + place;
        const int digits = (int)((bits + 3) / 4);
        std::printf(
            "%s: %zu of %zu elements differ, first [%s]: 0x%0*" PRIx64 " expected, 0x%0*" PRIx64 " found\n",
            name.c_str(), differing, count, place.c_str(), digits, element(expected, first / row * pitch, first % row, bits), digits,
            element(found, first / row * pitch, first % row, bits));
        return false;
      }
      // Whether a tensor has so many bytes.
      static bool holds(const std::vector<size_t> &shape, unsigned bits, size_t bytes) {
        if (bits != 4 && bits != 8 && bits != 16 && bits != 32 && bits != 64) return false;
        size_t rows = 1;
        for (size_t axis = 0; axis + 1 < shape.size(); axis++) {
          if (rows > bytes) return false;
          rows *= shape[axis];
        }
        const size_t row = shape.empty() ? 1 : shape.back();
        return rows <= bytes && rows * ((row * bits + 7) / 8) == bytes;
      }
      std::string path(const std::string &file) const { return folder + "/" + file; }
      // Bytes of a file from an offset on.
      std::vector<uint8_t> part(const std::string &file, size_t offset, size_t bytes) const {
        std::ifstream stream(path(file), std::ios::binary | std::ios::ate);
        if (!stream) throw Failure(path(file) + " cannot be opened; run in the package's folder or name that folder");
        const size_t size = (size_t)stream.tellg();
        if (offset > size || bytes > size - offset)
          throw Failure(
              path(file) + ": " + std::to_string(bytes) + " bytes expected at " + std::to_string(offset) +
              ", it has " + std::to_string(size));
        std::vector<uint8_t> contents(bytes);
        stream.seekg((std::streamoff)offset);
        if (bytes && !stream.read((char *)contents.data(), (std::streamsize)bytes))
          throw Failure(path(file) + " cannot be read");
        return contents;
      }

     private:
      const int32_t number;
      const std::string folder;
      std::vector<void *> all;
      bool is_equal = true;

      static size_t count_of(const std::vector<size_t> &shape) {
        size_t count = 1;
        for (size_t extent : shape) count *= extent;
        return count;
      }
      std::vector<uint8_t> read(const std::string &file, size_t bytes) const {
        const std::string path = this->path(file);
        std::ifstream stream(path, std::ios::binary | std::ios::ate);
        if (!stream) throw Failure(path + " cannot be opened; run in the package's folder or name that folder");
        const size_t size = (size_t)stream.tellg();
        if (size != bytes)
          throw Failure(
              path + ": " + std::to_string(bytes) + " bytes expected, " + std::to_string(size) + " found");
        std::vector<uint8_t> contents(bytes);
        stream.seekg(0);
        if (bytes && !stream.read((char *)contents.data(), (std::streamsize)bytes))
          throw Failure(path + " cannot be read");
        return contents;
      }
      static uint64_t element(const std::vector<uint8_t> &bytes, size_t row, size_t column, unsigned bits) {
        if (bits == 4) return bytes[row + column / 2] >> column % 2 * 4 & 15;
        uint64_t value = 0;
        for (unsigned i = 0; i < bits / 8; i++) value |= (uint64_t)bytes[row + column * (bits / 8) + i] << 8 * i;
        return value;
      }
    };

    // Runs `body` on the device and in the folder that the command line names. Returns the exit status: that
    // of `body`, or 2 where it could not come to its end.
    template <class Body> int run_on_device(int count, char **words, const char *title, Body body) {
      try {
        char *end = nullptr;
        const long number = count > 1 ? std::strtol(words[1], &end, 10) : 0;
        if (count > 3 || (count > 1 && (end == words[1] || *end || number < 0 || number > INT32_MAX)))
          throw Failure("usage: check [number of the device [folder of the package]]");
        Device device((int32_t)number, count > 2 ? words[2] : ".");
        const char *chip = aclrtGetSocName();
        std::printf("%s on %s, device %ld\n", title, chip ? chip : "a chip without a name", number);
        return body(device);
      } catch (const Failure &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 2;
      }
    }

    """#
}
