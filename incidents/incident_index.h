// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "incidents/store.h"

namespace kintsugi::incidents {

/// Incidents by name, and the names by what else they are looked for. Lists are by name. Not thread-safe.
class IncidentIndex {
 public:
  using Pointer = IncidentStore::Pointer;

  /// Adds it, or replaces the one of its name.
  void put(Pointer incident);
  void erase(const std::string& name);

  /// nullptr: there is none.
  Pointer find(const std::string& name) const;
  /// By number: those of a target are the generations of one name.
  std::vector<Pointer> of_target(const std::string& uid) const;
  std::vector<Pointer> of_owner(const std::string& uid) const { return list(by_owner_, uid); }
  /// Of the target.
  std::vector<Pointer> of_namespace(const std::string& name) const { return list(by_namespace_, name); }
  std::vector<Pointer> list() const;

 private:
  using ByName = std::map<std::string, Pointer>;
  using ByKey = std::map<std::string, ByName>;
  static std::vector<Pointer> list(const ByKey& index, const std::string& key);

  ByName all_;
  ByKey by_target_, by_owner_, by_namespace_;
};

}  // namespace kintsugi::incidents
