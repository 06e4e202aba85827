// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kintsugi::cli {

/// What "bash", "zsh" or "fish" has to read; empty for other words. The scripts ask `kintsugi __complete
/// WORD…`, the last word being the one that is typed, and read lines of "value\tdescription" and a last one
/// of ":4", or ":0" where file names fit: the form in which kubectl asks kubectl_complete-kintsugi.
std::string completion_script(std::string_view shell);

}  // namespace kintsugi::cli
