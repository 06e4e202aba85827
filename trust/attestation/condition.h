// SPDX-License-Identifier: Apache-2.0
//
// What a policy asks of a predicate in words of its own: a strict subset of CEL (google/cel-spec), so that a
// condition can be tried with any implementation of it and means the same there.
//
// There are the variables `predicate`, `predicateType`, `subject` and `now`; literals but bytes, unsigned
// integers, maps and messages; selection and indexing; the operators; has(), size(), startsWith(),
// endsWith(), contains(), matches() with a literal pattern, timestamp() and duration() of a string; and the
// macros all, exists, exists_one, map and filter. Whatever else CEL has is refused when a condition is read.
// Where CEL gives a value, a condition gives the same value or an error, never another value.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/document.h"
#include "base/result.h"
#include "base/time.h"

namespace kintsugi::trust {

namespace cel {
struct Expression;
}

inline constexpr std::size_t kMaxConditionBytes = 4096;

/// What the variables of a condition stand for. The nodes must outlive the evaluation.
struct Bindings {
  const Node& predicate;
  std::string_view predicate_type;
  const Node& subject;  ///< the list of subjects as in the statement
  WallTime now;
};

/// A value; copies share what was read; thread-safe.
class Condition {
 public:
  /// At most kMaxConditionBytes, nested at most 32 deep. Errors: kInvalidInput with the position and what is
  /// wrong there or not supported, kTooLarge.
  static Result<Condition> parse(std::string_view text);

  /// Takes a bounded number of steps whatever the bindings. Errors: kInvalidInput where the condition has no
  /// value (a missing member, operands of the wrong kind) or none that is true or false; kTooLarge where it
  /// takes too many steps or makes too large a text.
  Result<bool> evaluate(const Bindings& bindings) const;

  const std::string& text() const { return text_; }

 private:
  Condition(std::string text, std::shared_ptr<const cel::Expression> root)
      : text_(std::move(text)), root_(std::move(root)) {}
  std::string text_;
  std::shared_ptr<const cel::Expression> root_;
};

}  // namespace kintsugi::trust
