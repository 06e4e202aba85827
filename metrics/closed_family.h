// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
template <class T>
class Family;
}

namespace kintsugi::metrics {

/// A label and every value that it can have.
struct Dimension {
  std::string label;
  std::vector<std::string> values;

  template <class Values>
  Dimension(std::string label_name, const Values& all)
      : label(std::move(label_name)), values(all.begin(), all.end()) {}
};

/// All metrics of a family, made at the start, one for each combination of values: every series is exposed at
/// 0 before anything happens, and their number is bounded. Finding one takes no lock; using it is as
/// thread-safe as Metric.
template <class Metric>
class ClosedFamily {
 public:
  /// `arguments` go to the constructor of each metric. `family` owns them.
  template <class... Arguments>
  ClosedFamily(prometheus::Family<Metric>& family, std::vector<Dimension> dimensions,
               const Arguments&... arguments)
      : dimensions_(std::move(dimensions)) {
    std::size_t combinations = 1;
    for (const Dimension& dimension : dimensions_) combinations *= dimension.values.size();
    for (std::size_t i = 0; i < combinations; ++i)
      metrics_.push_back(&family.Add(labels_of(i), arguments...));
  }

  /// The metric with these values, in the order of the dimensions. A value that a dimension does not have
  /// counts as its last one, which is "other" where that can happen.
  Metric& at(std::initializer_list<std::string_view> values) const {
    assert(values.size() == dimensions_.size());
    std::size_t index = 0;
    auto dimension = dimensions_.begin();
    for (const std::string_view value : values) {
      const std::vector<std::string>& known = (dimension++)->values;
      const auto found = std::find(known.begin(), known.end(), value);
      index = index * known.size() +
              (found == known.end() ? known.size() - 1 : std::size_t(found - known.begin()));
    }
    return *metrics_[index];
  }

 private:
  std::map<std::string, std::string> labels_of(std::size_t index) const {
    std::map<std::string, std::string> labels;
    for (auto dimension = dimensions_.rbegin(); dimension != dimensions_.rend(); ++dimension) {
      labels[dimension->label] = dimension->values[index % dimension->values.size()];
      index /= dimension->values.size();
    }
    return labels;
  }

  std::vector<Dimension> dimensions_;
  std::vector<Metric*> metrics_;
};

}  // namespace kintsugi::metrics
