// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>

#include "metrics/recovery.h"

namespace kintsugi::metrics {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string expose(std::vector<prometheus::MetricFamily> families) {
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (prometheus::MetricFamily& family : families) {
    // The serialiser writes help texts as they are: a line end in one would break the format.
    replace_all(family.help, "\\", "\\\\");
    replace_all(family.help, "\n", "\\n");
    std::stable_sort(family.metric.begin(), family.metric.end(),
                     [](const auto& a, const auto& b) { return a.label < b.label; });
  }
  std::string text = prometheus::TextSerializer().Serialize(families);
  // It writes "Nan", which the format does not know. Values end their lines, and in no label is a bare line
  // end.
  replace_all(text, " Nan\n", " NaN\n");
  return text;
}

std::string expose(const Registry& registry, const std::optional<RecoveryHistory>& history,
                   const Objectives& objectives, WallTime now) {
  std::vector<prometheus::MetricFamily> families = registry.collect();
  if (history) {
    std::vector<prometheus::MetricFamily> recovery = recovery_families(history->records, objectives, now);
    history->totals.add_to(recovery);
    std::move(recovery.begin(), recovery.end(), std::back_inserter(families));
  }
  return expose(std::move(families));
}

}  // namespace kintsugi::metrics
