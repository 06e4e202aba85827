# One target per folder or named layer. A target sees only the headers of the folders it links:
# each folder is reached through a directory of its own that holds nothing but a link to it.

# kintsugi_library(NAME FOLDER folder SOURCES … [USES …] [LIBRARIES …] [PRIVATE_LIBRARIES …]
#   [FOR_TESTS | QUICK_TO_COMPILE])
#   FOLDER             the folder below the root whose headers this target owns, e.g. k8s-client/core
#   USES               other kintsugi targets, without the prefix
#   LIBRARIES          third-party targets that appear in public headers
#   PRIVATE_LIBRARIES  third-party targets that appear in .cc files only
#   FOR_TESTS          compiled as tests are
#   QUICK_TO_COMPILE   with less optimisation: nobody waits for it to run, or it waits for others most of the time
function(kintsugi_library name)
  cmake_parse_arguments(ARG "FOR_TESTS;QUICK_TO_COMPILE" "FOLDER" "SOURCES;USES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(target kintsugi_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  cmake_path(GET ARG_FOLDER PARENT_PATH parent)
  file(MAKE_DIRECTORY ${root}/${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ARG_FOLDER} ${root}/${ARG_FOLDER} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
  list(TRANSFORM ARG_USES PREPEND kintsugi_)
  target_link_libraries(${target} PUBLIC ${ARG_USES} ${ARG_LIBRARIES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  if(ARG_QUICK_TO_COMPILE)
    target_compile_options(${target} PRIVATE -Og)
  endif()
  if(ARG_FOR_TESTS)
    kintsugi_compile_as_test(${target})
  else()
    kintsugi_use_precompiled(${target})
  endif()
endfunction()

# kintsugi_program(NAME SOURCES … [USES …] [LIBRARIES …]): an executable in bin/, which tests/ checks for hardening.
function(kintsugi_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND kintsugi_)
  target_link_libraries(${name} PRIVATE ${ARG_USES} ${ARG_LIBRARIES})
  kintsugi_use_precompiled(${name})
  target_compile_options(${name} PRIVATE -O1)  # what is here reads a command line, by CLI11: seconds to compile
  set_property(GLOBAL APPEND PROPERTY KINTSUGI_PROGRAMS ${name})
endfunction()

# Tests are compiled more often than they run long: without optimisation they take half the time to compile.
# Release tests have no lines for a debugger: the sanitizers' presets have.
set(kintsugi_test_options -O0 -U_FORTIFY_SOURCE $<$<CONFIG:Release>:-g0>)
function(kintsugi_compile_as_test target)
  target_compile_options(${target} PRIVATE ${kintsugi_test_options})
  kintsugi_use_precompiled(${target} _for_tests)
endfunction()

# kintsugi_test_program(TARGET SOURCES … [USES …] [LIBRARIES …]): a Catch2 binary in tests/, without a ctest entry.
function(kintsugi_test_program target)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  kintsugi_compile_as_test(${target})
  list(TRANSFORM ARG_USES PREPEND kintsugi_)
  target_link_libraries(${target} PRIVATE kintsugi_catch_main ${ARG_USES} ${ARG_LIBRARIES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

# kintsugi_test(NAME SOURCES … [USES …] [LIBRARIES …]): one Catch2 binary per folder, one ctest entry.
function(kintsugi_test name)
  kintsugi_test_program(${name}_test ${ARGN})
  add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()

# kintsugi_fuzz(NAME SOURCE file USES …): a libFuzzer target, built by the preset `fuzz` only, which builds nothing else.
# Its seeds are in tests/fuzz/corpus/NAME.
if(KINTSUGI_FUZZ)
  add_custom_target(fuzz_targets)
endif()
function(kintsugi_fuzz name)
  if(NOT KINTSUGI_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "SOURCE" "USES" ${ARGN})
  add_executable(${name}_fuzz ${ARG_SOURCE})
  list(TRANSFORM ARG_USES PREPEND kintsugi_)
  target_link_libraries(${name}_fuzz PRIVATE ${ARG_USES})
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name}_fuzz PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  add_dependencies(fuzz_targets ${name}_fuzz)
endfunction()
