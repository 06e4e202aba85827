// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/record.h"

namespace prometheus {
struct MetricFamily;
}

namespace kintsugi::metrics {

/// What counters and histograms have from incidents that are not known one by one any more. A value.
///
/// A histogram keeps the bounds that were in force when an incident was added. Of a bound that is asked for
/// later it says what it knows of the next lower one: too little, but it never falls.
class RecoveryTotals {
 public:
  /// Reads what to_text() wrote; the empty text is no incident. kInvalidInput: anything else.
  static Result<RecoveryTotals> parse(std::string_view text);
  /// A JSON object, below 10 kB.
  std::string to_text() const;

  /// Adds what recovery_families() counts and observes of these records.
  void add(std::span<const IncidentRecord> records, const Objectives& objectives);
  void add(const RecoveryTotals& other);
  /// Adds to the counters and histograms of the families. Series that they do not have are left out.
  void add_to(std::vector<prometheus::MetricFamily>& families) const;

 private:
  struct Histogram {
    std::uint64_t count = 0;
    double sum = 0;
    std::map<double, std::uint64_t> buckets;  ///< cumulative, by upper bound

    /// How many were observed that are known to be at most `bound`.
    std::uint64_t at_most(double bound) const;
    void add(const Histogram& other);
  };

  /// By family and then by labels, "severity=error,source=falco".
  std::map<std::string, std::map<std::string, double>> counters_;
  std::map<std::string, std::map<std::string, Histogram>> histograms_;
};

}  // namespace kintsugi::metrics
