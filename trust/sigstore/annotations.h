// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace kintsugi::trust {

/// What a signer added to a signature (cosign sign -a key=value): signed with it, and claims like the rest.
using Annotations = std::map<std::string, std::string>;

}  // namespace kintsugi::trust
