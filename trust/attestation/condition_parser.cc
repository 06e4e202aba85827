// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/condition_call.h"
#include "trust/attestation/condition_lexer.h"

namespace kintsugi::trust::cel {
namespace {

constexpr std::array<std::pair<std::string_view, Variable>, 4> kVariables{{
    {"predicate", kPredicate},
    {"predicateType", kPredicateType},
    {"subject", kSubject},
    {"now", kNow},
}};

/// Words that are no identifiers; the first four are no members' names either.
constexpr std::array<std::string_view, 21> kReserved{
    "in", "true",   "false", "null", "as",      "break",     "const",  "continue", "else", "for",  "function",
    "if", "import", "let",   "loop", "package", "namespace", "return", "var",      "void", "while"};
constexpr std::size_t kKeywords = 4;

struct BinaryOperator {
  std::string_view symbol;
  Operation operation;
};
constexpr std::array<BinaryOperator, 7> kRelations{{{"==", Operation::kEqual},
                                                    {"!=", Operation::kNotEqual},
                                                    {"<", Operation::kLess},
                                                    {"<=", Operation::kLessOrEqual},
                                                    {">", Operation::kGreater},
                                                    {">=", Operation::kGreaterOrEqual},
                                                    {"in", Operation::kIn}}};
constexpr std::array<BinaryOperator, 2> kSums{{{"+", Operation::kAdd}, {"-", Operation::kSubtract}}};
constexpr std::array<BinaryOperator, 3> kProducts{
    {{"*", Operation::kMultiply}, {"/", Operation::kDivide}, {"%", Operation::kModulo}}};

bool is_reserved(std::string_view word, std::size_t first_words = kReserved.size()) {
  const auto end = kReserved.begin() + std::ptrdiff_t(first_words);
  return std::find(kReserved.begin(), end, word) != end;
}

bool is_macro_with_variable(Operation operation) {
  return operation == Operation::kAll || operation == Operation::kExists ||
         operation == Operation::kExistsOne || operation == Operation::kMap ||
         operation == Operation::kFilter;
}

/// True where the operation has never a value that is true or false.
bool is_never_bool(const Expression& expression) {
  switch (expression.operation) {
    case Operation::kLiteral: return !expression.literal.is(Value::Kind::kBool);
    case Operation::kVariable: return expression.slot != kPredicate;
    case Operation::kList:
    case Operation::kNegate:
    case Operation::kAdd:
    case Operation::kSubtract:
    case Operation::kMultiply:
    case Operation::kDivide:
    case Operation::kModulo:
    case Operation::kSize:
    case Operation::kTimestamp:
    case Operation::kDuration:
    case Operation::kMap:
    case Operation::kFilter: return true;
    default: return false;
  }
}

/// Recursive descent over CEL's grammar; the depth limit bounds the stack. A method that returns false has
/// set error_.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Expression> parse() {
    Expression root;
    if (!advance() || !expression(root)) return fail(std::move(error_));
    if (token_.kind != Token::Kind::kEnd) {
      refuse_token("expected an operator");
      return fail(std::move(error_));
    }
    if (is_never_bool(root)) return fail(wrong_at(root.begin, "this is neither true nor false"));
    return root;
  }

 private:
  bool refuse(std::size_t offset, std::string_view what) {
    error_ = wrong_at(offset, what);
    return false;
  }

  bool refuse_token(std::string_view expected) {
    if (token_.kind == Token::Kind::kEnd)
      return refuse(token_.begin, fmt::format("{}, found the end", expected));
    return refuse(token_.begin, fmt::format("{}, found '{}'", expected, escape(token_.text, 64)));
  }

  bool advance() {
    last_end_ = token_.end;
    auto next = next_token(text_, token_.end);
    if (!next) {
      error_ = std::move(next).error();
      return false;
    }
    token_ = std::move(*next);
    return true;
  }

  bool expect(std::string_view symbol) {
    if (!token_.is_symbol(symbol)) return refuse_token(fmt::format("expected '{}'", symbol));
    return advance();
  }

  /// Where an expression is complete: notes its end and depth.
  bool finish(Expression& out) {
    out.end = std::uint32_t(last_end_);
    for (const Expression& operand : out.operands) out.depth = std::max(out.depth, operand.depth + 1);
    return out.depth <= kMaxExpressionDepth || too_deep(out.begin);
  }

  bool too_deep(std::size_t offset) {
    return refuse(offset, fmt::format("nested deeper than {} levels", kMaxExpressionDepth));
  }

  /// `left` becomes the first operand of an operation, which stands where it stood.
  static Expression around(Operation operation, Expression left) {
    Expression out;
    out.operation = operation;
    out.begin = left.begin;
    out.operands.push_back(std::move(left));
    return out;
  }

  bool expression(Expression& out) {
    if (nesting_ == kMaxExpressionDepth) return too_deep(token_.begin);
    ++nesting_;
    const bool good = conditional(out);
    --nesting_;
    return good;
  }

  bool conditional(Expression& out) {
    if (!disjunction(out)) return false;
    if (!token_.is_symbol("?")) return true;
    out = around(Operation::kConditional, std::move(out));
    if (!advance() || !disjunction(out.operands.emplace_back()) || !expect(":")) return false;
    return expression(out.operands.emplace_back()) && finish(out);
  }

  bool disjunction(Expression& out) { return chain(out, "||", Operation::kOr, &Parser::conjunction); }
  bool conjunction(Expression& out) { return chain(out, "&&", Operation::kAnd, &Parser::relation); }

  /// One operation of all its operands: a long chain is not deep.
  bool chain(Expression& out, std::string_view symbol, Operation operation,
             bool (Parser::*operand)(Expression&)) {
    if (!(this->*operand)(out)) return false;
    if (!token_.is_symbol(symbol)) return true;
    out = around(operation, std::move(out));
    while (token_.is_symbol(symbol)) {
      if (!advance() || !(this->*operand)(out.operands.emplace_back())) return false;
    }
    return finish(out);
  }

  bool relation(Expression& out) { return binary(out, kRelations, &Parser::sum); }
  bool sum(Expression& out) { return binary(out, kSums, &Parser::product); }
  bool product(Expression& out) { return binary(out, kProducts, &Parser::unary); }

  template <std::size_t N>
  bool binary(Expression& out, const std::array<BinaryOperator, N>& operators,
              bool (Parser::*operand)(Expression&)) {
    if (!(this->*operand)(out)) return false;
    for (;;) {
      const auto found = std::find_if(operators.begin(), operators.end(), [&](const BinaryOperator& one) {
        return token_.is_symbol(one.symbol) || (one.symbol == "in" && token_.is_word("in"));
      });
      if (found == operators.end()) return true;
      out = around(found->operation, std::move(out));
      if (!advance() || !(this->*operand)(out.operands.emplace_back()) || !finish(out)) return false;
    }
  }

  /// CEL repeats one sign, but does not mix them.
  bool unary(Expression& out) {
    const bool is_not = token_.is_symbol("!");
    if (!is_not && !token_.is_symbol("-")) return member(out, false);
    const std::string_view symbol = is_not ? "!" : "-";
    std::vector<std::size_t> signs;
    while (token_.is_symbol(symbol)) {
      signs.push_back(token_.begin);
      if (!advance()) return false;
    }
    const bool is_number = token_.kind == Token::Kind::kInt || token_.kind == Token::Kind::kDouble;
    const bool has_sign = !is_not && is_number;
    if (!member(out, has_sign)) return false;
    if (has_sign) {
      out.begin = std::uint32_t(signs.back());
      signs.pop_back();
    }
    for (; !signs.empty(); signs.pop_back()) {
      out = around(is_not ? Operation::kNot : Operation::kNegate, std::move(out));
      out.begin = std::uint32_t(signs.back());
      if (!finish(out)) return false;
    }
    return true;
  }

  bool member(Expression& out, bool is_negative) {
    if (!primary(out, is_negative)) return false;
    for (;;) {
      if (token_.is_symbol(".")) {
        if (!advance() || !selection(out)) return false;
      } else if (token_.is_symbol("[")) {
        if (!advance()) return false;
        if (token_.is_symbol("?")) return refuse_token("optional values are not supported");
        out = around(Operation::kIndex, std::move(out));
        if (!expression(out.operands.emplace_back()) || !expect("]") || !finish(out)) return false;
      } else {
        return true;
      }
    }
  }

  bool selection(Expression& out) {
    if (token_.is_symbol("?")) return refuse_token("optional values are not supported");
    if (token_.kind != Token::Kind::kWord || is_reserved(token_.text, kKeywords))
      return refuse_token("expected a member's name");
    const Token name = token_;
    if (!advance()) return false;
    if (token_.is_symbol("(")) return method(out, name);
    out = around(Operation::kSelect, std::move(out));
    out.name = name.text;
    return finish(out);
  }

  bool primary(Expression& out, bool is_negative) {
    out.begin = token_.begin;
    switch (token_.kind) {
      case Token::Kind::kInt: return integer(out, is_negative);
      case Token::Kind::kDouble: return real(out, is_negative);
      case Token::Kind::kString: return literal(out, Value::of_string(std::move(token_.value)));
      case Token::Kind::kWord: return word(out);
      case Token::Kind::kSymbol:
        if (token_.is_symbol("(")) return advance() && expression(out) && expect(")");
        if (token_.is_symbol("[")) return list(out);
        break;
      case Token::Kind::kEnd: break;
    }
    return refuse_token("expected a value");
  }

  bool literal(Expression& out, Value value) {
    out.literal = std::move(value);
    return advance() && finish(out);
  }

  bool integer(Expression& out, bool is_negative) {
    const bool is_hex = token_.text.starts_with("0x");
    const std::string digits =
        (is_negative ? "-" : "") + std::string(is_hex ? token_.text.substr(2) : token_.text);
    std::int64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value, is_hex ? 16 : 10);
    if (read.ec != std::errc() || read.ptr != end) return refuse(token_.begin, "an integer beyond 64 bits");
    return literal(out, Value::of_int(value));
  }

  bool real(Expression& out, bool is_negative) {
    double value = 0;
    const char* const end = token_.text.data() + token_.text.size();
    const auto read = std::from_chars(token_.text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end)
      return refuse(token_.begin, "a number beyond the range of a double");
    return literal(out, Value::of_double(is_negative ? -value : value));
  }

  bool list(Expression& out) {
    out.operation = Operation::kList;
    if (!advance()) return false;
    while (!token_.is_symbol("]")) {
      if (token_.is_symbol("?")) return refuse_token("optional values are not supported");
      if (!expression(out.operands.emplace_back())) return false;
      if (!token_.is_symbol(",")) break;
      if (!advance()) return false;
    }
    return expect("]") && finish(out);
  }

  bool word(Expression& out) {
    if (token_.is_word("true")) return literal(out, Value::of_bool(true));
    if (token_.is_word("false")) return literal(out, Value::of_bool(false));
    if (token_.is_word("null")) return literal(out, Value());
    if (is_reserved(token_.text)) return refuse_token("expected a value");
    const Token name = token_;
    if (!advance()) return false;
    if (token_.is_symbol("(")) return function(out, name);
    return variable(out, name);
  }

  bool variable(Expression& out, const Token& name) {
    const auto inner = std::find(scope_.rbegin(), scope_.rend(), name.text);
    if (inner != scope_.rend()) {
      out.operation = Operation::kIteration;
      out.slot = std::size_t(scope_.rend() - inner) - 1;
      return finish(out);
    }
    const auto known = std::find_if(kVariables.begin(), kVariables.end(),
                                    [&](const auto& one) { return one.first == name.text; });
    if (known == kVariables.end()) {
      return refuse(name.begin, fmt::format("unknown variable '{}'; there are predicate, predicateType, "
                                            "subject and now",
                                            escape(name.text, 64)));
    }
    out.operation = Operation::kVariable;
    out.slot = known->second;
    return finish(out);
  }

  bool refuse_function(const Token& name) {
    return refuse(name.begin, fmt::format("'{}()' is not supported here", escape(name.text, 64)));
  }

  bool function(Expression& out, const Token& name) {
    if (name.text == "has") return has(out);
    const auto operation = global_function(name.text);
    if (!operation) return refuse_function(name);
    out.operation = *operation;
    return arguments(out) && check_call(out, name);
  }

  bool has(Expression& out) {
    Expression field;
    const std::size_t begin = token_.begin;
    if (!advance() || !expression(field) || !expect(")")) return false;
    if (field.operation != Operation::kSelect)
      return refuse(begin, "has() takes a member, as in has(predicate.name)");
    field.operation = Operation::kHas;
    field.begin = out.begin;
    out = std::move(field);
    return finish(out);
  }

  bool method(Expression& out, const Token& name) {
    const auto operation = method_function(name.text);
    if (!operation) return refuse_function(name);
    out = around(*operation, std::move(out));
    if (!is_macro_with_variable(*operation)) return arguments(out) && check_call(out, name);
    if (!advance()) return false;
    if (token_.kind != Token::Kind::kWord || is_reserved(token_.text) || token_.text.starts_with("__"))
      return refuse_token("expected the name of a variable");
    scope_.push_back(token_.text);
    out.slot = scope_.size() - 1;
    const bool good = advance() && expect(",") && remaining_arguments(out);
    scope_.pop_back();
    return good && check_call(out, name);
  }

  bool arguments(Expression& out) {
    if (!advance()) return false;
    return token_.is_symbol(")") ? advance() : remaining_arguments(out);
  }

  bool remaining_arguments(Expression& out) {
    for (;;) {
      if (!expression(out.operands.emplace_back())) return false;
      if (!token_.is_symbol(",")) return expect(")");
      if (!advance()) return false;
    }
  }

  bool check_call(Expression& out, const Token& name) {
    if (auto complete = complete_call(out); !complete) return refuse(name.begin, complete.error().message);
    return finish(out);
  }

  std::string_view text_;
  Token token_;
  std::size_t last_end_ = 0;
  std::size_t nesting_ = 0;
  std::vector<std::string_view> scope_;  ///< the variables of the macros around
  Error error_;
};

}  // namespace

Result<Expression> parse_expression(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace kintsugi::trust::cel
