// SPDX-License-Identifier: Apache-2.0
#include "metrics/controller_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <array>
#include <cassert>
#include <mutex>

#include "metrics/builders.h"

namespace kintsugi::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using std::chrono::duration;

constexpr std::array<std::string_view, 4> kResults{"success", "error", "requeue", "requeue_after"};

/// controller-runtime's bounds.
const std::vector<double> kReconcileBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3,  0.35,
                                           0.4,   0.45, 0.5,   0.6,  0.7, 0.8,  0.9, 1,    1.25, 1.5,
                                           1.75,  2,    2.5,   3,    3.5, 4,    4.5, 5,    6,    7,
                                           8,     9,    10,    15,   20,  25,   30,  40,   50,   60};
const std::vector<double> kQueueBounds{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};

std::vector<std::string> names_of(const std::vector<ControllerOptions>& controllers) {
  std::vector<std::string> names;
  for (const ControllerOptions& controller : controllers) names.push_back(controller.name);
  return names;
}

double seconds(std::chrono::nanoseconds time) {
  return duration<double>(time).count();
}

}  // namespace

struct ControllerFamilies::Families {
  Families(prometheus::Registry& registry, const std::vector<std::string>& names)
      : total(counters(registry, "controller_runtime_reconcile_total",
                       "Total number of reconciliations per controller",
                       {{"controller", names}, {"result", kResults}})),
        errors(counters(registry, "controller_runtime_reconcile_errors_total",
                        "Total number of reconciliation errors per controller", {{"controller", names}})),
        terminal_errors(counters(registry, "controller_runtime_terminal_reconcile_errors_total",
                                 "Total number of terminal reconciliation errors per controller",
                                 {{"controller", names}})),
        panics(counters(registry, "controller_runtime_reconcile_panics_total",
                        "Total number of reconciliation panics per controller", {{"controller", names}})),
        timeouts(counters(registry, "controller_runtime_reconcile_timeouts_total",
                          "Total number of reconciliation timeouts per controller", {{"controller", names}})),
        time(histograms(registry, "controller_runtime_reconcile_time_seconds",
                        "Length of time per reconciliation per controller", {{"controller", names}},
                        kReconcileBounds)),
        workers(gauges(registry, "controller_runtime_max_concurrent_reconciles",
                       "Maximum number of concurrent reconciles per controller", {{"controller", names}})),
        active(gauges(registry, "controller_runtime_active_workers",
                      "Number of currently used workers per controller", {{"controller", names}})) {}

  ClosedFamily<prometheus::Counter> total, errors, terminal_errors, panics, timeouts;
  ClosedFamily<prometheus::Histogram> time;
  ClosedFamily<prometheus::Gauge> workers, active;
};

class ControllerFamilies::One final : public ControllerMetrics {
 public:
  One(prometheus::Registry& registry, Families& families, const ControllerOptions& options)
      : name_(options.name),
        families_(families),
        queued_(histograms(registry, "workqueue_queue_duration_seconds",
                           "How long in seconds an item stays in workqueue before being requested",
                           dimensions(), kQueueBounds)),
        worked_(histograms(registry, "workqueue_work_duration_seconds",
                           "How long in seconds processing an item from workqueue takes.", dimensions(),
                           kQueueBounds)) {
    families_.workers.at({name_}).Set(options.workers);
  }

  const std::string& name() const { return name_; }

  void reconcile_started() override { families_.active.at({name_}).Increment(); }

  void reconcile_ended(ReconcileResult result, std::chrono::nanoseconds took) override {
    families_.active.at({name_}).Decrement();
    families_.total.at({name_, kResults[std::size_t(result)]}).Increment();
    if (result == ReconcileResult::kError) families_.errors.at({name_}).Increment();
    families_.time.at({name_}).Observe(seconds(took));
  }

  void count_terminal_error() override { families_.terminal_errors.at({name_}).Increment(); }
  void queue_taken(std::chrono::nanoseconds queued) override {
    queued_.at({name_, name_}).Observe(seconds(queued));
  }
  void queue_done(std::chrono::nanoseconds worked) override {
    worked_.at({name_, name_}).Observe(seconds(worked));
  }

  void set_queue(std::function<QueueState()> state) override {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }

  QueueState queue() const {
    const std::lock_guard lock(mutex_);
    return state_ ? state_() : QueueState();
  }

 private:
  std::vector<Dimension> dimensions() const {
    const std::array<std::string, 1> name{name_};
    return {{"name", name}, {"controller", name}};
  }

  const std::string name_;
  Families& families_;
  ClosedFamily<prometheus::Histogram> queued_, worked_;
  mutable std::mutex mutex_;  ///< held while state_ runs, so that set_queue({}) waits for its end
  std::function<QueueState()> state_;
};

ControllerFamilies::ControllerFamilies(prometheus::Registry& registry,
                                       const std::vector<ControllerOptions>& controllers)
    : families_(std::make_unique<Families>(registry, names_of(controllers))) {
  for (const ControllerOptions& options : controllers) {
    controllers_.push_back(std::make_unique<One>(registry, *families_, options));
  }
}

ControllerFamilies::~ControllerFamilies() = default;

ControllerMetrics& ControllerFamilies::controller(std::string_view name) {
  const auto found = std::find_if(controllers_.begin(), controllers_.end(),
                                  [&](const auto& controller) { return controller->name() == name; });
  assert(found != controllers_.end());
  return **found;
}

std::vector<MetricFamily> ControllerFamilies::collect_queues() const {
  MetricFamily depth{
      "workqueue_depth", "Current depth of workqueue by workqueue and priority", MetricType::Gauge, {}};
  MetricFamily adds{
      "workqueue_adds_total", "Total number of adds handled by workqueue", MetricType::Counter, {}};
  MetricFamily retries{
      "workqueue_retries_total", "Total number of retries handled by workqueue", MetricType::Counter, {}};
  MetricFamily unfinished{
      "workqueue_unfinished_work_seconds",
      "How many seconds of work has been done that is in progress and hasn't been observed by "
      "work_duration. Large values indicate stuck threads.",
      MetricType::Gauge,
      {}};
  MetricFamily longest{"workqueue_longest_running_processor_seconds",
                       "How many seconds has the longest running processor for workqueue been running.",
                       MetricType::Gauge,
                       {}};
  for (const auto& controller : controllers_) {
    const QueueState state = controller->queue();
    const auto add = [&](MetricFamily& family, double value) {
      prometheus::ClientMetric& metric = family.metric.emplace_back();
      metric.label = {{"controller", controller->name()}, {"name", controller->name()}};
      (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    };
    add(depth, double(state.depth));
    depth.metric.back().label.push_back(
        {"priority", ""});  // as controller-runtime's queue without priorities
    add(adds, double(state.adds));
    add(retries, double(state.retries));
    add(unfinished, seconds(state.unfinished));
    add(longest, seconds(state.longest_running));
  }
  return {std::move(depth), std::move(adds), std::move(retries), std::move(unfinished), std::move(longest)};
}

}  // namespace kintsugi::metrics
