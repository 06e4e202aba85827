// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/incident.h"

namespace kintsugi::incidents {

/// Where incidents live. Thread-safe.
///
/// Reads without I/O (`cached`, the `of_…`, `list`) never show less than what this process has itself
/// written, or read with get(). Identity is the name: of two creates of one name exactly one succeeds,
/// anywhere.
class IncidentStore {
 public:
  using Pointer = std::shared_ptr<const Incident>;

  virtual ~IncidentStore() = default;

  /// Errors: kAlreadyExists; `outcome_unknown` where no answer came: look with get() whether the one that is
  /// there has this `opener`.
  virtual Result<Incident> create(const Incident& incident, std::chrono::milliseconds timeout) = 0;
  /// Live. kNotFound where there is none.
  virtual Result<Incident> get(const std::string& name) = 0;
  /// Writes the status if the incident is still at `incident.resource_version`, else kConflict.
  virtual Result<Incident> update_status(const Incident& incident) = 0;
  /// Puts our finalizer on an incident that somebody wrote by hand, so that it cannot go without the ledger.
  virtual Result<void> hold_finalizer(const Incident& incident) = 0;
  /// Takes our finalizer off an incident that is being deleted. Succeeds where it has none.
  virtual Result<void> release_finalizer(const Incident& incident) = 0;
  /// Asks for the deletion of an incident that is over, if it is still at `incident.resource_version`, else
  /// kConflict. Succeeds where it is gone.
  virtual Result<void> remove(const Incident& incident) = 0;

  virtual Pointer cached(const std::string& name) const = 0;
  /// All generations of a target, lowest first.
  virtual std::vector<Pointer> of_target(const std::string& target_uid) const = 0;
  /// Of all targets that this controller owns, by its UID, or that are in this namespace.
  virtual std::vector<Pointer> of_owner(const std::string& owner_uid) const = 0;
  virtual std::vector<Pointer> of_namespace(const std::string& name_space) const = 0;
  virtual std::vector<Pointer> list() const = 0;
  /// `changed` is called with the name of each incident that came, changed or went, on a thread of the store:
  /// enqueue and return. Before the store is started.
  virtual void subscribe(std::function<void(const std::string& name)> changed) = 0;
};

}  // namespace kintsugi::incidents
