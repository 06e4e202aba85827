// SPDX-License-Identifier: Apache-2.0
#include "cli/document_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "base/escape.h"
#include "base/yaml_scalar.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

std::string ascii(const json& value, int indent = -1) {
  return value.dump(indent, ' ', true, json::error_handler_t::replace);
}

/// JSON writes a character beyond U+FFFF as two escapes, which YAML does not put together again.
std::string join_surrogates(const std::string& quoted) {
  std::string out;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    const bool is_high = quoted.compare(i, 3, "\\ud") == 0 &&
                         std::string_view("89ab").find(quoted[i + 3]) != std::string_view::npos;
    if (is_high) {
      const unsigned long high = std::stoul(quoted.substr(i + 2, 4), nullptr, 16);
      const unsigned long low = std::stoul(quoted.substr(i + 8, 4), nullptr, 16);
      const unsigned long point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += "\\U";
      for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(point >> shift) & 15];
      i += 11;
    } else {
      out += quoted.substr(i, 2);
      ++i;
    }
  }
  return out;
}

/// Words that YAML 1.1 takes for booleans.
bool is_old_boolean(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  for (const std::string_view word : {"y", "n", "yes", "no", "on", "off"}) {
    if (text == word) return true;
  }
  return false;
}

bool is_plain(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_fitting = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view(" _./@+-:").find(c) != std::string_view::npos;
  };
  if (text.empty() || !(is_letter(text.front()) || text.front() == '/')) return false;
  if (!std::all_of(text.begin(), text.end(), is_fitting)) return false;
  if (text.back() == ' ' || text.back() == ':' || text.find(": ") != std::string::npos) return false;
  const auto meaning = resolve_plain_scalar(text);
  return meaning && meaning->kind == Node::Kind::kString && !is_old_boolean(text);
}

std::string scalar(const json& value) {
  if (!value.is_string()) return ascii(value);
  const auto& text = value.get_ref<const std::string&>();
  return is_plain(text) ? text : join_surrogates(ascii(value));
}

void write(const json& value, std::size_t depth, std::string& out);

/// What stands after "key:" or "-": on the same line where it is short.
void write_nested(const json& value, std::size_t depth, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += "\n";
    write(value, depth, out);
  } else {
    out += " " + scalar(value) + "\n";
  }
}

void write(const json& value, std::size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      out += indent + scalar(key) + ":";
      // A list may stand where its key stands, as kubectl has it.
      write_nested(member, member.is_array() ? depth : depth + 1, out);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const json& item : value) {
      if (item.is_structured() && !item.empty()) {
        std::string block;
        write(item, depth + 1, block);
        block[depth * 2] = '-';
        out += block;
      } else {
        out += indent + "- " + scalar(item) + "\n";
      }
    }
  } else {
    out += indent + scalar(value) + "\n";
  }
}

}  // namespace

std::string to_json_text(const json& value) {
  return ascii(value, 2) + "\n";
}

std::string to_yaml_text(const json& value) {
  std::string out;
  write(value, 0, out);
  return out;
}

std::string to_json_line(std::string_view json_text, std::size_t max_bytes) {
  const auto value = parse_json(json_text);
  if (!value) return escape(json_text, max_bytes);
  std::string line = ascii(*value);
  if (line.size() > max_bytes) line = line.substr(0, max_bytes) + "…";
  return line;
}

}  // namespace kintsugi::cli
