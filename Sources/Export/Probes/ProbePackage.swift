import MachineIR
import Proofs
import Runtime

extension AscendPackage {
  /// Probes as a package: kernels, a host program that writes the chip's answers to a file, and what the
  /// device model answers.
  ///
  /// Throws what the device model and its compiler say.
  public static func probes(
    for machine: MachineDescription = .ascend910b, cache: KernelCache = .standard
  ) throws
    -> AscendPackage
  {
    let expected = try ProbeAnswers.modelled(cache: cache)
    let given = Probe.all.map { File("data/\($0.name).bin", $0.given) }
    return AscendPackage(
      [
        File("README.md", probeDescription(machine)),
        File("CMakeLists.txt", buildFile(kernels: ["kernels.cpp", "measurements.cpp"])),
        File("device.h", deviceHeader), File("main.cpp", probeProgram),
        File("kernels.cpp", ProbeAnswers.supposedSource),
        File("measurements.cpp", ProbeAnswers.measuredSource), File("expected.json", expected.json),
      ] + given)
  }

  private static var probeProgram: String {
    let includes = Probe.all.map { "#include \"aclrtlaunch_\($0.kernel).h\"" }
    let questions = Probe.all.map { probe in
      """
          // \(probe.question)
          ask("\(probe.name)", \(probe.given.count), \(probe.count), [&](void *given, void *found) {
            return ACLRT_LAUNCH_KERNEL(\(probe.kernel))(1, device.stream, given, found);
          });
      """
    }
    return """
      // Asks the chip and writes its answers to answers.json, for `tessera probes`.
      \(includes.joined(separator: "\n"))
      #include "device.h"

      int main(int count, char **words) {
        return run_on_device(count, words, "probes", [](Device &device) {
          std::string answers;
          auto ask = [&](const std::string &name, size_t given_bytes, size_t found_words, auto launch) {
            void *given = device.contents(("data/" + name + ".bin").c_str(), given_bytes);
            void *found = device.filled(std::vector<uint8_t>(4 * found_words, \(Probe.untouched)));
            device.launched(name.c_str(), launch(given, found));
            device.wait();
            const std::vector<uint8_t> bytes = device.bytes_of(found, 4 * found_words);
            answers += (answers.empty() ? "    \\"" : ",\\n    \\"") + name + "\\": \\"";
            for (size_t i = 0; i < found_words; i++) {
              char word[16];
              const uint8_t *own = &bytes[4 * i];
              std::snprintf(
                  word, sizeof(word), "%s%02x%02x%02x%02x", i ? " " : "", own[3], own[2], own[1], own[0]);
              answers += word;
            }
            answers += "\\"";
            std::printf("asked: %s\\n", name.c_str());
          };
      \(questions.joined(separator: "\n"))
          const char *chip = aclrtGetSocName();
          std::ofstream file("answers.json");
          file << "{\\n  \\"format\\": \\"\(ProbeAnswers.format)\\",\\n  \\"chip\\": \\""
               << (chip ? chip : "without a name") << "\\",\\n  \\"answers\\": {\\n" << answers << "\\n  }\\n}\\n";
          file.close();
          if (!file) throw Failure("answers.json cannot be written in this folder");
          std::printf("wrote answers.json\\n");
          return 0;
        });
      }

      """
  }

  private static func probeDescription(_ machine: MachineDescription) -> String {
    let supposed = Probe.supposed.map { probe in
      let assumptions = probe.assumptions.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      return "| `\(probe.name)` | \(probe.question) | \(assumptions) |"
    }
    let measured = Probe.measured.map { "| `\($0.name)` | \($0.question) |" }
    return """
      # Probes for \(machine.name)

      What Tessera supposes of an Ascend chip, as kernels that ask it. Written by
      `tessera export --probes --target \(machine.name) --out FOLDER`.

      It takes a machine with such a chip, its driver, CANN 8 or newer with the compiler of Ascend C, CMake 3.16 and
      a C++17 compiler.

      ```
      sha256sum --check --quiet SHA256SUMS
      source /usr/local/Ascend/ascend-toolkit/set_env.sh
      cmake -B build -DSOC_VERSION=Ascend910B1   # the chip as `npu-smi info` names it
      cmake --build build
      build/check                                # device 0, in this folder; writes answers.json
      tessera probes answers.json                # there or elsewhere
      ```

      Status 2 says that AscendCL refused something or a file is missing; no answers are then written.
      `expected.json` has the answers of a chip that is as supposed.

      | probe | question | what it bears on |
      |---|---|---|
      \(supposed.joined(separator: "\n"))

      `kernels.cpp` has these. Those of `measurements.cpp` ask for what nothing leans on:

      | probe | question |
      |---|---|
      \(measured.joined(separator: "\n"))

      No single run can confirm \(Probe.unanswered.map { "`\($0.rawValue)`" }.joined(separator: ", ")).

      """
  }
}
