// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace kintsugi::support {

/// Random numbers that are others in each run. The seed is printed; KINTSUGI_SEED in the environment plays a
/// run again.
inline std::mt19937_64 seeded_dice() {
  const char* const given = std::getenv("KINTSUGI_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  std::cout << "KINTSUGI_SEED=" << seed << "\n";
  return std::mt19937_64(seed);
}

}  // namespace kintsugi::support
