// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kintsugi {

/// The version of every program of this build, such as "0.1.0": the root CMakeLists.txt has it.
std::string_view version();

}  // namespace kintsugi
