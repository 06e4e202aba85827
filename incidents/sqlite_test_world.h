// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/testing/scratch_directory.h"
#include "incidents/ledger.h"
#include "incidents/sqlite_database.h"
#include "incidents/sqlite_store.h"

namespace kintsugi::incidents {

/// A directory for databases.
struct DatabaseDirectory : ScratchDirectory {
  std::string file(const std::string& name = "kintsugi.db") const { return *this / name; }
};

inline Incident test_incident(const std::string& name) {
  Incident incident;
  incident.name = name;
  incident.name_space = "kintsugi-system";
  incident.spec.target = {"VirtualMachine", "host", "web", "uid-1"};
  incident.spec.owner = {"Domain", "web", "uid-of-web"};
  incident.spec.playbook = "p";
  incident.spec.origin.source = "falco";
  return incident;
}

inline LedgerRecord test_record(const std::string& uid) {
  LedgerRecord record;
  record.uid = uid;
  record.name = "inc-" + uid;
  record.severity = Severity::kError;
  return record;
}

}  // namespace kintsugi::incidents
