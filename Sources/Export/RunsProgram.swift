extension AscendPackage {
  /// `main.cpp` of a model's package, the same in every one: it carries out `runs.txt`.
  static let runsProgram = #"""
    // Carries out runs.txt, a statement a line, and compares what every launch writes with the expected bits. The same in
    // every package of a model.
    //
    //   memory BYTES [FILE]                   the next piece of memory, of zeros or with a file's contents
    //   run NAME [FILE]                       a run begins, with the file of its inputs and expected bits
    //   write PLACE BYTES OFFSET              an input, from the run's file
    //   launch SCOPE OPERATOR                 an operator at work
    //   message TEXT                          of a check of it, by their codes from 1 on
    //   output|state NAME PLACE BITS SHAPE BYTES OFFSET   what it writes, and the expected bits in the run's file
    //   kernel NAME BLOCKS ARGUMENT...        PLACE, *BYTES of the kernel alone, ! for codes of checks, iINTEGER, fBITS
    //   compare                               of what the launch has written
    //
    // A PLACE is @PIECE+BYTES.
    #include "device.h"
    #include "kernels.h"

    #include <algorithm>
    #include <sstream>

    struct Result {
      std::string name;
      void *memory;
      unsigned bits;
      std::vector<size_t> shape;
      std::vector<uint8_t> expected;
    };

    class Runs {
     public:
      explicit Runs(Device &device) : device(device), lines(device.path("runs.txt")) {
        if (!lines) throw Failure(device.path("runs.txt") + " cannot be opened; run in the package's folder or name it");
        checks = device.memory(checks_bytes);
      }

      int carry_out() {
        std::string line;
        while (std::getline(lines, line)) {
          number++;
          words = std::istringstream(line);
          statement(word("a statement"));
        }
        close();
        return device.conclusion();
      }

     private:
      struct Piece {
        uint8_t *start;
        size_t bytes;
      };
      Device &device;
      std::ifstream lines;
      size_t number = 0;
      std::istringstream words;
      std::vector<Piece> pieces, scratch;
      void *checks = nullptr;
      std::string run, file, launch;
      std::vector<std::string> messages;
      std::vector<Result> results;
      size_t launches = 0, compared = 0, differing = 0;

      [[noreturn]] void refuse(const std::string &what) {
        throw Failure("runs.txt, line " + std::to_string(number) + ": " + what);
      }
      std::string word(const std::string &what) {
        std::string next;
        if (!(words >> next)) refuse(what + " expected, the line ends");
        return next;
      }
      int64_t integer(const std::string &text, size_t start = 0, int base = 10) {
        const char *first = text.c_str() + std::min(start, text.size());
        char *end = nullptr;
        const long long value = std::strtoll(first, &end, base);
        if (end == first || *end) refuse("a number expected, " + text + " found");
        return (int64_t)value;
      }
      size_t size(const std::string &what) {
        const int64_t value = integer(word(what));
        if (value < 0) refuse(what + " expected, a negative number found");
        return (size_t)value;
      }
      void *place(const std::string &text, size_t bytes) {
        const size_t plus = text.find('+');
        if (text.empty() || text[0] != '@' || plus == std::string::npos) refuse("a place expected, " + text + " found");
        const int64_t piece = integer(text.substr(1, plus - 1)), offset = integer(text, plus + 1);
        if (piece < 0 || (size_t)piece >= pieces.size() || offset < 0 ||
            (size_t)offset + bytes > pieces[(size_t)piece].bytes)
          refuse(text + " and " + std::to_string(bytes) + " bytes are no part of a piece of memory");
        return pieces[(size_t)piece].start + offset;
      }
      static std::string count(size_t number, const char *one, const char *many) {
        return std::to_string(number) + " " + (number == 1 ? one : many);
      }
      std::string rest() {
        std::string text;
        std::getline(words >> std::ws, text);
        return text;
      }

      void statement(const std::string &kind) {
        if (kind == "memory") {
          const size_t bytes = size("bytes");
          const std::string file = rest();
          void *fresh = file.empty() ? device.zeros(bytes) : device.contents(file.c_str(), bytes);
          pieces.push_back({(uint8_t *)fresh, bytes});
        } else if (kind == "run") {
          close();
          run = word("a name");
          file = rest();
        } else if (kind == "write") {
          const std::string where = word("a place");
          const size_t bytes = size("bytes"), offset = size("an offset");
          device.write(place(where, bytes), device.part(file, offset, bytes));
        } else if (kind == "launch") {
          launch = rest();
          launches++;
        } else if (kind == "message") {
          messages.push_back(rest());
        } else if (kind == "output" || kind == "state") {
          begin_result(kind == "output");
        } else if (kind == "kernel") {
          start();
        } else if (kind == "compare") {
          compare();
        } else {
          refuse("no statement is called " + kind);
        }
      }

      size_t extent_of(const std::string &text) {
        const int64_t extent = integer(text);
        if (extent < 1 || extent > INT32_MAX) refuse("an extent expected, " + text + " found");
        return (size_t)extent;
      }

      // What every bit of is another than the expected one, so that an element which no kernel writes is seen; what a
      // state holds already stays.
      void begin_result(bool is_output) {
        Result result;
        result.name = word("a name");
        const std::string where = word("a place");
        result.bits = (unsigned)size("bits");
        std::istringstream extents(word("a shape"));
        for (std::string extent; std::getline(extents, extent, 'x');) result.shape.push_back(extent_of(extent));
        const size_t bytes = size("bytes"), offset = size("an offset");
        if (!device.holds(result.shape, result.bits, bytes)) refuse("a tensor of another size than " + std::to_string(bytes) + " bytes");
        result.memory = place(where, bytes);
        result.expected = device.part(file, offset, bytes);
        if (is_output) device.write(result.memory, complement(result.expected));
        results.push_back(result);
      }

      void start() {
        const std::string name = word("a kernel");
        const auto found = kernels.find(name);
        if (found == kernels.end()) refuse("no kernel is called " + name);
        const uint32_t blocks = (uint32_t)size("blocks");
        std::vector<Argument> given;
        size_t used = 0;
        bool is_checked = false;
        for (std::string text; words >> text;) {
          Argument argument{};
          if (text[0] == '@') argument.memory = place(text, 0);
          else if (text[0] == '*') argument.memory = alone(used++, (size_t)integer(text, 1));
          else if (text == "!") {
            is_checked = true;
            argument.memory = checks;
            device.write(checks, std::vector<uint8_t>(checks_bytes, 0));
          } else if (text[0] == 'i') argument.integer = integer(text, 1);
          else if (text[0] == 'f') argument.real = float_of((uint32_t)integer(text, 1, 16));
          else refuse("an argument expected, " + text + " found");
          given.push_back(argument);
        }
        if (given.size() != found->second.count)
          refuse(name + " takes " + std::to_string(found->second.count) + " arguments, " + std::to_string(given.size()) + " found");
        device.launched(name.c_str(), found->second.launch(blocks, device.stream, given.data()));
        device.wait();
        if (is_checked && device.has_failed_check(checks, checks_bytes, messages, run + ", " + launch)) differing++;
      }
      void *alone(size_t which, size_t bytes) {
        if (which == scratch.size()) scratch.push_back({nullptr, 0});
        Piece &piece = scratch[which];
        if (!piece.start || piece.bytes < bytes) piece = {(uint8_t *)device.memory(bytes), bytes};
        return piece.start;
      }

      // A result that differs is replaced by the expected one, so that every launch is judged by itself.
      void compare() {
        for (const Result &result : results) {
          compared++;
          const std::string name = run + ", " + launch + ": " + result.name;
          if (device.agrees(name, result.memory, result.expected, result.bits, result.shape)) continue;
          differing++;
          device.write(result.memory, result.expected);
        }
        results.clear();
        messages.clear();
      }
      void close() {
        if (!run.empty())
          std::printf(
              "%s: %s, %s, %zu differ\n", run.c_str(), count(launches, "launch", "launches").c_str(),
              count(compared, "result", "results").c_str(), differing);
        launches = compared = differing = 0;
      }
    };

    int main(int count, char **words) {
      return run_on_device(count, words, title, [](Device &device) { return Runs(device).carry_out(); });
    }

    """#
}
