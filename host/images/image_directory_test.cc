// SPDX-License-Identifier: Apache-2.0
#include "host/images/image_directory.h"

#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::host;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
namespace reason = trust::reason;

const std::string kRaw(1024, 'x');
const std::string kQcow2 = read_file("trust/testdata/disk/disk.qcow2", 4u << 20).value();

/// A directory below one of our own.
class World {
 public:
  std::string path(const std::string& name = "images") const { return folder_ / name; }
  ImageDirectory& open(std::uint64_t free = std::uint64_t{1} << 40) {
    auto opened = ImageDirectory::open(path(), clock, [this, free](const std::string&) {
      ++looks;
      return Result<std::uint64_t>(free);
    });
    INFO((opened ? "" : opened.error().to_string()));
    REQUIRE(opened);
    directory_ = std::move(*opened);
    return *directory_;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path())) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  trust::Call call(std::chrono::nanoseconds patience = 30s) {
    return {clock.monotonic() + patience, stop.get_token()};
  }

  SystemClock clock;
  std::stop_source stop;
  std::atomic<int> looks = 0;

 private:
  const ScratchDirectory folder_;
  std::unique_ptr<ImageDirectory> directory_;
};

ImageDirectory::Produce content(const std::string& bytes,
                                std::optional<std::uint64_t> announced = std::nullopt) {
  return [bytes, announced](ImageSink& sink) -> Result<void> {
    if (announced) {
      if (auto expected = sink.expect(*announced); !expected) return expected;
    }
    for (std::size_t at = 0; at < bytes.size(); at += 1000) {
      if (auto written = sink.write(std::string_view(bytes).substr(at, 1000)); !written) return written;
    }
    return {};
  };
}

Result<void> not_asked(ImageSink& /*sink*/) {
  return fail(ErrorCode::kInternal, "asked again");
}

trust::Digest digest_of(const std::string& bytes) {
  return trust::Digest::of(bytes);
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("an image is kept by its digest and format, for all to read and nobody to write") {
  World world;
  ImageDirectory& directory = world.open();
  const auto& [bytes, format, size] = GENERATE(
      table<std::string, std::string, std::uint64_t>({{kQcow2, "qcow2", 1u << 20}, {kRaw, "raw", 1024}}));
  const auto stored = directory.provide(digest_of(bytes), content(bytes, bytes.size()), world.call());
  REQUIRE(stored);
  CHECK(stored->path == world.path("images/" + std::string(digest_of(bytes).hex()) + "." + format));
  CHECK(stored->path == directory.path_of(digest_of(bytes), format));
  CHECK(to_string(stored->disk.format) == format);
  CHECK(stored->disk.virtual_size == size);
  CHECK(read_file(stored->path, 4u << 20).value() == bytes);
  CHECK(mode_of(stored->path) == 0444);
  CHECK(mode_of(world.path()) == 0711);
  CHECK(directory.check(digest_of(bytes), format, {}));
}

TEST_CASE("what is there is hashed again and not brought again, also after a restart") {
  World world;
  REQUIRE(world.open().provide(digest_of(kRaw), content(kRaw), world.call()));
  CHECK(world.open().provide(digest_of(kRaw), not_asked, world.call()));
}

TEST_CASE("what has been altered is brought anew, and found by a check") {
  World world;
  ImageDirectory& directory = world.open();
  const auto stored = directory.provide(digest_of(kRaw), content(kRaw), world.call());
  REQUIRE(stored);
  std::string other = kRaw;
  SECTION("one byte") {
    other.back() = 'y';
  }
  SECTION("shortened") {
    other.resize(512);
  }
  SECTION("lengthened") {
    other += std::string(512, 'x');
  }
  fs::remove(stored->path);
  REQUIRE(write_file_durably(stored->path, other));
  const auto checked = directory.check(digest_of(kRaw), "raw", {});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().reason == reason::kDigestMismatch);
  CHECK_FALSE(directory.provide(digest_of(kRaw), not_asked, world.call()));
  REQUIRE(directory.provide(digest_of(kRaw), content(kRaw), world.call()));
  CHECK(directory.check(digest_of(kRaw), "raw", {}));
}

TEST_CASE("a check says which file it was, so that another one of the same content is known") {
  World world;
  ImageDirectory& directory = world.open();
  const auto stored = directory.provide(digest_of(kRaw), content(kRaw), world.call());
  REQUIRE(stored);
  const auto first = directory.check(digest_of(kRaw), "raw", {});
  REQUIRE(first);
  CHECK(directory.check(digest_of(kRaw), "raw", {}) == first);
  const std::string kept = stored->path + ".kept";  // so that its inode is not free
  fs::rename(stored->path, kept);
  fs::copy_file(kept, stored->path);
  const auto second = directory.check(digest_of(kRaw), "raw", {});
  REQUIRE(second);
  CHECK_FALSE(*second == *first);
}

TEST_CASE("a check wants the file of that digest and format") {
  World world;
  ImageDirectory& directory = world.open();
  CHECK(directory.check(digest_of(kRaw), "raw", {}).error().code == ErrorCode::kNotFound);
  CHECK(directory.check(digest_of(kRaw), "../x", {}).error().code == ErrorCode::kInvalidInput);
  REQUIRE(directory.provide(digest_of(kQcow2), content(kQcow2), world.call()));
  CHECK(directory.check(digest_of(kQcow2), "raw", {}).error().code == ErrorCode::kNotFound);
  fs::copy_file(directory.path_of(digest_of(kQcow2), "qcow2"), directory.path_of(digest_of(kQcow2), "raw"));
  CHECK(directory.check(digest_of(kQcow2), "raw", {}).error().reason == reason::kDigestMismatch);
  fs::remove(directory.path_of(digest_of(kQcow2), "raw"));
  fs::create_directory(directory.path_of(digest_of(kQcow2), "raw"));
  CHECK(directory.check(digest_of(kQcow2), "raw", {}).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("what is not wanted gets no name, and leaves nothing") {
  World world;
  std::string backed = kQcow2;
  backed.replace(8, 12, std::string("\0\0\0\0\0\0\1\0\0\0\0\4", 12));  // backing file at 256, 4 bytes
  ImageDirectory* directory = &world.open();
  trust::Digest digest = digest_of(kRaw);
  ImageDirectory::Produce produce = content(kRaw);
  std::string expected;
  SECTION("other content") {
    produce = content(kRaw + "y");
    expected = reason::kDigestMismatch;
  }
  SECTION("cut off") {
    produce = content(kRaw.substr(1), kRaw.size());
    expected = reason::kDigestMismatch;
  }
  SECTION("nothing") {
    produce = content("");
    expected = reason::kDigestMismatch;
  }
  SECTION("more than was announced") {
    produce = content(kRaw + kRaw, kRaw.size());
    expected = reason::kDigestMismatch;
  }
  SECTION("an image that stands on another file") {
    digest = digest_of(backed);
    produce = content(backed);
    expected = reason::kDiskBackingFile;
  }
  SECTION("no disk image") {
    digest = digest_of("short");
    produce = content("short");
    expected = reason::kDiskMalformed;
  }
  SECTION("a source that fails half-way") {
    produce = [](ImageSink& sink) -> Result<void> {
      REQUIRE(sink.write("half"));
      return fail(make_error(ErrorCode::kUnavailable, "gone").because(reason::kSourceUnavailable));
    };
    expected = reason::kSourceUnavailable;
  }
  SECTION("larger than the space that is left, as was announced") {
    directory = &world.open(ImageDirectory::kReserveBytes + 1000);
    produce = content(kRaw, kRaw.size());
    expected = reason::kNotEnoughSpace;
  }
  SECTION("larger than the space that is left, as is found out") {
    directory = &world.open(ImageDirectory::kReserveBytes + 999);
    expected = reason::kNotEnoughSpace;
  }
  SECTION("no space at all") {
    directory = &world.open(0);
    expected = reason::kNotEnoughSpace;
  }
  SECTION("after a stop") {
    world.stop.request_stop();
    expected = reason::kCancelled;
  }
  const auto stored = directory->provide(digest, produce, world.call());
  REQUIRE_FALSE(stored);
  CHECK(stored.error().reason == expected);
  CHECK(stored.error().retryable ==
        (expected == reason::kNotEnoughSpace || expected == reason::kSourceUnavailable));
  CHECK(world.names().empty());
}

TEST_CASE("after the deadline nothing is written") {
  World world;
  const auto stored = world.open().provide(digest_of(kRaw), content(kRaw), world.call(-1s));
  REQUIRE_FALSE(stored);
  CHECK(stored.error().code == ErrorCode::kTimeout);
  CHECK(stored.error().retryable);
  CHECK(world.names().empty());
}

TEST_CASE("space is looked at again while an image of unknown size arrives") {
  World world;
  ImageDirectory& directory = world.open();
  const std::string piece(1u << 20, 'z');
  const auto produce = [&](ImageSink& sink) -> Result<void> {
    for (int i = 0; i < 40; ++i) {
      if (auto written = sink.write(piece); !written) return written;
    }
    return {};
  };
  CHECK_FALSE(directory.provide(digest_of("else"), produce, world.call()));
  CHECK(world.looks == 3);
}

TEST_CASE("what a crash left half written is removed at the start, and nothing else") {
  World world;
  world.open();
  const std::string hex(digest_of(kRaw).hex());
  REQUIRE(write_file_durably(world.path("images/" + hex + ".partial"), "half"));
  REQUIRE(write_file_durably(world.path("images/notes.txt"), "mine"));
  fs::create_directory(world.path("images/machines"));
  REQUIRE(world.open().provide(digest_of(kRaw), content(kRaw), world.call()));
  CHECK(world.names() == std::vector<std::string>{hex + ".raw", "machines", "notes.txt"});
}

TEST_CASE("what is half written is begun anew, and a link in its place is not followed") {
  World world;
  ImageDirectory& directory = world.open();
  REQUIRE(write_file_durably(world.path("precious"), "precious"));
  const std::string hex(digest_of(kRaw).hex());
  fs::create_symlink(world.path("precious"), world.path("images/" + hex + ".partial"));
  REQUIRE(directory.provide(digest_of(kRaw), content(kRaw), world.call()));
  CHECK(read_file(world.path("precious"), 100).value() == "precious");
  CHECK(world.names() == std::vector<std::string>{hex + ".raw"});
}

TEST_CASE("of several who want the same image one brings it, and none waits for another image") {
  World world;
  ImageDirectory& directory = world.open();
  std::atomic<int> brought = 0;
  std::atomic<bool> is_other_there = false;
  const auto slow = [&](ImageSink& sink) -> Result<void> {
    ++brought;
    while (!is_other_there) std::this_thread::sleep_for(1ms);
    return content(kRaw)(sink);
  };
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(
          [&] { good += int(directory.provide(digest_of(kRaw), slow, world.call()).has_value()); });
    }
    while (brought == 0) std::this_thread::sleep_for(1ms);
    CHECK(directory.provide(digest_of(kQcow2), content(kQcow2), world.call()).has_value());
    is_other_there = true;
  }
  CHECK(good == 4);
  CHECK(brought == 1);
}

TEST_CASE("who waits for another's image is let go by a stop and at the deadline") {
  World world;
  ImageDirectory& directory = world.open();
  std::atomic<bool> is_begun = false, may_end = false;
  const std::jthread first([&] {
    const auto slow = [&](ImageSink& sink) -> Result<void> {
      is_begun = true;
      while (!may_end) std::this_thread::sleep_for(1ms);
      return content(kRaw)(sink);
    };
    CHECK(directory.provide(digest_of(kRaw), slow, world.call()).has_value());
  });
  while (!is_begun) std::this_thread::sleep_for(1ms);
  CHECK(directory.provide(digest_of(kRaw), not_asked, world.call(50ms)).error().code == ErrorCode::kTimeout);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(50ms);
    stop.request_stop();
  });
  const auto stopped =
      directory.provide(digest_of(kRaw), not_asked, {world.clock.monotonic() + 60s, stop.get_token()});
  CHECK(stopped.error().code == ErrorCode::kCancelled);
  may_end = true;
}

TEST_CASE("a place that is no directory of ours, or that others may write to, is refused") {
  World world;
  const auto open = [&](const std::string& name) {
    return ImageDirectory::open(world.path(name), world.clock);
  };
  REQUIRE(write_file_durably(world.path("file"), "x"));
  CHECK(open("file").error().code == ErrorCode::kInvalidInput);
  CHECK(open("none/below").error().code == ErrorCode::kNotFound);
  fs::create_directory(world.path("open"));
  fs::permissions(world.path("open"), fs::perms::all);
  CHECK(open("open").error().code == ErrorCode::kForbidden);
  fs::create_directory(world.path("real"));
  fs::create_directory_symlink(world.path("real"), world.path("link"));
  CHECK(open("link").error().code == ErrorCode::kInvalidInput);
  CHECK_FALSE(ImageDirectory::open("", world.clock));
  CHECK(free_bytes_of(world.path("real")).value() > 0);
  CHECK_FALSE(free_bytes_of(world.path("none")));
}
