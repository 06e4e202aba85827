// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/testing/scratch_directory.h"
#include "net/http.h"
#include "tests/support/controller_process.h"

namespace kintsugi::bench {

/// The controller of the lab's hypervisor, as a process, with one playbook that rebuilds machines. Throws
/// what goes wrong.
class MachineSite {
 public:
  /// `lab`: the folder with the golden image and the key that it is signed with.
  MachineSite(const std::string& uri, const std::string& lab, const Clock& clock);

  /// Whether the playbook keeps evidence before it goes on.
  enum class Evidence { kNone, kKept };
  /// Accepted when it returns.
  void signal(const std::string& machine, Evidence evidence);
  /// A person's order to give everything back; accepted when it returns.
  void release(const std::string& incident);
  /// Until the controller says this of the incident, and when. For at most a minute.
  MonotonicTime wait_said(const std::string& incident, const std::string& text) const;

 private:
  const Clock& clock_;
  ScratchDirectory directory_;
  std::unique_ptr<support::ControllerProcess> process_;
  std::unique_ptr<net::HttpTransport> person_;
};

}  // namespace kintsugi::bench
