// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/document.h"
#include "base/escape.h"
#include "base/hex_digit.h"
#include "base/unique_keys.h"

namespace kintsugi {
namespace {

/// Recursive descent over RFC 8259; the depth limit bounds the stack. A method that returns false has set
/// error_.
class JsonReader {
 public:
  /// Without `kept_keys` everything is kept.
  JsonReader(std::string_view text, const DocumentLimits& limits,
             std::optional<std::span<const std::string_view>> kept_keys = {})
      : text_(text), limits_(limits), kept_keys_(kept_keys) {}

  Result<Node> read() {
    if (text_.size() > limits_.max_bytes) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("{} bytes, at most {} are read", text_.size(), limits_.max_bytes));
    }
    Node root;
    skip_space();
    if (!value(root, 1)) return tl::unexpected(std::move(error_));
    skip_space();
    if (at_ != text_.size()) {
      refuse("text after the JSON value");
      return tl::unexpected(std::move(error_));
    }
    return root;
  }

 private:
  bool refuse(std::string_view what, ErrorCode code = ErrorCode::kInvalidInput) {
    const Position here = position();
    error_ =
        make_error(code, fmt::format("line {}, column {} (byte {}): {}", here.line, here.column, at_, what));
    return false;
  }

  Position position() const { return {line_, std::uint32_t(at_ - line_start_ + 1)}; }
  bool done() const { return at_ == text_.size(); }
  char peek() const { return text_[at_]; }

  void skip_space() {
    for (; !done(); ++at_) {
      const char c = peek();
      if (c == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool value(Node& out, std::size_t depth) {
    if (done()) return refuse("unexpected end of the text");
    if (!dropping_ && ++nodes_ > limits_.max_nodes) {
      return refuse(fmt::format("more than {} values", limits_.max_nodes), ErrorCode::kTooLarge);
    }
    out.position = position();
    switch (peek()) {
      case '{': return depth > limits_.max_depth ? too_deep() : object(out, depth);
      case '[': return depth > limits_.max_depth ? too_deep() : array(out, depth);
      case '"': out.kind = Node::Kind::kString; return string(out.text);
      case 't':
        out.kind = Node::Kind::kBoolean;
        out.boolean = true;
        return word("true");
      case 'f': out.kind = Node::Kind::kBoolean; return word("false");
      case 'n': return word("null");
      default: out.kind = Node::Kind::kNumber; return number(out.text);
    }
  }

  bool too_deep() {
    return refuse(fmt::format("nested deeper than {} levels", limits_.max_depth), ErrorCode::kTooLarge);
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return refuse("not a JSON value");
    at_ += expected.size();
    return true;
  }

  /// After a member or item: true with `more` set, or false on anything but ',' and `close`.
  bool separator(char close, bool& more) {
    skip_space();
    if (done()) return refuse("unexpected end of the text");
    const char c = peek();
    if (c != ',' && c != close) return refuse(fmt::format("expected ',' or '{}'", close));
    ++at_;
    more = c == ',';
    skip_space();
    return true;
  }

  bool array(Node& out, std::size_t depth) {
    out.kind = Node::Kind::kArray;
    ++at_;
    skip_space();
    if (!done() && peek() == ']') return ++at_, true;
    for (bool more = true; more;) {
      if (dropping_) out.items.clear();
      if (!value(out.items.emplace_back(), depth + 1) || !separator(']', more)) return false;
    }
    return true;
  }

  bool object(Node& out, std::size_t depth) {
    out.kind = Node::Kind::kObject;
    ++at_;
    skip_space();
    if (!done() && peek() == '}') return ++at_, true;
    UniqueKeys keys;
    for (bool more = true; more;) {
      if (!member(out, depth, keys) || !separator('}', more)) return false;
    }
    return true;
  }

  bool member(Node& object, std::size_t depth, UniqueKeys& keys) {
    Node::Member& member = object.members.emplace_back();
    member.key_position = position();
    if (done() || peek() != '"') return refuse("expected a string as the member's name");
    const std::size_t start = at_;
    if (!string(member.key)) return false;
    if (!keys.admit_last(object.members)) {
      at_ = start;
      return refuse(fmt::format("repeated key \"{}\"", escape(member.key, 64)));
    }
    skip_space();
    if (done() || peek() != ':') return refuse("expected ':'");
    ++at_;
    skip_space();
    const bool was_dropping = dropping_;
    dropping_ = was_dropping || !is_kept(member.key);
    const bool good = value(member.value, depth + 1);
    if (dropping_) member.value = Node();
    dropping_ = was_dropping;
    return good;
  }

  bool is_kept(std::string_view key) const {
    return !kept_keys_ || std::binary_search(kept_keys_->begin(), kept_keys_->end(), key);
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      const std::size_t start = at_;
      bool ascii = true;
      while (!done() && peek() != '"' && peek() != '\\' && std::uint8_t(peek()) >= 0x20) {
        ascii = ascii && std::uint8_t(peek()) < 0x80;
        ++at_;
      }
      const std::string_view run = text_.substr(start, at_ - start);
      if (!ascii && !is_utf8(run)) {
        at_ = start;
        return refuse("invalid UTF-8 in a string");
      }
      out += run;
      if (done()) return refuse("unterminated string");
      if (peek() == '"') return ++at_, true;
      if (peek() != '\\') return refuse("control character in a string");
      if (!escape_sequence(out)) return false;
    }
  }

  bool escape_sequence(std::string& out) {
    ++at_;
    if (done()) return refuse("unterminated string");
    const char c = peek();
    ++at_;
    switch (c) {
      case '"': out += '"'; return true;
      case '\\': out += '\\'; return true;
      case '/': out += '/'; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': return unicode_escape(out);
      default: return refuse("unknown escape sequence");
    }
  }

  bool unicode_escape(std::string& out) {
    std::uint32_t point = 0;
    if (!hex4(point)) return false;
    if (point >= 0xDC00 && point <= 0xDFFF) return refuse("lone surrogate");
    if (point >= 0xD800 && point <= 0xDBFF) {
      if (text_.substr(at_, 2) != "\\u") return refuse("lone surrogate");
      at_ += 2;
      std::uint32_t low = 0;
      if (!hex4(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return refuse("lone surrogate");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(point, out);
    return true;
  }

  bool hex4(std::uint32_t& out) {
    for (int i = 0; i < 4; ++i, ++at_) {
      if (done()) return refuse("unterminated string");
      const auto digit = hex_digit(peek());
      if (!digit) return refuse("not a hexadecimal digit");
      out = out << 4 | *digit;
    }
    return true;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (!done() && peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  bool take(std::string_view any_of) {
    if (done() || any_of.find(peek()) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  bool number(std::string& out) {
    const std::size_t start = at_;
    take("-");
    const bool zero = !done() && peek() == '0';
    const std::size_t whole = digits();
    if (whole == 0) return refuse("not a JSON value");
    if (zero && whole > 1) return refuse("number with a leading zero");
    if (take(".") && digits() == 0) return refuse("number without digits after the point");
    if (take("eE")) {
      take("+-");
      if (digits() == 0) return refuse("number without digits in the exponent");
    }
    out = text_.substr(start, at_ - start);
    return true;
  }

  std::string_view text_;
  const DocumentLimits& limits_;
  const std::optional<std::span<const std::string_view>> kept_keys_;
  bool dropping_ = false;  ///< inside a member that is checked but not kept
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::size_t nodes_ = 0;
  Error error_;
};

}  // namespace

Result<Node> parse_json_document(std::string_view text, const DocumentLimits& limits) {
  return JsonReader(text, limits).read();
}

Result<Node> parse_json_members(std::string_view text, std::span<const std::string_view> keys,
                                const DocumentLimits& limits) {
  return JsonReader(text, limits, keys).read();
}

}  // namespace kintsugi
