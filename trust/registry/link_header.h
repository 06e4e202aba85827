// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace kintsugi::trust {

/// The target of the link with the relation "next" in the Link headers (RFC 8288 §3), as written; nothing
/// where there is none. Headers that cannot be read, or several such links, are an error with the reason
/// RegistryProtocol: what follows must not be missed.
Result<std::optional<std::string>> find_next_link(const net::Headers& headers);

}  // namespace kintsugi::trust
