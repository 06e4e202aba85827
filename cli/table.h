// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kintsugi::cli {

/// What a piece of text means to the reader; a terminal shows it as a colour.
enum class Tone : std::uint8_t { kPlain, kGood, kWarning, kBad, kTitle };

/// `text` in the colour of its tone, or unchanged without `colour`.
std::string paint(std::string_view text, Tone tone, bool colour);

/// Text of one cell, escaped already.
struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

/// Columns as kubectl prints them: left-aligned, three spaces between them, the last one not padded.
class Table {
 public:
  using Row = std::vector<Cell>;

  explicit Table(std::vector<std::string> titles);

  /// As many cells as there are titles.
  void add(Row row);
  bool empty() const { return rows_.empty(); }
  /// Takes the rows out. Columns are as wide as the widest cell there ever was, so that what is printed later
  /// lines up with what was printed before.
  std::string take_text(bool with_titles, bool colour, std::string_view indent = "");

 private:
  std::string line_of(const Row& row, bool colour, std::string_view indent) const;

  std::vector<std::string> titles_;
  std::vector<Row> rows_;
  std::vector<std::size_t> widths_;
};

}  // namespace kintsugi::cli
