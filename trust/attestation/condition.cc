// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition.h"

#include <fmt/format.h>

#include <utility>

#include "trust/attestation/condition_evaluator.h"
#include "trust/attestation/condition_parser.h"

namespace kintsugi::trust {

Result<Condition> Condition::parse(std::string_view text) {
  if (text.size() > kMaxConditionBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("a condition of {} bytes, at most {} are read", text.size(), kMaxConditionBytes));
  }
  auto root = cel::parse_expression(text);
  if (!root) return fail(std::move(root).error());
  return Condition(std::string(text), std::make_shared<const cel::Expression>(std::move(*root)));
}

Result<bool> Condition::evaluate(const Bindings& bindings) const {
  return cel::evaluate(*root_, text_, bindings);
}

}  // namespace kintsugi::trust
