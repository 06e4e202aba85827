# What nearly every file includes is parsed once: a fifth of the time of a whole build. Each file still includes what
# it uses; the presets `lint` and `fuzz` compile without these.
set(kintsugi_common_headers
  <algorithm> <array> <atomic> <chrono> <condition_variable> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <stop_token> <string> <string_view> <thread> <utility> <vector> <nlohmann/json.hpp>)

file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")

add_library(kintsugi_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_precompile_headers(kintsugi_precompiled PRIVATE ${kintsugi_common_headers})

add_library(kintsugi_precompiled_for_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_compile_options(kintsugi_precompiled_for_tests PRIVATE ${kintsugi_test_options})
target_precompile_headers(kintsugi_precompiled_for_tests PRIVATE ${kintsugi_common_headers} <catch2/catch.hpp>)
