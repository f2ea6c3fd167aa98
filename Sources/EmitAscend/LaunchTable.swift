import CFamily
import MachineIR

/// What a host program launches kernels by.
extension EmitAscend {
  /// `kernels.h`: every kernel by its name, with a list of arguments in the order of its parameters. `texts` are those
  /// that `source` prints, with the suffixes of their functions.
  public static func launchTable(of texts: [(kernels: [PipeKernel], suffix: String)]) -> String {
    let all = texts.flatMap { text in text.kernels.map { (symbol(of: $0.source) + text.suffix, $0) } }
    let rows = all.map { name, kernel -> String in
      var given: [String] = []
      func add(_ count: Int, _ member: String) {
        for _ in 0..<count { given.append("a[\(given.count)].\(member)") }
      }
      add(kernel.source.buffers.count, "memory")
      add(kernel.source.scalars.count, "integer")
      add(kernel.source.floats.count, "real")
      add(1, "integer")  // The number of cells.
      return """
          {"\(name)",
           {\(given.count), [](uint32_t blocks, aclrtStream stream, const Argument *a) -> uint32_t {
              return ACLRT_LAUNCH_KERNEL(\(name))(blocks, stream, \(given.joined(separator: ", ")));
            }}},
        """
    }
    return """
      // Every kernel by its name: how many arguments it takes, and its launch.
      #pragma once

      #include <cstddef>
      #include <cstdint>
      #include <map>
      #include <string>

      #include "acl/acl.h"
      \(all.map { "#include \"aclrtlaunch_\($0.0).h\"" }.joined(separator: "\n"))

      struct Argument {
        void *memory;
        int64_t integer;
        float real;
      };
      struct Kernel {
        size_t count;
        uint32_t (*launch)(uint32_t blocks, aclrtStream stream, const Argument *arguments);
      };
      static const std::map<std::string, Kernel> kernels = {
      \(rows.joined(separator: "\n"))
      };

      """
  }

  /// `CMakeLists.txt` of a project whose `kernels`, files of Ascend C, are compiled by CANN's functions into one library
  /// of that name; `target` are the lines of what is linked with it.
  public static func buildFile(project: String, kernels: [String], isShared: Bool, target: String) -> String {
    """
    cmake_minimum_required(VERSION 3.16)
    project(\(project) LANGUAGES C CXX)

    # CANN's functions read these three.
    set(ASCEND_CANN_PACKAGE_PATH "$ENV{ASCEND_HOME_PATH}" CACHE PATH "where CANN is installed")
    set(SOC_VERSION "Ascend910B1" CACHE STRING "the chip: Ascend and the name that npu-smi info prints")
    set(RUN_MODE "npu" CACHE STRING "where kernels run")
    if(NOT CMAKE_BUILD_TYPE)
      set(CMAKE_BUILD_TYPE Release)
    endif()

    find_path(ASCENDC_FUNCTIONS ascendc.cmake
      PATHS
        "${ASCEND_CANN_PACKAGE_PATH}/tools/tikcpp/ascendc_kernel_cmake"
        "${ASCEND_CANN_PACKAGE_PATH}/compiler/tikcpp/ascendc_kernel_cmake"
        "${ASCEND_CANN_PACKAGE_PATH}/ascendc_devkit/tikcpp/samples/cmake"
      NO_DEFAULT_PATH)
    if(NOT ASCENDC_FUNCTIONS)
      message(FATAL_ERROR "no ascendc.cmake below \\"${ASCEND_CANN_PACKAGE_PATH}\\": source CANN's set_env.sh, "
        "or give -DASCEND_CANN_PACKAGE_PATH=folder")
    endif()
    include("${ASCENDC_FUNCTIONS}/ascendc.cmake")

    # Makes a header aclrtlaunch_NAME.h for each kernel.
    ascendc_library(kernels \(isShared ? "SHARED" : "STATIC") \(kernels.joined(separator: " ")))

    \(target)
    target_compile_features(\(project) PRIVATE cxx_std_17)
    target_include_directories(\(project) PRIVATE "${ASCEND_CANN_PACKAGE_PATH}/include")
    target_link_directories(\(project) PRIVATE "${ASCEND_CANN_PACKAGE_PATH}/lib64")
    target_link_libraries(\(project) PRIVATE kernels ascendcl)

    """
  }
}
