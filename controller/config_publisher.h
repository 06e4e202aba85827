// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/strict_reader.h"
#include "controller/key_memory.h"
#include "controller/playbook_book.h"
#include "controller/settings.h"
#include "playbooks/loader.h"

namespace kintsugi::controller {

/// Playbooks and trust policies on their way into the book, by name, and what is wrong with others.
struct ConfigDocuments {
  std::map<std::string, Playbook> playbooks;
  std::map<std::string, trust::TrustPolicySpec> policies;
  std::set<std::string> problems;
};

/// Brings documents into force: from files, and from wherever else its caller has them. What is wrong is
/// logged once and loses nothing else. For one thread.
class ConfigPublisher {
 public:
  /// `read_object` gives entries of ConfigMaps and Secrets. References must outlive this object. `changed` is
  /// called after the book has changed.
  ConfigPublisher(const Settings& settings, PlaybookBook& book, Logger& log,
                  trust::ObjectTextReader read_object, std::function<void()> changed);

  /// Adds what is in the directories of the settings; of one that cannot be listed, what was in it last.
  void read_files(ConfigDocuments& documents);
  /// Adds a problem.
  void report(const Problem& problem, ConfigDocuments& documents);
  /// Puts the documents in place of those in force, if they differ. Keys and roots that cannot be read for
  /// the moment are as they were read last.
  void publish(ConfigDocuments documents);

  /// By policy: why its keys are the last ones known.
  const std::map<std::string, std::string>& stale_keys() const { return stale_keys_; }

 private:
  void read_playbook_files(ConfigDocuments& documents);
  void read_policy_files(ConfigDocuments& documents);
  void report_directory(const std::string& directory, const Error& error, ConfigDocuments& documents);
  void read_policy_file(const std::string& file, ConfigDocuments& documents);
  void read_trusted_roots();

  const Settings& settings_;
  PlaybookBook& book_;
  Logger& log_;
  const std::function<void()> changed_;
  KeyMemory keys_;
  std::vector<Playbook> file_playbooks_;
  std::map<std::string, trust::TrustPolicySpec> file_policies_;
  trust::RootSet trusted_roots_;
  std::string roots_trouble_;  ///< why they could not be read; logged once
  std::map<std::string, std::string> stale_keys_;
  std::set<std::string> reported_;
  std::string published_ = "nothing yet";
};

}  // namespace kintsugi::controller
