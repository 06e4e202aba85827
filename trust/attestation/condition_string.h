// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust::cel {

/// Reads the literal whose opening quote stands at `at`, and moves `at` past its end. In a raw one a
/// backslash is a backslash. Error: kInvalidInput, with the position.
Result<void> read_string_literal(std::string_view text, std::size_t& at, bool is_raw, std::string& out);

}  // namespace kintsugi::trust::cel
