// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/invocation.h"

namespace kintsugi::cli {

/// Reads what `open` is about into the invocation: "web-1", "shop/web-1", "pod/web-1", "pod/shop/web-1"; with
/// a host "domain/web-1" or "web-1". The text of what is wrong, not escaped, or nothing.
std::string read_target_word(const std::string& word, Invocation& invocation);

}  // namespace kintsugi::cli
