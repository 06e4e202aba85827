// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/write_refusal.h"

namespace kintsugi::targets {

std::string describe_object(const Action& action) {
  return action.resource + " " + action.name_space + "/" + action.name;
}

Error write_refusal(const k8s::ApiError& error, const Action& action) {
  Error plain = error;
  if (error.is_failed_patch_test()) {
    plain.code = ErrorCode::kConflict;
    plain.reason = "PreconditionFailed";
    plain.message = "the object has changed since it was read";
    plain.retryable = true;
  } else if (error.http_status == 422 || error.http_status == 403) {
    plain.code = ErrorCode::kRefused;
    plain.advice = "check admission policies, quotas and the controller's rights";
  }
  return std::move(plain).on(describe_object(action));
}

}  // namespace kintsugi::targets
