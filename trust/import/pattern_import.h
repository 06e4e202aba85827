// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace kintsugi::trust {

/// A regular expression of Go, which may match any part of a text, as one of RE2 that has to match the whole
/// (TextRule::matching()), and so accepts exactly the same texts. Anchors are made use of where that is plain
/// to see; everything else is put between "(?s:.*)". Errors: kInvalidInput for one that does not stand by
/// itself or that Go or RE2 does not have; kUnsupported for one with \Q, which would take in what is put
/// after it; kTooLarge over TextRule's limit, as a whole.
Result<std::string> translate_pattern(const std::string& pattern);

}  // namespace kintsugi::trust
