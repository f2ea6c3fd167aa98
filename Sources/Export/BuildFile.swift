extension AscendPackage {
  /// `CMakeLists.txt`: the kernels by CANN's functions for Ascend C, and the host program.
  static func buildFile(kernels: [String]) -> String {
    """
    cmake_minimum_required(VERSION 3.16)
    project(check LANGUAGES C CXX)

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
    ascendc_library(kernels SHARED \(kernels.joined(separator: " ")))

    add_executable(check main.cpp)
    target_compile_features(check PRIVATE cxx_std_17)
    target_include_directories(check PRIVATE "${ASCEND_CANN_PACKAGE_PATH}/include")
    target_link_directories(check PRIVATE "${ASCEND_CANN_PACKAGE_PATH}/lib64")
    target_link_libraries(check PRIVATE kernels ascendcl)

    """
  }
}
