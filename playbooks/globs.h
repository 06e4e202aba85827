// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kintsugi::playbooks {

/// Whether the whole of `text` matches: `*` stands for any characters or none, `?` for exactly one,
/// everything else for itself. There is no escape character. Takes at most |pattern| × |text| steps, whatever
/// they are.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace kintsugi::playbooks
