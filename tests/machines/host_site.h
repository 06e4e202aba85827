// SPDX-License-Identifier: Apache-2.0
//
// The controller of a hypervisor as a process that may end and come back, for tests beside the lab's
// machines.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/testing/scratch_directory.h"
#include "incidents/sqlite_store.h"
#include "tests/support/controller_process.h"

namespace kintsugi::machines {

/// Whether it comes true within the patience.
bool comes_true(const std::function<bool()>& what, std::chrono::seconds patience = std::chrono::seconds(60));

/// What Falco would say about a domain, named by its name.
std::string event_about(const std::string& domain);

/// The name of the first incident about a domain.
std::string incident_of(const std::string& uuid);

/// A person's order, to a store that no controller has.
void order_release(incidents::SqliteIncidentStore& store, Incident incident, ReleaseOrder::Victim victim);

/// A person's decision about a step that waits, to a store that no controller has.
void order_approval(incidents::SqliteIncidentStore& store, Incident incident, const std::string& step,
                    bool is_approved);

/// A playbook for signals of Falco, with that mode and these steps: a YAML list.
std::string playbook_of(const std::string& mode, const std::string& steps);

class Site {
 public:
  using Edit = std::function<void(incidents::SqliteIncidentStore&, Incident)>;

  /// With one playbook, and a policy for golden images or none.
  explicit Site(const std::string& playbook, const std::string& trust_policy = "");

  /// Ends the controller that there is, and starts one; returns when it is ready.
  support::ControllerProcess& start();
  /// Has the controller end in order: what it has logged is in its database then.
  void end();
  support::ControllerProcess& controller() { return *controller_; }
  /// Whether the controller's log has the text within the patience.
  bool logs(const std::string& text, std::chrono::seconds patience = std::chrono::seconds(60));

  /// The incidents, while no controller has them; `edit` may decide about each.
  std::vector<Incident> incidents(const Edit& edit = {});
  /// Ends the controller, and orders to release every incident.
  std::vector<Incident> release(ReleaseOrder::Victim victim);

  /// Has the domain protected; `attributes` and `elements` are further terms.
  void protect(const std::string& domain, const std::string& attributes = "",
               const std::string& elements = "");

  const std::string& path() const { return directory_.path(); }
  /// Where the evidence of an incident is.
  std::string evidence_of(const std::string& incident) const { return path() + "/evidence/" + incident; }

 private:
  void run_as_installed(support::ControllerOptions& options);
  void give_files_to(uid_t user);
  std::string state() const { return directory_.path() + "/state/kintsugi.db"; }

  SystemClock clock_;
  ScratchDirectory directory_;
  std::unique_ptr<support::ControllerProcess> controller_;
};

}  // namespace kintsugi::machines
