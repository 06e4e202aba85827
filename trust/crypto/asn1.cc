// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/asn1.h"

#include <algorithm>
#include <string>

#include "base/time.h"
#include "trust/crypto/openssl.h"

namespace kintsugi::trust {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kNull = 0x05, kObject = 0x06,
                       kEnumerated = 0x0A, kSequence = 0x30, kSet = 0x31;
constexpr std::uint8_t kClass = 0xC0, kConstructed = 0x20, kNumber = 0x1F;

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return std::uint8_t(bytes[index]);
}

struct Value {
  std::uint8_t tag;
  std::string_view content;
};

/// Takes the value that `rest` starts with.
std::optional<Value> take_value(std::string_view& rest) {
  if (rest.size() < 2) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = byte_at(rest, 1);
  if (length >= 0x80) {
    const std::size_t count = length & 0x7FU;  // 0: indefinite
    if (count == 0 || count > 4 || rest.size() < header + count) return std::nullopt;
    length = 0;
    for (; header < 2 + count; ++header) length = length << 8 | byte_at(rest, header);
    if (length < 0x80 || length >> (8 * (count - 1)) == 0) return std::nullopt;
  }
  if (rest.size() - header < length) return std::nullopt;
  const Value value{byte_at(rest, 0), rest.substr(header, length)};
  rest.remove_prefix(header + length);
  return value;
}

bool is_integer(std::string_view content) {
  if (content.size() < 2) return content.size() == 1;
  const bool negative = (byte_at(content, 1) & 0x80) != 0;
  return byte_at(content, 0) != (negative ? 0xFF : 0x00);
}

bool is_bit_string(std::string_view content) {
  if (content.empty()) return false;
  const unsigned unused = byte_at(content, 0);
  if (content.size() == 1) return unused == 0;
  return unused < 8 && (std::uint8_t(content.back()) & ((1u << unused) - 1)) == 0;
}

bool is_object_identifier(std::string_view content) {
  bool starts = true;  // a number, of which 0x80 would be a leading zero
  for (const char c : content) {
    if (starts && std::uint8_t(c) == 0x80) return false;
    starts = (std::uint8_t(c) & 0x80) == 0;
  }
  return starts && !content.empty();
}

bool is_der_value(const Value& value, int depth);

bool are_der_values(std::string_view content, bool in_order, int depth) {
  std::string_view previous;
  while (!content.empty()) {
    const std::string_view before = content;
    const auto value = take_value(content);
    if (!value || !is_der_value(*value, depth)) return false;
    const std::string_view encoded = before.substr(0, before.size() - content.size());
    if (in_order && encoded < previous) return false;
    previous = encoded;
  }
  return true;
}

bool is_der_value(const Value& value, int depth) {
  if (depth > kMaxDepth || (value.tag & kNumber) == kNumber) return false;
  const bool constructed = (value.tag & kConstructed) != 0;
  if ((value.tag & kClass) != 0) return !constructed || are_der_values(value.content, false, depth + 1);
  if (constructed) {
    return (value.tag == kSequence || value.tag == kSet) &&
           are_der_values(value.content, value.tag == kSet, depth + 1);
  }
  switch (value.tag) {
    case 0x00:
    case kSequence& kNumber:
    case kSet& kNumber: return false;
    case kBoolean: return value.content == std::string_view("\0", 1) || value.content == "\xFF";
    case kInteger:
    case kEnumerated: return is_integer(value.content);
    case kBitString: return is_bit_string(value.content);
    case kNull: return value.content.empty();
    case kObject: return is_object_identifier(value.content);
    default: return true;
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_fraction(std::string_view text) {
  return text.size() >= 2 && text[0] == '.' && std::all_of(text.begin() + 1, text.end(), is_digit) &&
         text.back() != '0';
}

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

}  // namespace

bool is_der(std::string_view bytes) {
  const auto value = take_value(bytes);
  return value && bytes.empty() && is_der_value(*value, 1);
}

std::optional<std::string> parse_utf8_string(std::string_view der) {
  if (!is_der(der)) return std::nullopt;
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(der);
  const Owned<ASN1_UTF8STRING, ASN1_UTF8STRING_free> text(
      d2i_ASN1_UTF8STRING(nullptr, &at, long(der.size())));
  if (!text) return std::nullopt;
  return std::string(text_of(text.get()));
}

std::optional<WallTime> parse_asn1_time(std::string_view text, TimeForm form) {
  const std::size_t digits = form == TimeForm::kUtcTime ? 12 : 14;
  if (text.size() <= digits || text.back() != 'Z' ||
      !std::all_of(text.begin(), text.begin() + std::ptrdiff_t(digits), is_digit)) {
    return std::nullopt;
  }
  const std::string_view fraction = text.substr(digits, text.size() - digits - 1);
  if (!fraction.empty() && (form != TimeForm::kGeneralizedTimeWithFraction || !is_fraction(fraction)))
    return std::nullopt;
  std::string full(text.substr(0, digits));
  if (form == TimeForm::kUtcTime) full.insert(0, full < "50" ? "20" : "19");
  const int year = std::stoi(full.substr(0, 4));
  const bool fits = year >= 1970 && year <= 2261;
  // Another year of the same length, so that its date is checked all the same.
  if (!fits) full.replace(0, 4, is_leap(year) ? "2000" : "2001");
  full.insert(12, ":").insert(10, ":").insert(8, "T").insert(6, "-").insert(4, "-");
  const auto time = parse_rfc3339(full.append(fraction) + "Z");
  if (!time) return std::nullopt;
  if (fits) return *time;
  return year < 1970 ? WallTime::min() : WallTime::max();
}

}  // namespace kintsugi::trust
