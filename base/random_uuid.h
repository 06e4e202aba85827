// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace kintsugi {

/// A UUID of version 4 (RFC 9562 §5.4) from the kernel's random numbers: lower case, with dashes.
/// Thread-safe. Errors: kInternal where the kernel gives none.
Result<std::string> random_uuid();

}  // namespace kintsugi
