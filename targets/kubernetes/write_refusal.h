// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"
#include "k8s-client/core/api_error.h"
#include "model/action.h"

namespace kintsugi::targets {

/// What a caller does about a write that was refused: kConflict, a precondition does not hold, plan again;
/// kRefused, schema, admission or rights say no, tell a person. Any other error as it is.
Error write_refusal(const k8s::ApiError& error, const Action& action);

/// "pods shop/web-1".
std::string describe_object(const Action& action);

}  // namespace kintsugi::targets
