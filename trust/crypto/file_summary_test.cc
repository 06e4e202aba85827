// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/file_summary.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "base/file.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

/// A file that is there as long as this.
struct TemporaryFile {
  explicit TemporaryFile(const std::string& content) { REQUIRE(write_file_durably(path, content)); }
  ~TemporaryFile() { std::remove(path.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string path = "/tmp/kintsugi-file-summary-test-" + std::to_string(::getpid());
};

}  // namespace

TEST_CASE("one pass over a file finds its size, its beginning and its hashes") {
  const std::size_t size = GENERATE(0u, 1u, 511u, 65'536u, 65'537u, 200'000u);
  INFO(size);
  std::string content(size, 'a');
  if (size > 0) content.back() = 'z';
  const TemporaryFile file(content);
  for (const std::size_t head :
       {std::size_t(0), std::size_t(1), std::size_t(65'537), std::size_t(1u << 20)}) {
    const auto summary = summarize_file(
        file.path, {{HashAlgorithm::kSha512, HashAlgorithm::kSha256, HashAlgorithm::kSha256}, head});
    REQUIRE(summary);
    CHECK(summary->size == size);
    CHECK(summary->head == content.substr(0, head));
    CHECK(summary->hashes.size() == 2);
    CHECK(summary->hashes.at(HashAlgorithm::kSha256) == sha256(content));
    CHECK(summary->hashes.at(HashAlgorithm::kSha512) == hash_of(HashAlgorithm::kSha512, content));
  }
}

TEST_CASE("a file over the limit is an error, and one of its size is none") {
  const TemporaryFile file(std::string(100'000, 'a'));
  CHECK(summarize_file(file.path, {{}, 10, 100'000})->head.size() == 10);
  for (const std::uint64_t most : {99'999u, 1u, 0u})
    CHECK(summarize_file(file.path, {{}, 10, most}).error().code == ErrorCode::kTooLarge);
  CHECK(summarize_file(file.path + "-none", {}).error().code == ErrorCode::kNotFound);
  CHECK_FALSE(summarize_file("/tmp", {}));
}
