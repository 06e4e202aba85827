// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/time.h"
#include "metrics/report.h"

namespace kintsugi::metrics {
namespace {

using Cells = std::array<std::string, 11>;

const Cells kHeader{"group",          "detected",    "contain_n", "contain_mean",
                    "contain_median", "contain_p90", "recover_n", "recover_mean",
                    "recover_median", "recover_p90", "band"};

using DurationText = std::string (*)(const Statistics& of, double seconds);

std::string for_people(const Statistics& of, double seconds) {
  if (of.n == 0) return "-";
  return format_duration(std::chrono::nanoseconds(std::int64_t(seconds * 1e9)));
}

std::string for_machines(const Statistics& of, double seconds) {
  return of.n == 0 ? "" : fmt::format("{:.6f}", seconds);
}

Cells cells_of(const ReportRow& row, DurationText text) {
  const Statistics &contain = row.contain, &recover = row.recover;
  return {row.group,
          std::to_string(row.detected),
          std::to_string(contain.n),
          text(contain, contain.mean),
          text(contain, contain.median),
          text(contain, contain.p90),
          std::to_string(recover.n),
          text(recover, recover.mean),
          text(recover, recover.median),
          text(recover, recover.p90),
          std::string(row.band)};
}

std::string caution(const Report& report) {
  for (const ReportRow& row : report.rows) {
    if (row.contain.n < 10 || row.recover.n < 10)
      return "Below n = 10 means and percentiles say little about a trend.\n";
  }
  return {};
}

std::string period(const Report& report) {
  return fmt::format("From {} to {}.\n", format_seconds(report.since), format_seconds(report.until));
}

char to_title_character(char c) {
  return c == '_' ? '-' : char(std::toupper(static_cast<unsigned char>(c)));
}

std::string to_table(const Report& report) {
  std::vector<Cells> lines{kHeader};
  for (std::string& title : lines.front())
    std::transform(title.begin(), title.end(), title.begin(), to_title_character);
  for (const ReportRow& row : report.rows) lines.push_back(cells_of(row, for_people));
  std::array<std::size_t, kHeader.size()> widths{};
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i) text += fmt::format("{:<{}}   ", line[i], widths[i]);
    text += line.back() + "\n";
  }
  return text + "\n" + period(report) + caution(report);
}

std::string to_csv(const Report& report) {
  std::string text = fmt::format("{}\n", fmt::join(kHeader, ","));
  for (const ReportRow& row : report.rows)
    text += fmt::format("{}\n", fmt::join(cells_of(row, for_machines), ","));
  return text;
}

std::string to_markdown(const Report& report) {
  std::string text = fmt::format("| {} |\n|", fmt::join(kHeader, " | "));
  for (std::size_t i = 0; i < kHeader.size(); ++i) text += "---|";
  text += "\n";
  for (const ReportRow& row : report.rows) {
    text += fmt::format("| {} |\n", fmt::join(cells_of(row, for_people), " | "));
  }
  return text + "\n" + period(report) + caution(report);
}

nlohmann::json to_json(const Statistics& of) {
  if (of.n == 0) return {{"n", 0}, {"mean", nullptr}, {"median", nullptr}, {"p90", nullptr}};
  return {{"n", of.n}, {"mean", of.mean}, {"median", of.median}, {"p90", of.p90}};
}

std::string to_json(const Report& report) {
  nlohmann::json rows = nlohmann::json::array();
  for (const ReportRow& row : report.rows) {
    rows.push_back({{"group", row.group},
                    {"detected", row.detected},
                    {"containSeconds", to_json(row.contain)},
                    {"recoverSeconds", to_json(row.recover)},
                    {"band", row.band}});
  }
  return json_text(nlohmann::json{{"since", format_micros(report.since)},
                                  {"until", format_micros(report.until)},
                                  {"rows", rows}},
                   2) +
         "\n";
}

}  // namespace

std::string to_text(const Report& report, ReportFormat format) {
  switch (format) {
    case ReportFormat::kTable: return to_table(report);
    case ReportFormat::kJson: return to_json(report);
    case ReportFormat::kCsv: return to_csv(report);
    case ReportFormat::kMarkdown: return to_markdown(report);
  }
  return {};
}

}  // namespace kintsugi::metrics
