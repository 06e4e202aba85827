// SPDX-License-Identifier: Apache-2.0
#include "admission/pod_decision.h"

#include <fmt/format.h>

#include "base/escape.h"

namespace kintsugi::admission {
namespace {

constexpr std::size_t kMaxNameBytes = 256;

std::string describe(const std::string& image, const trust::Verdict& verdict) {
  const std::string by = verdict.policy.empty() ? "" : fmt::format(" by trust policy {}", verdict.policy);
  return fmt::format("image {} is {}{}: {}: {}", image, verdict.retryable ? "not verified" : "refused", by,
                     verdict.reason, verdict.message);
}

void refuse(PodAnswer& answer, const std::string& why) {
  answer.message +=
      answer.is_allowed ? "only verified images may start here during and after an incident: " : "; ";
  answer.message += why;
  answer.is_allowed = false;
}

}  // namespace

PodAnswer decide_pod(std::span<const JudgedImage> images, Failure failure) {
  PodAnswer answer;
  for (const auto& [name, verdict] : images) {
    const std::string image = escape(name, kMaxNameBytes);
    if (!verdict.accepted) {
      const bool may_pass = verdict.retryable && failure == Failure::kOpen;
      may_pass ? answer.warnings.push_back(describe(image, verdict))
               : refuse(answer, describe(image, verdict));
      continue;
    }
    for (const std::string& warning : verdict.warnings)
      answer.warnings.push_back(fmt::format("image {}: {}", image, warning));
    if (verdict.digest && !name.ends_with(verdict.digest->text())) {
      answer.warnings.push_back(fmt::format(
          "image {} may become another one than was verified: name it by {}", image, verdict.digest->text()));
    }
  }
  return answer;
}

}  // namespace kintsugi::admission
