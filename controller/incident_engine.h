// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "controller/reconciler.h"
#include "controller/remembered_ledger.h"
#include "k8s-client/runtime/work_queue.h"

namespace kintsugi::controller {

/// Works on incidents, wherever they live: the queue, its workers, and what is to be done from time to time.
/// Thread-safe.
class IncidentEngine {
 public:
  /// The metrics' name of the queue's controller, and of its workers there are this many.
  static constexpr const char* kController = "incident";
  static constexpr unsigned kWorkers = 32;

  /// References must outlive the engine. `world.wake` is to lead to wake().
  IncidentEngine(World& world, RememberedLedger& ledger);
  ~IncidentEngine();

  Reconciler& reconciler() { return reconciler_; }
  void wake(const std::string& incident, k8s::WorkPriority priority = k8s::WorkPriority::kNormal);
  void wake_all();
  /// This process has won the create of an incident: it is contained before anything else is done.
  void won(const std::string& incident, MonotonicTime create_started);

  /// Shows the queue in the metrics, before there is anything in it.
  void begin();
  void start_workers();
  /// Takes nothing more, and waits for what is under way, for ten seconds at most.
  void drain();
  /// Ends the workers.
  void stop();

  /// Loads the ledger if this process leads and has not yet.
  void refresh();
  /// Keeps in bounds what grows without end, where this process leads. Of one thread.
  void tidy(std::stop_token stop);
  /// The text of /metrics. The recovery metrics are the leader's, and complete or absent.
  std::string exposition() const;

 private:
  class QueueObserver;

  k8s::ReconcileResult reconcile(const std::string& incident);
  metrics::ControllerMetrics& counted() const { return world_.metrics.controller(kController); }

  World& world_;
  RememberedLedger& ledger_;
  const std::unique_ptr<k8s::WorkQueueObserver> observer_;
  k8s::WorkQueue queue_;
  Reconciler reconciler_;
  MonotonicTime next_compaction_{};  ///< of tidy()
  std::vector<std::jthread> workers_;
};

}  // namespace kintsugi::controller
