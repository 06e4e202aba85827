// SPDX-License-Identifier: Apache-2.0
//
// What the bench prints: a line for each thing measured, beside its floor and its aim.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kintsugi::bench {

using Duration = std::chrono::nanoseconds;

/// Measured durations.
class Samples {
 public:
  void add(Duration sample);
  std::size_t size() const { return sorted_.size(); }
  /// The smallest sample that at least `fraction` of all do not exceed; zero where there are none.
  Duration percentile(double fraction) const;

 private:
  std::vector<Duration> sorted_;
};

/// What a figure should be. `is_met` judges the ratio where the line has a floor, else the figure itself.
struct Aim {
  std::string text;
  std::function<bool(double)> is_met;
};
Aim at_most(double most, const std::string& unit);
Aim at_least(double least, const std::string& unit);

/// Writes to standard output, a line at a time, as soon as it is known.
class Report {
 public:
  void heading(const std::string& text);
  /// What the reader must know, or why something was not measured.
  void remark(const std::string& text);
  void figure(const std::string& what, const std::string& measured);
  void figure(const std::string& what, double measured, const std::string& unit, const Aim& aim);
  void ratio(const std::string& what, Duration measured, Duration floor, const std::optional<Aim>& aim = {});
  /// Something was lost, or could not be measured: the bench fails.
  void failure(const std::string& text);

  bool failed() const { return failures_ > 0; }
  /// How many aims were met, and how many there are.
  void summary();

 private:
  std::string verdict(const Aim& aim, double value);

  std::size_t failures_ = 0;
  std::size_t aims_ = 0;
  std::size_t met_ = 0;
};

}  // namespace kintsugi::bench
