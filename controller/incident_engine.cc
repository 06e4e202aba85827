// SPDX-License-Identifier: Apache-2.0
#include "controller/incident_engine.h"

#include "controller/expiry.h"
#include "k8s-client/runtime/worker.h"
#include "metrics/exposition.h"

namespace kintsugi::controller {
namespace {

constexpr std::chrono::seconds kReconcileTimeout{30};
constexpr std::chrono::seconds kDrainTimeout{10};
constexpr std::chrono::hours kCompact{1};
/// The rest stays free for containment, while these wait for a rate limit or a slow API server.
constexpr std::size_t kWorkersForTheRest = 16;

}  // namespace

/// Hands the queue's durations to the metrics.
class IncidentEngine::QueueObserver final : public k8s::WorkQueueObserver {
 public:
  explicit QueueObserver(metrics::ControllerMetrics& metrics) : metrics_(metrics) {}
  void on_taken(std::chrono::nanoseconds queued) override { metrics_.queue_taken(queued); }
  void on_done(std::chrono::nanoseconds worked) override { metrics_.queue_done(worked); }

 private:
  metrics::ControllerMetrics& metrics_;
};

IncidentEngine::IncidentEngine(World& world, RememberedLedger& ledger)
    : world_(world),
      ledger_(ledger),
      observer_(std::make_unique<QueueObserver>(counted())),
      queue_(world.clock, {.most_other_work = kWorkersForTheRest}, observer_.get()),
      reconciler_(world) {}

IncidentEngine::~IncidentEngine() {
  drain();
  stop();
}

void IncidentEngine::wake(const std::string& incident, k8s::WorkPriority priority) {
  queue_.add(incident, priority);
}

void IncidentEngine::wake_all() {
  for (const auto& incident : world_.store.list()) wake(incident->name, k8s::WorkPriority::kHousekeeping);
}

void IncidentEngine::won(const std::string& incident, MonotonicTime create_started) {
  reconciler_.won(incident, create_started);
  wake(incident, k8s::WorkPriority::kContainment);
}

void IncidentEngine::begin() {
  counted().set_queue([this] {
    const k8s::WorkQueueMetrics now = queue_.metrics();
    return metrics::QueueState{now.depth, now.adds, now.retries, now.unfinished, now.longest_running};
  });
}

k8s::ReconcileResult IncidentEngine::reconcile(const std::string& incident) {
  counted().reconcile_started();
  const MonotonicTime started = world_.clock.monotonic();
  auto result = reconciler_.reconcile(incident);
  const auto kind = !result   ? metrics::ReconcileResult::kError
                    : *result ? metrics::ReconcileResult::kRequeueAfter
                              : metrics::ReconcileResult::kSuccess;
  counted().reconcile_ended(kind, world_.clock.monotonic() - started);
  return result;
}

void IncidentEngine::start_workers() {
  const auto work = [this](const std::string& name, MonotonicTime) { return reconcile(name); };
  for (unsigned i = 0; i < kWorkers; ++i) {
    workers_.emplace_back(
        [this, work] { k8s::run_worker(queue_, work, kReconcileTimeout, world_.clock, world_.log); });
  }
}

void IncidentEngine::drain() {
  queue_.shut_down();
  queue_.drain(world_.clock.monotonic() + kDrainTimeout);
}

void IncidentEngine::stop() {
  workers_.clear();
  counted().set_queue({});
}

void IncidentEngine::refresh() {
  if (!world_.leadership.leads() || ledger_.is_loaded()) return;
  if (auto loaded = ledger_.load(); !loaded) {
    world_.log.warning("The ledger is not loaded yet", {{"error", loaded.error().to_string()}});
  }
}

void IncidentEngine::tidy(std::stop_token stop) {
  if (!world_.leadership.outlasts({})) return;
  expire_incidents(world_, std::move(stop));
  if (!ledger_.is_loaded() || world_.clock.monotonic() < next_compaction_) return;
  next_compaction_ = world_.clock.monotonic() + kCompact;
  const auto compacted = ledger_.compact_old(world_.store, world_.clock.now());
  if (!compacted) {
    world_.log.warning("The ledger's old records are still one by one",
                       {{"error", compacted.error().to_string()}});
  } else if (*compacted > 0) {
    world_.log.info("Old records of the ledger are totals now", {{"records", std::to_string(*compacted)}});
  }
}

std::string IncidentEngine::exposition() const {
  const Settings& settings = world_.settings;
  const auto history = world_.leadership.leads() ? ledger_.history(world_.store) : std::nullopt;
  const metrics::Objectives objectives{settings.containment_objective, settings.recovery_objective};
  return metrics::expose(world_.metrics, history, objectives, world_.clock.now());
}

}  // namespace kintsugi::controller
