// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/warnings.h"

#include "base/escape.h"
#include "net/header_rules.h"

namespace kintsugi::k8s {
namespace {

constexpr std::size_t kMaxWarnings = 16;
constexpr std::size_t kMaxSeen = 256;

/// What stands between the first quotes, without the backslashes of quoted pairs; the whole text where none
/// are.
std::string quoted_text(const std::string& value) {
  const std::size_t open = value.find('"');
  if (open == std::string::npos) return value;
  std::string text;
  for (std::size_t i = open + 1; i < value.size() && value[i] != '"'; ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    text += value[i];
  }
  return text;
}

}  // namespace

std::vector<std::string> warnings_of(const net::Headers& headers) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : headers.all()) {
    if (warnings.size() == kMaxWarnings) break;
    if (net::equals_ignoring_case(name, "Warning")) warnings.push_back(escape(quoted_text(value)));
  }
  return warnings;
}

bool SeenWarnings::is_new(std::string_view text) {
  const std::lock_guard lock(mutex_);
  return seen_.size() < kMaxSeen && !seen_.contains(text) && seen_.emplace(text).second;
}

}  // namespace kintsugi::k8s
