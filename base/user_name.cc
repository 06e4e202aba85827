// SPDX-License-Identifier: Apache-2.0
#include "base/user_name.h"

#include <pwd.h>

#include <array>

#include "base/escape.h"

namespace kintsugi {

std::string user_name(std::uint32_t uid) {
  constexpr std::size_t kMaxNameBytes = 200;
  std::array<char, 16u << 10> buffer;
  passwd entry{};
  passwd* found = nullptr;
  const bool is_known =
      getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return is_known && *entry.pw_name != '\0' ? escape(entry.pw_name, kMaxNameBytes)
                                            : "uid " + std::to_string(uid);
}

}  // namespace kintsugi
