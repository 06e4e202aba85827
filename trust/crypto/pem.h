// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust {

/// `text` without the white space around it.
std::string_view trim(std::string_view text);

/// Takes the PEM block (RFC 7468) of this type that `text` starts with, and the white space after it, and
/// gives the DER in it. Headers inside the block are refused. Error: kInvalidInput, which leaves `text` as it
/// was.
Result<std::string> take_pem_block(std::string_view& text, std::string_view type);

}  // namespace kintsugi::trust
