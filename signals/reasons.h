// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kintsugi::signals {

/// The `reason` of an element's Error whose JSON number cannot be read exactly.
inline constexpr std::string_view kInexactNumber = "InexactNumber";
/// The `reason` of an element of a list that is as it should be and no signal: there is nothing to do, and
/// nothing for its sender to mend. All other errors are wrong events.
inline constexpr std::string_view kNothingToDo = "NothingToDo";

}  // namespace kintsugi::signals
