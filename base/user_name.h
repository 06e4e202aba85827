// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kintsugi {

/// The name of a user of this machine, escaped, at most 200 bytes; "uid 1234" where there is none. Asks the
/// system's user database, which may be slow. Thread-safe.
std::string user_name(std::uint32_t uid);

}  // namespace kintsugi
