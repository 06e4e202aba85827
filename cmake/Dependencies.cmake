# Third-party libraries, all from Debian 12 packages (installed by `./run setup`).
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)  # its pkg-config file brings -pthread, with which precompiled headers are not used
find_package(nlohmann_json 3.11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(simdjson 3 REQUIRED)
find_package(CLI11 2 REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(SQLite3 3.40 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(pugixml 1.13 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBVIRT REQUIRED IMPORTED_TARGET libvirt>=9.0)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive>=3.6)  # tests read with it what host/images writes

# Catch2 2.13 is one large header: its main is compiled once and shared by all test binaries.
add_library(kintsugi_catch_main STATIC ${CMAKE_SOURCE_DIR}/tests/catch_main.cc)
target_compile_options(kintsugi_catch_main PRIVATE ${kintsugi_test_options})
