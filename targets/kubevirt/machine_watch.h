// SPDX-License-Identifier: Apache-2.0
//
// Follows the VirtualMachines of a cluster, to know when one's template has changed. A machine that runs goes
// on as it was started: nothing of its instance or its launcher tells of it.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/document.h"
#include "base/log.h"
#include "k8s-client/client/client.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/informer.h"

namespace kintsugi::targets {

/// metadata.generation of an object, which the API server raises with each change of the specification, and
/// with no change of the status; 0 where there is none.
std::int64_t generation_of(const Node& object);

/// Of each machine its generation is kept, and nothing else. Thread-safe.
class MachineWatch {
 public:
  /// A machine has come, or changed. Runs on the watch's thread: enqueue and return.
  using Handler =
      std::function<void(const std::string& name_space, const std::string& name, std::int64_t generation)>;

  /// References must outlive the watch. `jitter` differs from process to process.
  MachineWatch(k8s::Client& client, const Clock& clock, Logger& log, std::uint64_t jitter, Handler changed);

  /// Lists and watches from now on, until the destructor; again: nothing. Before, nothing is asked, so that a
  /// cluster without KubeVirt hears nothing of it.
  void begin();

 private:
  struct Seen : k8s::Object {
    std::int64_t generation = 0;
  };
  static Result<Seen> project(k8s::RawJson raw);

  k8s::ClientListWatchSource source_;
  k8s::Informer<Seen> informer_;
  std::once_flag begun_;
  std::jthread thread_;
};

}  // namespace kintsugi::targets
