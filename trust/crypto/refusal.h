// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {

/// A rule says no, for a reason of reasons.h: kRefused.
inline tl::unexpected<Error> refuse(const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(why));
}

}  // namespace kintsugi::trust
