// SPDX-License-Identifier: Apache-2.0
#include "base/regular_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/testing/scratch_directory.h"

using namespace kintsugi;

namespace {

void make_socket(const std::string& path) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

}  // namespace

TEST_CASE("a regular file is read whole, also through a link that changes meanwhile") {
  const ScratchDirectory folder;
  const std::string content(600'000, 'x');
  REQUIRE(write_file_durably(folder / "file", content));
  std::filesystem::create_symlink(folder / "file", folder / "link");
  const auto file = RegularFile::open(folder / "link");
  REQUIRE(file);
  CHECK(file->size() == content.size());
  std::filesystem::remove(folder / "link");
  CHECK(file->read_all(600'000).value() == content);
  CHECK(file->read_all(600'000).value() == content);
  CHECK(file->read_all(599'999).error().code == ErrorCode::kTooLarge);
  const auto stopped = file->read([](std::string_view) { return fail(ErrorCode::kCancelled, "enough"); });
  CHECK(stopped.error().code == ErrorCode::kCancelled);
}

TEST_CASE("what is no regular file is refused and not waited for") {
  const ScratchDirectory folder;
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  make_socket(folder / "socket");
  std::filesystem::create_symlink("/dev/zero", folder / "zero");
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  for (const char* name : {"fifo", "socket", "zero", "."}) {
    INFO(name);
    const auto file = RegularFile::open(folder / name);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == ErrorCode::kInvalidInput);
  }
  CHECK_FALSE(RegularFile::open(folder / "loop"));
  CHECK(RegularFile::open(folder / "none").error().code == ErrorCode::kNotFound);
  CHECK(RegularFile::open(folder / "none/below").error().code == ErrorCode::kNotFound);
}
