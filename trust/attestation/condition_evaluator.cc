// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_evaluator.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <optional>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/condition_operators.h"

namespace kintsugi::trust::cel {
namespace {

using Kind = Value::Kind;

constexpr std::size_t kMaxShownBytes = 200;

/// Walks an expression, whose depth the parser has bounded.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Bindings& bindings)
      : text_(text),
        variables_{Value::of_node(bindings.predicate), Value::of_view(bindings.predicate_type),
                   Value::of_node(bindings.subject), Value::of_time(bindings.now)} {}

  Result<bool> run(const Expression& root) {
    const auto value = evaluate(root);
    if (budget_.is_exhausted()) return fail(ErrorCode::kTooLarge, "takes too many steps");
    if (is_too_large_) return fail(ErrorCode::kTooLarge, "makes too large a text");
    if (!value) return fail(value.error());
    if (!value->is(Kind::kBool))
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("is a {}, not true or false", kind_name(value->kind())));
    return value->boolean();
  }

 private:
  tl::unexpected<Error> wrong(const Expression& where, std::string_view what) const {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: {}", shown(where), what));
  }

  std::string shown(const Expression& expression) const {
    return "'" + escape(text_.substr(expression.begin, expression.end - expression.begin), kMaxShownBytes) +
           "'";
  }

  /// Names the place of an operator's error.
  Result<Value> place(const Expression& where, Result<Value> value) {
    if (value) return value;
    if (value.error().code == ErrorCode::kTooLarge) is_too_large_ = true;
    return wrong(where, value.error().message);
  }

  Result<Value> evaluate(const Expression& expression) {
    if (!budget_.spend(1) || is_too_large_) return fail(ErrorCode::kTooLarge, "a limit was reached");
    switch (expression.operation) {
      case Operation::kLiteral: return expression.literal;
      case Operation::kVariable: return variables_[expression.slot];
      case Operation::kIteration: return slots_[expression.slot];
      case Operation::kList: return list(expression);
      case Operation::kSelect:
      case Operation::kHas: return select(expression);
      case Operation::kAnd: return logic(expression, false);
      case Operation::kOr: return logic(expression, true);
      case Operation::kConditional: return conditional(expression);
      case Operation::kAll:
      case Operation::kExists: return any_or_all(expression, expression.operation == Operation::kExists);
      case Operation::kExistsOne: return exists_one(expression);
      case Operation::kMap:
      case Operation::kFilter: return map_or_filter(expression);
      default: return operation(expression);
    }
  }

  /// Operations that need the values of all operands, of which there are one or two.
  Result<Value> operation(const Expression& expression) {
    auto left = evaluate(expression.operands.front());
    if (!left) return left;
    if (expression.operands.size() == 1) return place(expression, unary(expression, *left));
    auto right = evaluate(expression.operands[1]);
    if (!right) return right;
    return place(expression, binary(expression.operation, *left, *right));
  }

  Result<Value> unary(const Expression& expression, const Value& operand) {
    switch (expression.operation) {
      case Operation::kNot:
        if (!operand.is(Kind::kBool)) return fail(ErrorCode::kInvalidInput, "'!' takes true or false");
        return Value::of_bool(!operand.boolean());
      case Operation::kNegate: return negate(operand);
      case Operation::kSize: return size_of(operand, budget_);
      case Operation::kTimestamp: return to_timestamp(operand, budget_);
      case Operation::kDuration: return to_duration(operand, budget_);
      case Operation::kMatches: {
        if (!operand.is(Kind::kString)) return fail(ErrorCode::kInvalidInput, "matches() takes a string");
        if (!budget_.spend_matching(operand.size())) return Value();
        const std::string_view text = operand.text();
        return Value::of_bool(RE2::PartialMatch({text.data(), text.size()}, *expression.pattern));
      }
      default: return fail(ErrorCode::kInternal, "no such operation");
    }
  }

  Result<Value> binary(Operation operation, const Value& left, const Value& right) {
    switch (operation) {
      case Operation::kEqual: return Value::of_bool(equal(left, right, budget_));
      case Operation::kNotEqual: return Value::of_bool(!equal(left, right, budget_));
      case Operation::kLess:
      case Operation::kLessOrEqual:
      case Operation::kGreater:
      case Operation::kGreaterOrEqual: return compare(operation, left, right, budget_);
      case Operation::kIn: return is_in(left, right, budget_);
      case Operation::kIndex: return index(left, right);
      case Operation::kStartsWith:
      case Operation::kEndsWith:
      case Operation::kContains: return search(operation, left, right, budget_);
      default: return calculate(operation, left, right, budget_);
    }
  }

  Result<Value> index(const Value& operand, const Value& key) {
    if (operand.is(Kind::kMap) && key.is(Kind::kString)) {
      if (const Node* found = find_member(operand, key.text(), budget_)) return Value::of_node(*found);
      return fail(ErrorCode::kInvalidInput, fmt::format("there is no member '{}'", escape(key.text(), 64)));
    }
    if (operand.is(Kind::kList) && key.is(Kind::kInt)) {
      if (key.integer() >= 0 && std::uint64_t(key.integer()) < operand.size())
        return operand.item(std::size_t(key.integer()));
      return fail(ErrorCode::kInvalidInput, fmt::format("there are {} items", operand.size()));
    }
    return fail(ErrorCode::kInvalidInput,
                fmt::format("a {} has no members by {}", kind_name(operand.kind()), kind_name(key.kind())));
  }

  Result<Value> list(const Expression& expression) {
    Value::List items;
    for (const Expression& operand : expression.operands) {
      auto item = evaluate(operand);
      if (!item) return item;
      items.push_back(std::move(*item));
    }
    return Value::of_list(std::move(items));
  }

  Result<Value> select(const Expression& expression) {
    auto operand = evaluate(expression.operands.front());
    if (!operand) return operand;
    if (!operand->is(Kind::kMap)) {
      return wrong(expression, fmt::format("{} is a {} and has no members",
                                           shown(expression.operands.front()), kind_name(operand->kind())));
    }
    const Node* const found = find_member(*operand, expression.name, budget_);
    if (expression.operation == Operation::kHas) return Value::of_bool(found != nullptr);
    if (found == nullptr) {
      return wrong(expression,
                   fmt::format("{} has no member '{}'", shown(expression.operands.front()), expression.name));
    }
    return Value::of_node(*found);
  }

  /// The value of an operand of `&&`, `||` and the macros: true or false.
  Result<Value> truth(const Expression& expression) {
    auto value = evaluate(expression);
    if (!value || value->is(Kind::kBool)) return value;
    return wrong(expression, fmt::format("is a {}, not true or false", kind_name(value->kind())));
  }

  /// `&&` and `||`: an operand with the value `deciding` decides, whatever the others are, errors too.
  Result<Value> logic(const Expression& expression, bool deciding) {
    std::optional<Error> error;
    for (const Expression& operand : expression.operands) {
      auto value = truth(operand);
      if (value && value->boolean() == deciding) return value;
      if (!value && !error) error = std::move(value).error();
    }
    if (error) return fail(std::move(*error));
    return Value::of_bool(!deciding);
  }

  Result<Value> conditional(const Expression& expression) {
    auto condition = truth(expression.operands[0]);
    if (!condition) return condition;
    return evaluate(expression.operands[condition->boolean() ? 1 : 2]);
  }

  /// What a macro goes through: a list, or the keys of a map.
  Result<Value> range(const Expression& expression) {
    auto value = evaluate(expression.operands.front());
    if (value && !value->is(Kind::kList) && !value->is(Kind::kMap)) {
      return wrong(expression.operands.front(),
                   fmt::format("a {} has no items to go through", kind_name(value->kind())));
    }
    return value;
  }

  void bind(const Expression& expression, const Value& range, std::size_t index) {
    slots_[expression.slot] = range.is(Kind::kMap) ? range.key(index) : range.item(index);
  }

  Result<Value> any_or_all(const Expression& expression, bool deciding) {
    auto items = range(expression);
    if (!items) return items;
    std::optional<Error> error;
    for (std::size_t i = 0; i < items->size() && !budget_.is_exhausted(); ++i) {
      bind(expression, *items, i);
      auto value = truth(expression.operands[1]);
      if (value && value->boolean() == deciding) return value;
      if (!value && !error) error = std::move(value).error();
    }
    if (error) return fail(std::move(*error));
    return Value::of_bool(!deciding);
  }

  Result<Value> exists_one(const Expression& expression) {
    auto items = range(expression);
    if (!items) return items;
    std::size_t count = 0;
    for (std::size_t i = 0; i < items->size(); ++i) {
      bind(expression, *items, i);
      const auto value = truth(expression.operands[1]);
      if (!value) return value;
      if (value->boolean()) ++count;
    }
    return Value::of_bool(count == 1);
  }

  Result<Value> map_or_filter(const Expression& expression) {
    auto items = range(expression);
    if (!items) return items;
    const bool has_filter = expression.operation == Operation::kFilter || expression.operands.size() == 3;
    Value::List out;
    for (std::size_t i = 0; i < items->size(); ++i) {
      bind(expression, *items, i);
      if (has_filter) {
        const auto is_kept = truth(expression.operands[1]);
        if (!is_kept) return is_kept;
        if (!is_kept->boolean()) continue;
      }
      auto value = expression.operation == Operation::kFilter ? Result<Value>(slots_[expression.slot])
                                                              : evaluate(expression.operands.back());
      if (!value) return value;
      out.push_back(std::move(*value));
    }
    return Value::of_list(std::move(out));
  }

  std::string_view text_;
  std::array<Value, 4> variables_;
  std::array<Value, kMaxExpressionDepth> slots_;  ///< of the macros around, each within the one before
  Budget budget_;
  bool is_too_large_ = false;
};

}  // namespace

Result<bool> evaluate(const Expression& root, std::string_view text, const Bindings& bindings) {
  return Evaluator(text, bindings).run(root);
}

}  // namespace kintsugi::trust::cel
