// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_value.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace kintsugi::trust::cel {
namespace {

/// A literal beyond a double's range is infinite, one below it zero.
double to_double(std::string_view literal) {
  double real = 0;
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), real);
  if (error == std::errc::result_out_of_range) {
    const std::size_t exponent = literal.find_first_of("eE");
    const bool is_small = exponent != std::string_view::npos && literal[exponent + 1] == '-';
    real = is_small ? 0 : std::numeric_limits<double>::infinity();
    if (literal.starts_with('-')) real = -real;
  }
  return real;
}

}  // namespace

Value Value::of_bool(bool value) {
  Value out;
  out.kind_ = Kind::kBool;
  out.integer_ = value ? 1 : 0;
  return out;
}

Value Value::of_int(std::int64_t value) {
  Value out;
  out.kind_ = Kind::kInt;
  out.integer_ = value;
  return out;
}

Value Value::of_double(double value) {
  Value out;
  out.kind_ = Kind::kDouble;
  out.real_ = value;
  return out;
}

Value Value::of_view(std::string_view text) {
  Value out;
  out.kind_ = Kind::kString;
  out.view_ = text;
  return out;
}

Value Value::of_string(std::string text) {
  Value out;
  out.kind_ = Kind::kString;
  out.text_ = std::make_shared<const std::string>(std::move(text));
  return out;
}

Value Value::of_list(List items) {
  Value out;
  out.kind_ = Kind::kList;
  out.list_ = std::make_shared<const List>(std::move(items));
  return out;
}

Value Value::of_time(WallTime time) {
  Value out;
  out.kind_ = Kind::kTimestamp;
  out.integer_ = time.time_since_epoch().count();
  return out;
}

Value Value::of_duration(std::chrono::nanoseconds duration) {
  Value out;
  out.kind_ = Kind::kDuration;
  out.integer_ = duration.count();
  return out;
}

Value Value::of_node(const Node& node) {
  Value out;
  switch (node.kind) {
    case Node::Kind::kNull: return out;
    case Node::Kind::kBoolean: return of_bool(node.boolean);
    case Node::Kind::kString: return of_view(node.text);
    case Node::Kind::kNumber: {
      std::int64_t integer = 0;
      const char* const end = node.text.data() + node.text.size();
      const auto read = std::from_chars(node.text.data(), end, integer);
      if (read.ec == std::errc() && read.ptr == end) return of_int(integer);
      return of_double(to_double(node.text));
    }
    case Node::Kind::kArray: out.kind_ = Kind::kList; break;
    case Node::Kind::kObject: out.kind_ = Kind::kMap; break;
  }
  out.node_ = &node;
  return out;
}

std::size_t Value::size() const {
  switch (kind_) {
    case Kind::kString: return text().size();
    case Kind::kList: return list_ ? list_->size() : node_->items.size();
    case Kind::kMap: return node_->members.size();
    default: return 0;
  }
}

Value Value::item(std::size_t index) const {
  return list_ ? (*list_)[index] : of_node(node_->items[index]);
}

Value Value::key(std::size_t index) const {
  return of_view(node_->members[index].key);
}

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull: return "null";
    case Value::Kind::kBool: return "bool";
    case Value::Kind::kInt: return "int";
    case Value::Kind::kDouble: return "double";
    case Value::Kind::kString: return "string";
    case Value::Kind::kList: return "list";
    case Value::Kind::kMap: return "map";
    case Value::Kind::kTimestamp: return "timestamp";
    case Value::Kind::kDuration: return "duration";
  }
  return "null";
}

}  // namespace kintsugi::trust::cel
