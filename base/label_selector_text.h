// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/label_selector.h"
#include "base/result.h"

namespace kintsugi {

/// Reads the API's text form of a label selector: requirements with commas between them, of the forms "a=b",
/// "a==b", "a!=b", "a in (b,c)", "a notin (b,c)", "a" and "!a". An empty text selects everything. At most
/// 4 KiB. kInvalidInput, kTooLarge otherwise.
Result<LabelSelector> parse_label_selector(std::string_view text);

}  // namespace kintsugi
