// SPDX-License-Identifier: Apache-2.0
//
// Which of two resource versions is newer (K6.4, KEP-5504). Only for versions of one resource type of one
// cluster.
#pragma once

#include <compare>
#include <string_view>

#include "base/result.h"

namespace kintsugi::k8s {

/// Decimal digits without a leading zero. The empty version and "0" ask for something; they order nothing.
bool is_comparable_resource_version(std::string_view version);

/// The longer one is greater, equal lengths compare as text. kInvalidInput where either is not comparable.
Result<std::strong_ordering> compare_resource_versions(std::string_view left, std::string_view right);

}  // namespace kintsugi::k8s
