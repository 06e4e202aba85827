// SPDX-License-Identifier: Apache-2.0
//
// A hypervisor with its controller as a process, which may be killed and come back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "incidents/sqlite_store.h"
#include "tests/support/controller_process.h"
#include "tests/support/scratch_directory.h"

namespace kintsugi::machines {

/// An alert of Falco about the machine of that name.
std::string event_about(const std::string& domain);
/// The first incident about the machine with that UUID.
std::string incident_of(const std::string& uuid);
bool comes_true(const std::function<bool()>& what, std::chrono::seconds patience = std::chrono::seconds(20));

class Site {
 public:
  /// Its one playbook takes signals of Falco, has that mode, and these steps: a YAML list.
  Site(const std::string& mode, const std::string& steps);

  /// Another life of the controller, once it is ready.
  support::ControllerProcess& start();
  void end() { controller_.reset(); }
  support::ControllerProcess& controller() { return *controller_; }
  /// Whether the controller says that in its log before long.
  bool logs(const std::string& text, std::chrono::seconds patience = std::chrono::seconds(20));

  /// The incidents, while no controller has them; `edit` may decide about each.
  std::vector<Incident> incidents(
      const std::function<void(incidents::SqliteIncidentStore&, Incident)>& edit = {});
  /// Ends the controller, and orders to release every incident.
  std::vector<Incident> release(ReleaseOrder::Victim victim);
  /// Gives the machine to Kintsugi, in its persistent definition. `more`: further attributes.
  void protect(const std::string& domain, const std::string& more = "");
  /// Where the evidence of an incident is.
  std::string evidence_of(const std::string& incident) const;

 private:
  std::string state() const { return directory_.path() + "/state/kintsugi.db"; }

  SystemClock clock_;
  support::ScratchDirectory directory_;
  std::unique_ptr<support::ControllerProcess> controller_;
};

}  // namespace kintsugi::machines
