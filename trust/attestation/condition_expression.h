// SPDX-License-Identifier: Apache-2.0
//
// A condition once it is read: what the parser makes and the evaluator walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trust/attestation/condition_value.h"

namespace re2 {
class RE2;
}

namespace kintsugi::trust::cel {

inline constexpr std::size_t kMaxExpressionDepth = 32;

enum class Operation : std::uint8_t {
  kLiteral,
  kVariable,   ///< `slot`
  kIteration,  ///< the variable of a macro around it: `slot`
  kList,
  kSelect,  ///< operand; `name`
  kHas,     ///< operand; `name`
  kIndex,
  kNot,
  kNegate,
  kAnd,  ///< two operands or more
  kOr,
  kConditional,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kSize,
  kStartsWith,
  kEndsWith,
  kContains,
  kMatches,  ///< operand; `pattern`
  kTimestamp,
  kDuration,
  kAll,  ///< range, then what is evaluated for each item with the item in `slot`
  kExists,
  kExistsOne,
  kMap,  ///< range, transformation; or range, filter, transformation
  kFilter,
};

enum Variable : std::size_t { kPredicate, kPredicateType, kSubject, kNow };

struct Expression {
  Operation operation = Operation::kLiteral;
  std::uint32_t begin = 0;  ///< where it stands in the condition, in bytes
  std::uint32_t end = 0;
  std::size_t depth = 1;
  std::size_t slot = 0;
  Value literal;
  std::string name;
  std::shared_ptr<const re2::RE2> pattern;
  std::vector<Expression> operands;
};

}  // namespace kintsugi::trust::cel
