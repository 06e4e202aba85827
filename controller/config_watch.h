// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "controller/config_status.h"
#include "controller/playbook_book.h"
#include "controller/settings.h"
#include "k8s-client/client/client.h"

namespace kintsugi::controller {

/// Keeps the book current: Playbook and TrustPolicy resources and files, the keys that policies refer to, and
/// the mode of the ConfigMap "kintsugi". What is wrong is logged once and loses nothing else; of two
/// documents of one name the resource counts. A key that cannot be read for the moment is as it was read
/// last.
class ConfigWatch {
 public:
  /// References must outlive this object. `changed` is called after the book has changed.
  ConfigWatch(k8s::Client& client, const Settings& settings, PlaybookBook& book, const Clock& clock,
              Logger& log, std::function<void()> changed);
  ~ConfigWatch();

  /// One thread for each watch and one that rebuilds; they end when the threads are destroyed.
  std::vector<std::jthread> start();
  /// Blocks until the book holds what there is.
  Result<void> wait_for_sync(MonotonicTime deadline, std::stop_token stop);
  /// What became of each resource when it was last loaded. Thread-safe.
  std::vector<ConfigVerdict> verdicts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::controller
