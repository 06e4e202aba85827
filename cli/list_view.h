// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/table.h"
#include "model/incident.h"

namespace kintsugi::cli {

/// Incidents as a table, once or again and again as they change.
class ListView {
 public:
  struct Options {
    bool wide = false;        ///< also what is waited for, the playbook, the times to contain and to recover
    bool namespaces = false;  ///< the incident's own namespace first
    bool titles = true;
    bool colour = false;
  };

  explicit ListView(Options options);

  /// The lines of what this view has not shown yet in this version; titles with the first of them. What is
  /// open comes first, of that the worst, of that the newest.
  std::string show_news(std::vector<Incident> incidents, WallTime now);

 private:
  Table::Row row_of(const Incident& incident, WallTime now) const;

  const Options options_;
  Table table_;
  bool titles_due_;
  std::map<std::pair<std::string, std::string>, std::string>
      shown_;  ///< resource versions by namespace and name
};

}  // namespace kintsugi::cli
