// SPDX-License-Identifier: Apache-2.0
//
// The values of conditions. Lists and maps of documents are not copied: they stay nodes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/time.h"

namespace kintsugi::trust::cel {

/// A value that is cheap to copy. What it views (nodes, the condition) must outlive it.
class Value {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kList, kMap, kTimestamp, kDuration };
  using List = std::vector<Value>;

  Value() = default;
  static Value of_bool(bool value);
  static Value of_int(std::int64_t value);
  static Value of_double(double value);
  static Value of_view(std::string_view text);
  static Value of_string(std::string text);
  static Value of_list(List items);
  static Value of_time(WallTime time);
  static Value of_duration(std::chrono::nanoseconds duration);
  /// Integers that int64 holds are ints, other numbers doubles (beyond their range: infinite).
  static Value of_node(const Node& node);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const { return is(Kind::kInt) || is(Kind::kDouble); }
  bool boolean() const { return integer_ != 0; }
  /// Of a kInt; of a kTimestamp and a kDuration the nanoseconds.
  std::int64_t integer() const { return integer_; }
  double real() const { return real_; }
  std::string_view text() const { return text_ ? std::string_view(*text_) : view_; }
  /// Items of a kList, members of a kMap, bytes of a kString.
  std::size_t size() const;
  Value item(std::size_t index) const;
  /// The key of a kMap's member.
  Value key(std::size_t index) const;
  /// The node of a kMap.
  const Node& map() const { return *node_; }

 private:
  Kind kind_ = Kind::kNull;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view view_;
  std::shared_ptr<const std::string> text_;  ///< null: the text is `view_`
  const Node* node_ = nullptr;
  std::shared_ptr<const List> list_;  ///< null: the items are those of `node_`
};

/// "int", "map": CEL's names of the kinds.
std::string_view kind_name(Value::Kind kind);

}  // namespace kintsugi::trust::cel
