// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_call.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/escape.h"

namespace kintsugi::trust::cel {
namespace {

constexpr std::int64_t kMaxPatternMemory = 1 << 20;

struct Function {
  std::string_view name;
  Operation operation;
  bool is_global;
  bool is_method;
  std::size_t least_operands;  ///< with what it is called on
  std::size_t most_operands;
};

constexpr std::array<Function, 12> kFunctions{{
    {"size", Operation::kSize, true, true, 1, 1},
    {"startsWith", Operation::kStartsWith, false, true, 2, 2},
    {"endsWith", Operation::kEndsWith, false, true, 2, 2},
    {"contains", Operation::kContains, false, true, 2, 2},
    {"matches", Operation::kMatches, true, true, 2, 2},
    {"timestamp", Operation::kTimestamp, true, false, 1, 1},
    {"duration", Operation::kDuration, true, false, 1, 1},
    {"all", Operation::kAll, false, true, 2, 2},
    {"exists", Operation::kExists, false, true, 2, 2},
    {"exists_one", Operation::kExistsOne, false, true, 2, 2},
    {"map", Operation::kMap, false, true, 2, 3},
    {"filter", Operation::kFilter, false, true, 2, 2},
}};

template <class Predicate>
std::optional<Operation> find_function(Predicate predicate) {
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(), predicate);
  if (found == kFunctions.end()) return std::nullopt;
  return found->operation;
}

/// A pattern that comes with the document would let its author decide what it costs.
Result<void> compile_pattern(Expression& call) {
  const Expression& pattern = call.operands.back();
  if (pattern.operation != Operation::kLiteral || !pattern.literal.is(Value::Kind::kString))
    return fail(ErrorCode::kInvalidInput, "the pattern of matches() has to be a string literal");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemory);
  const std::string_view text = pattern.literal.text();
  call.pattern = std::make_shared<const RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!call.pattern->ok()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("no pattern that RE2 understands: {}", escape(call.pattern->error(), 256)));
  }
  call.operands.pop_back();
  return {};
}

}  // namespace

std::optional<Operation> global_function(std::string_view name) {
  return find_function([&](const Function& one) { return one.is_global && one.name == name; });
}

std::optional<Operation> method_function(std::string_view name) {
  return find_function([&](const Function& one) { return one.is_method && one.name == name; });
}

Result<void> complete_call(Expression& call) {
  const auto function = std::find_if(kFunctions.begin(), kFunctions.end(),
                                     [&](const Function& one) { return one.operation == call.operation; });
  if (function == kFunctions.end()) return fail(ErrorCode::kInternal, "no such function");
  const std::size_t count = call.operands.size();
  if (count < function->least_operands || count > function->most_operands)
    return fail(ErrorCode::kInvalidInput,
                fmt::format("'{}()' has the wrong number of arguments", function->name));
  return call.operation == Operation::kMatches ? compile_pattern(call) : Result<void>();
}

}  // namespace kintsugi::trust::cel
