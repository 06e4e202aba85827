// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kintsugi {

/// Text that must not reach logs, errors, metrics, events, evidence or the command line. There is no implicit
/// conversion and no formatter; `reveal()` is the one way out and easy to search for. Wiped on destruction.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  /// The text; valid while this object lives and is not assigned to.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  /// Takes time that depends on the lengths only.
  bool equals(std::string_view other) const;

 private:
  void wipe();
  std::string text_;
};

}  // namespace kintsugi
