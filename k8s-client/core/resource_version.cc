// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/resource_version.h"

#include <algorithm>

#include "base/escape.h"

namespace kintsugi::k8s {

bool is_comparable_resource_version(std::string_view version) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !version.empty() && version.front() != '0' && std::all_of(version.begin(), version.end(), is_digit);
}

Result<std::strong_ordering> compare_resource_versions(std::string_view left, std::string_view right) {
  for (const std::string_view version : {left, right}) {
    if (!is_comparable_resource_version(version)) {
      return fail(ErrorCode::kInvalidInput,
                  "resource version \"" + escape(version, 64) + "\" cannot be compared");
    }
  }
  if (left.size() != right.size()) return left.size() <=> right.size();
  return left.compare(right) <=> 0;
}

}  // namespace kintsugi::k8s
