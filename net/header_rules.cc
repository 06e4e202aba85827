// SPDX-License-Identifier: Apache-2.0
#include "net/header_rules.h"

#include <algorithm>

#include "base/escape.h"

namespace kintsugi::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + 32) : c;
}

bool is_token_byte(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_byte);
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  });
}

Result<void> check_headers(const Headers& headers) {
  for (const auto& [name, value] : headers.all()) {
    if (is_token(name) && is_field_value(value)) continue;
    return fail(ErrorCode::kInvalidInput,
                "header \"" + escape(name, 80) + "\" has characters that HTTP forbids");
  }
  return {};
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace kintsugi::net
