// SPDX-License-Identifier: Apache-2.0
#include "host/disk_room.h"

#include <catch2/catch.hpp>

namespace kintsugi::host {
namespace {

constexpr std::uint64_t kGiB = 1ull << 30;

LayerNeed need(const std::string& file, std::uint64_t bytes) {
  return {{"vda", file, targets::layer_path(file, "inc-1")}, bytes};
}

/// A host whose folder /big has 100 GiB free of 200, and /small 5 of 10.
Result<evidence::DiskSpace> ask(const std::string& folder) {
  if (folder == "/big") return evidence::DiskSpace{100 * kGiB, 200 * kGiB};
  if (folder == "/small") return evidence::DiskSpace{5 * kGiB, 10 * kGiB};
  return fail(make_error(ErrorCode::kNotFound, "no such folder").on(folder));
}

}  // namespace

TEST_CASE("layers are made only where they can grow as large as they may") {
  CHECK(check_room({}, ask));
  CHECK(check_room({need("/big/a", 90 * kGiB)}, ask));
  CHECK(check_room({need("/small/a", 4 * kGiB)}, ask));
  const auto refused = check_room({need("/small/a", 4 * kGiB + 1)}, ask);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kTooLarge);
  CHECK_THAT(refused.error().to_string(),
             Catch::Contains(std::to_string(4 * kGiB + 1)) && Catch::Contains(std::to_string(5 * kGiB)));
  CHECK_FALSE(check_room({need("/big/a", 50 * kGiB), need("/big/b", 50 * kGiB)}, ask));
  CHECK_FALSE(check_room({need("/big/a", 10 * kGiB), need("/small/b", kGiB)}, ask));
  CHECK_FALSE(check_room({need("/elsewhere/a", 1)}, ask));
}

}  // namespace kintsugi::host
