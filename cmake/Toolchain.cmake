# Language level, warnings, hardening, sanitizers: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(KINTSUGI_WERROR "Treat warnings as errors" ON)
option(KINTSUGI_FUZZ "Build the fuzz targets (clang only)" OFF)
set(KINTSUGI_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # ccache makes paths relative by itself; with the option below, a build in another folder would find nothing in it.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
else()
  add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
endif()

add_compile_options(
  -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror=format-security -fstack-protector-strong -fno-delete-null-pointer-checks
  -fno-strict-overflow -fno-strict-aliasing -fPIE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ collects its garbage so often by default that it takes a tenth of the time of a file; the memory is there.
  add_compile_options(-Wtrampolines -Wbidi-chars=any
                      "SHELL:--param ggc-min-expand=1000" "SHELL:--param ggc-min-heapsize=1048576")
endif()
if(KINTSUGI_WERROR)
  add_compile_options(-Werror)
endif()

add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    add_compile_options(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
    add_compile_options(-mbranch-protection=standard)
  endif()
  add_link_options(-pie -Wl,-z,nodlopen -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
                   -Wl,--no-copy-dt-needed-entries)
else()
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # g++ 12's own std::stable_sort calls what it declares deprecated.
  add_compile_options(-Wno-deprecated-declarations)
endif()

if(KINTSUGI_SANITIZE)
  add_compile_options(-fsanitize=${KINTSUGI_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KINTSUGI_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees it in std::regex once that is instrumented, and does not know Asio's fences under tsan.
    add_compile_options(-Wno-maybe-uninitialized -Wno-tsan)
  endif()
  if(NOT KINTSUGI_SANITIZE STREQUAL "thread")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
endif()
if(KINTSUGI_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM AND NOT KINTSUGI_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()
