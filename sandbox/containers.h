// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/core/exec_frames.h"
#include "k8s-client/core/resource.h"

namespace kintsugi::sandbox {

/// What runs inside of the containers: scripted processes and logs. Every container knows `ps` and its tables
/// of sockets until told otherwise. Thread-safe.
class Containers {
 public:
  Containers();

  /// Commands that start with these words, joined by spaces, give this result from now on, in every
  /// container.
  void script(const std::string& command_prefix, k8s::ExecResult result);
  void set_log(const k8s::ObjectKey& pod, std::string log);

  /// The result of the longest prefix that fits; nothing where there is no such program.
  std::optional<k8s::ExecResult> run(const std::vector<std::string>& command) const;
  std::string log(const k8s::ObjectKey& pod, bool previous) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, k8s::ExecResult> scripts_;
  std::map<k8s::ObjectKey, std::string> logs_;
};

}  // namespace kintsugi::sandbox
