// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kintsugi::bench {
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void print(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

void Samples::add(Duration sample) {
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), sample), sample);
}

Duration Samples::percentile(double fraction) const {
  if (sorted_.empty()) return {};
  const auto rank = std::size_t(std::ceil(fraction * double(sorted_.size())));
  return sorted_[std::max<std::size_t>(rank, 1) - 1];
}

Aim at_most(double most, const std::string& unit) {
  return {fmt::format("at most {:g}{}", most, unit), [most](double value) { return value <= most; }};
}

Aim at_least(double least, const std::string& unit) {
  return {fmt::format("at least {:g}{}", least, unit), [least](double value) { return value >= least; }};
}

void Report::heading(const std::string& text) {
  print("\n" + text);
}

void Report::remark(const std::string& text) {
  print("  " + text);
}

void Report::figure(const std::string& what, const std::string& measured) {
  print(fmt::format("  {:<40} {:>12}", what, measured));
}

void Report::figure(const std::string& what, double measured, const std::string& unit, const Aim& aim) {
  print(fmt::format("  {:<40} {:>12}{}", what, fmt::format("{:.4g}{}", measured, unit),
                    verdict(aim, measured)));
}

void Report::ratio(const std::string& what, Duration measured, Duration floor,
                   const std::optional<Aim>& aim) {
  const double ratio = floor.count() > 0 ? double(measured.count()) / double(floor.count()) : 0;
  print(fmt::format("  {:<40} {:>9.1f} ms   floor {:>9.1f} ms   {:>5.2f}x{}", what, milliseconds(measured),
                    milliseconds(floor), ratio, aim ? verdict(*aim, ratio) : ""));
}

void Report::failure(const std::string& text) {
  ++failures_;
  print("  FAILED: " + text);
}

void Report::summary() {
  print(fmt::format("\n{} of {} aims met, {} failures", met_, aims_, failures_));
}

std::string Report::verdict(const Aim& aim, double value) {
  const bool is_met = aim.is_met(value);
  ++aims_;
  if (is_met) ++met_;
  return fmt::format("   aim {}: {}", aim.text, is_met ? "met" : "NOT met");
}

}  // namespace kintsugi::bench
