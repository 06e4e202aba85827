// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <utility>

namespace kintsugi::cli {
namespace {

constexpr std::size_t kGap = 3;

/// Characters, which is columns for all that escape() lets through but wide scripts.
std::size_t width_of(std::string_view text) {
  return std::size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (std::uint8_t(c) & 0xC0) != 0x80; }));
}

std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain: return "";
    case Tone::kGood: return "\x1b[32m";
    case Tone::kWarning: return "\x1b[33m";
    case Tone::kBad: return "\x1b[31m";
    case Tone::kTitle: return "\x1b[1m";
  }
  return "";
}

}  // namespace

std::string paint(std::string_view text, Tone tone, bool colour) {
  if (!colour || tone == Tone::kPlain || text.empty()) return std::string(text);
  return std::string(code_of(tone)) + std::string(text) + "\x1b[0m";
}

Table::Table(std::vector<std::string> titles) : titles_(std::move(titles)) {
  for (const std::string& title : titles_) widths_.push_back(width_of(title));
}

void Table::add(Row row) {
  for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width_of(row[i].text));
  rows_.push_back(std::move(row));
}

std::string Table::take_text(bool with_titles, bool colour, std::string_view indent) {
  std::string text;
  if (with_titles) {
    Row head;
    for (const std::string& title : titles_) head.push_back({title, Tone::kTitle});
    text += line_of(head, colour, indent);
  }
  for (const Row& row : rows_) text += line_of(row, colour, indent);
  rows_.clear();
  return text;
}

std::string Table::line_of(const Row& row, bool colour, std::string_view indent) const {
  std::string line(indent);
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += paint(row[i].text, row[i].tone, colour);
    if (i + 1 < row.size()) line.append(widths_[i] - width_of(row[i].text) + kGap, ' ');
  }
  return line + "\n";
}

}  // namespace kintsugi::cli
