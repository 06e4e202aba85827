# What nearly every file includes is parsed once: a fifth of the time of a whole build. Each file still includes what
# it uses; the presets `lint` and `fuzz` compile without these.
#
# nlohmann/json.hpp is large. So there are two sets, with it and without it, each for what is shipped and for tests.
set(kintsugi_common_headers
  <algorithm> <array> <atomic> <chrono> <condition_variable> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <stop_token> <string> <string_view> <thread> <utility> <vector> <fmt/format.h>)
add_compile_definitions(FMT_SHARED)  # by all or by none: precompiled headers have to see the same

file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")

function(kintsugi_precompile name)
  add_library(kintsugi_precompiled${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_precompile_headers(kintsugi_precompiled${name} PRIVATE ${kintsugi_common_headers} ${ARGN})
endfunction()

kintsugi_precompile("")
kintsugi_precompile(_with_json ${CMAKE_CURRENT_LIST_DIR}/json_to_precompile.h)
kintsugi_precompile(_for_tests <catch2/catch.hpp>)
kintsugi_precompile(_for_tests_with_json ${CMAKE_CURRENT_LIST_DIR}/json_to_precompile.h <catch2/catch.hpp>)
foreach(name _for_tests _for_tests_with_json)
  target_compile_options(kintsugi_precompiled${name} PRIVATE ${kintsugi_test_options})
endforeach()

# kintsugi_use_precompiled(TARGET [_for_tests]): for each source the set that suits it.
function(kintsugi_use_precompiled target)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    set(name kintsugi_precompiled${ARGN})
    file(STRINGS ${source} with_json REGEX "^#include <nlohmann/json.hpp>")
    if(with_json)
      string(APPEND name _with_json)
    endif()
    # CMake's own REUSE_FROM is for all of a target.
    set(header ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx)
    set_source_files_properties(${source} PROPERTIES
      COMPILE_OPTIONS "-Winvalid-pch;-include;${header}" OBJECT_DEPENDS ${header}.gch)
  endforeach()
endfunction()
