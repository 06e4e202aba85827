// SPDX-License-Identifier: Apache-2.0
#include "controller/app.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/version.h"
#include "controller/admission.h"
#include "controller/config_watch.h"
#include "controller/elected_leadership.h"
#include "controller/event_announcer.h"
#include "controller/http_front.h"
#include "controller/incident_engine.h"
#include "controller/intake.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/leader_event_sink.h"
#include "controller/network_probe.h"
#include "controller/pod_resolver.h"
#include "controller/pod_steps.h"
#include "controller/preparation.h"
#include "controller/registry_settings.h"
#include "controller/remembered_ledger.h"
#include "controller/repeat.h"
#include "controller/steps_by_kind.h"
#include "incidents/kubernetes_ledger.h"
#include "incidents/kubernetes_store.h"
#include "k8s-client/client/connect.h"
#include "k8s-client/client/wait.h"
#include "k8s-client/client/warnings.h"
#include "k8s-client/runtime/backoff.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/event_recorder.h"
#include "targets/kubevirt/launcher.h"
#include "trust/policy/verification.h"

namespace kintsugi::controller {
namespace {

/// How often a start that waits for the API server says so.
constexpr std::chrono::seconds kSayWaiting{10};
/// How long an API server may be without the resource definitions; they may be on their way.
constexpr std::chrono::seconds kDefinitionsPatience{60};
constexpr std::chrono::milliseconds kRetryStart{200};
constexpr std::chrono::seconds kFlushRepeats{3};
constexpr std::chrono::seconds kHousekeeping{3};
constexpr std::chrono::seconds kReloadCertificates{10};
constexpr std::size_t kPreparationWorkers = 4;

std::int64_t highest_fencing_token(const incidents::IncidentStore& store) {
  std::int64_t highest = 0;
  for (const auto& incident : store.list()) highest = std::max(highest, incident->status.fencing_token);
  return highest;
}

/// The parts of the process, in the order of their dependencies; destroyed in the reverse order.
class App {
 public:
  App(const Settings& settings, const Clock& clock, Logger& log, std::unique_ptr<k8s::Connection> connection,
      trust::RegistryAccess registry)
      : settings_(settings),
        clock_(clock),
        log_(log),
        connection_(std::move(connection)),
        client_(connection_->client()),
        metrics_(metrics_options()),
        cache_(client_, clock, log, jitter_of(settings)),
        target_(client_, cache_),
        machines_(client_),
        store_(client_, settings.name_space, clock, log, jitter_of(settings)),
        durable_ledger_(client_, settings.name_space),
        ledger_(durable_ledger_, {settings.containment_objective, settings.recovery_objective}),
        probe_(client_, clock, log),
        config_(client_, settings_, book_, clock, log, [this] { wake_all(); }),
        verification_(std::move(registry), clock),
        trust_(verification_.verifier(), book_, client_, settings.name_space, metrics_, clock),
        evidence_store_(settings.evidence_directory, settings.evidence_budget, clock),
        evidence_(settings.evidence_directory.empty() ? nullptr : &evidence_store_, client_, target_,
                  metrics_, clock),
        jobs_(Jobs::Limits{}),
        leadership_(!settings.leader_elect),
        event_sink_(client_),
        leader_event_sink_(event_sink_, leadership_),
        recorder_(k8s::EventAggregator("kintsugi.dev/controller", settings.identity), leader_event_sink_,
                  clock, log),
        announcer_(recorder_),
        cluster_{cache_, target_, trust_, evidence_, machines_},
        pod_steps_(cluster_, book_, settings.name_space),
        machine_steps_(cluster_, pod_steps_),
        steps_(pod_steps_, machine_steps_),
        world_{store_,
               ledger_,
               book_,
               jobs_,
               metrics_,
               leadership_,
               announcer_,
               settings_,
               clock_,
               log_,
               [this](const std::string& name) { engine_.wake(name); },
               steps_,
               &cluster_},
        engine_(world_, ledger_),
        preparation_(world_, client_),
        resolver_(cache_, target_, machines_, settings.name_space),
        intake_(store_, resolver_, book_, settings_, clock, log,
                [this](const std::string& name, MonotonicTime started) { engine_.won(name, started); }),
        front_(
            settings_, [this](const Signal& signal) { return intake_.take(signal); }, clock, log,
            [this](std::string_view source, std::string_view disposition) {
              metrics_.count_signal(source, disposition, clock_.now());
            },
            [this] { return engine_.exposition(); }) {
    if (!settings.admission.is_enabled) return;
    const auto judge = [this](const std::string& image, MonotonicTime deadline) {
      return trust_.judge(image, deadline);
    };
    admission_ =
        std::make_unique<Admission>(settings, client_, store_, cache_, book_, judge, metrics_, clock, log);
  }

  ~App() { stop(); }

  Result<void> run(std::stop_token stop);

 private:
  static metrics::RegistryOptions metrics_options() {
    metrics::RegistryOptions options;
    options.version = version();
    options.lease = kLeaseName;
    options.controllers = {{IncidentEngine::kController, IncidentEngine::kWorkers}};
    return options;
  }

  /// What a listing brings waits for what happens now (K5.5).
  void wake(const std::string& name, const targets::ClusterCache::Notice& notice) {
    engine_.wake(name, notice.from_listing ? k8s::WorkPriority::kHousekeeping : k8s::WorkPriority::kNormal);
  }
  void wake_all() {
    engine_.wake_all();
    preparation_.touch_all();
  }

  void connect_handlers();
  void watch_exchanges();
  Result<void> wait_for_caches(const std::stop_token& stop);
  Result<void> load_known_good(const std::stop_token& stop);
  Result<void> fill_caches(const std::stop_token& stop);
  void start_workers();
  void housekeeping(const std::stop_token& stop);
  void refresh_metrics();
  void show_config_verdicts();
  void stop();

  const Settings& settings_;
  const Clock& clock_;
  Logger& log_;
  std::unique_ptr<k8s::Connection> connection_;
  k8s::Client& client_;
  metrics::Registry metrics_;
  targets::ClusterCache cache_;
  targets::PodTarget target_;
  targets::MachineTarget machines_;
  incidents::KubernetesIncidentStore store_;
  incidents::KubernetesLedger durable_ledger_;
  RememberedLedger ledger_;
  PlaybookBook book_;
  NetworkProbe probe_;
  ConfigWatch config_;
  trust::Verification verification_;
  ImageTrust trust_;
  evidence::DirectoryStore evidence_store_;
  EvidenceCollector evidence_;
  Jobs jobs_;
  ElectedLeadership leadership_;
  k8s::SeenWarnings warnings_;
  k8s::ClientEventSink event_sink_;
  LeaderEventSink leader_event_sink_;
  k8s::EventRecorder recorder_;
  EventAnnouncer announcer_;
  const Cluster cluster_;
  const PodSteps pod_steps_;
  const MachineSteps machine_steps_;
  const StepsByKind steps_;
  World world_;
  IncidentEngine engine_;
  Preparation preparation_;
  const PodResolver resolver_;
  Intake intake_;
  HttpFront front_;
  std::unique_ptr<Admission> admission_;  ///< null: not asked for
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> watches_;
  std::vector<std::jthread> workers_;
};

void App::connect_handlers() {
  using Notice = targets::ClusterCache::Notice;
  cache_.on_pod([this](const targets::Pod& pod, Notice notice) {
    for (const std::string& name : engine_.reconciler().concerned_by_target(pod.meta.uid)) wake(name, notice);
    if (const auto machine = targets::instance_of(pod)) {
      for (const std::string& name : engine_.reconciler().concerned_by_target(machine->uid))
        wake(name, notice);
      preparation_.touch_machine(*machine);
    }
    const OwnerRef owner = target_.owners_of(pod.meta.name_space, pod.meta.controller).top();
    if (owner.uid.empty()) return;
    for (const std::string& name : engine_.reconciler().concerned_by_owner(owner.uid)) wake(name, notice);
  });
  cache_.on_deployment([this](const targets::Deployment& deployment, Notice notice) {
    for (const std::string& name : engine_.reconciler().concerned_by_owner(deployment.meta.uid))
      wake(name, notice);
    preparation_.touch(deployment.meta.name_space, deployment.meta.name);
  });
  cache_.on_namespace([this](const std::string& name_space, Notice notice) {
    for (const std::string& name : engine_.reconciler().concerned_by_namespace(name_space))
      wake(name, notice);
    preparation_.touch_namespace(name_space);
  });
  store_.subscribe([this](const std::string& name) { engine_.wake(name); });
}

void App::watch_exchanges() {
  client_.set_observer([this](std::string_view method, int status, std::chrono::nanoseconds took) {
    metrics_.observe_request(method, status, took);
  });
  client_.set_warning_sink([this](std::string_view text) {
    if (warnings_.is_new(text)) log_.warning("The API server warns", {{"text", text}});
  });
  client_.set_retry_observer([this](const k8s::ApiError& error) {
    log_.debug("A request is sent again", {{"error", error.to_string()}});
  });
}

Result<void> App::fill_caches(const std::stop_token& stop) {
  watch_exchanges();
  engine_.begin();
  if (auto started = front_.start_metrics(); !started) return started;
  connect_handlers();
  watches_ = cache_.start();
  for (auto& thread : config_.start()) watches_.push_back(std::move(thread));
  watches_.emplace_back([this](std::stop_token token) { store_.run(token); });
  watches_.emplace_back([this](std::stop_token token) { recorder_.run(token); });
  if (auto synced = wait_for_caches(stop); !synced) return synced;
  book_.set_network_facts(probe_.look(stop));
  return load_known_good(stop);
}

/// An API server that is away, or in trouble, must not end the process; one that does not know what incidents
/// are does.
Result<void> App::wait_for_caches(const std::stop_token& stop) {
  const MonotonicTime patience = clock_.monotonic() + kDefinitionsPatience;
  for (;;) {
    const MonotonicTime deadline = clock_.monotonic() + kSayWaiting;
    auto synced = cache_.wait_for_sync(deadline, stop);
    if (synced) synced = store_.wait_for_sync(deadline, stop);
    if (synced) synced = config_.wait_for_sync(deadline, stop);
    if (synced || stop.stop_requested()) return synced;
    if (synced.error().code == ErrorCode::kUnsupported && clock_.monotonic() >= patience) {
      return fail(std::move(synced).error().advise("are the CRDs installed (charts/kintsugi/crds.yaml)?"));
    }
    log_.warning("Waiting for the API server, not ready yet", {{"error", synced.error().to_string()}});
  }
}

/// What the informers do by themselves is done here by hand.
Result<void> App::load_known_good(const std::stop_token& stop) {
  k8s::Backoff backoff({.initial = kRetryStart}, std::chrono::hours(1), jitter_of(settings_));
  for (;;) {
    auto loaded = trust_.load_known_good();
    if (loaded || stop.stop_requested()) return loaded;
    log_.warning("The last known good is not loaded yet", {{"error", loaded.error().to_string()}});
    const MonotonicTime now = clock_.monotonic();
    k8s::wait_until(clock_, now + backoff.next(now), stop);
  }
}

void App::start_workers() {
  engine_.start_workers();
  for (std::size_t i = 0; i < kPreparationWorkers; ++i) workers_.emplace_back([this] { preparation_.run(); });
  // Each by itself: an API server that is slow to take repeats delays neither the rest nor the reload.
  workers_.push_back(repeat(clock_, kReloadCertificates, [this](auto&) { front_.reload(); }));
  workers_.push_back(repeat(clock_, kFlushRepeats, [this](auto&) { intake_.flush_repeats(); }));
  workers_.push_back(repeat(clock_, kHousekeeping, [this](auto& stop) { housekeeping(stop); }));
  if (admission_ == nullptr) return;
  workers_.emplace_back(
      [this](const std::stop_token& stop) { admission_->run(stop, [this] { return leadership_.leads(); }); });
}

void App::refresh_metrics() {
  metrics_.set_leading(leadership_.leads());
  engine_.refresh();
  const Preparation::Counts counts = preparation_.counts();
  for (const bool containable : {false, true}) {
    for (const bool prepared : {false, true}) {
      metrics_.set_protected_workloads(containable, prepared, counts.by[containable][prepared]);
    }
  }
}

void App::show_config_verdicts() {
  if (!leadership_.leads()) return;
  for (const ConfigVerdict& verdict : config_.verdicts()) {
    if (verdict.is_shown) continue;
    if (auto shown = show_config_verdict(client_, settings_.name_space, verdict, clock_.now()); !shown) {
      log_.warning("A resource does not show yet what became of it", {{"error", shown.error().to_string()}});
    }
  }
}

void App::housekeeping(const std::stop_token& stop) {
  if (clock_.monotonic() >= probe_.next_look()) book_.set_network_facts(probe_.look(stop));
  refresh_metrics();
  show_config_verdicts();
  engine_.tidy(stop);
}

Result<void> App::run(std::stop_token stop) {
  if (auto filled = fill_caches(stop); !filled) return stop.stop_requested() ? Result<void>() : filled;
  if (auto started = front_.start(); !started) return started;
  start_workers();
  refresh_metrics();
  front_.set_ready();
  const std::string signals_port = std::to_string(front_.signals_port());
  const std::string metrics_port = std::to_string(front_.metrics_port());
  log_.info("Ready", {{"signals", settings_.signals_listen.address + ":" + signals_port},
                      {"metrics", settings_.metrics_listen.address + ":" + metrics_port}});
  if (settings_.leader_elect) {
    leadership_.run(*connection_, settings_, clock_, log_,
                    {.on_started =
                         [this] {
                           trust_.expect_changes();
                           wake_all();
                         },
                     .stop_work = [this] { this->stop(); },
                     .highest_known_token = [this] { return highest_fencing_token(store_); }},
                    std::move(stop));
    return {};
  }
  wake_all();
  wait_for_stop(std::move(stop));
  return {};
}

void App::stop() {
  if (stopping_.exchange(true)) return;
  front_.stop_signals();
  preparation_.shut_down();
  engine_.drain();
  for (auto& worker : workers_) worker.request_stop();
  workers_.clear();
  jobs_.stop();  // they wake the engine
  engine_.stop();
  for (auto& watch : watches_) watch.request_stop();
  watches_.clear();
  front_.stop_metrics();
}

}  // namespace

Result<void> run_controller(const Settings& settings, const Clock& clock, Logger& log, std::stop_token stop) {
  k8s::ConnectOptions options;
  options.kubeconfig.path = settings.kubeconfig;
  options.environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  options.user_agent = k8s::make_user_agent("kintsugi-controller", version(), "");
  auto connection = k8s::connect(options, clock);
  if (!connection) return tl::unexpected(std::move(connection).error());
  auto registry = reach_registries(settings, log);
  if (!registry) return tl::unexpected(std::move(registry).error());
  App app(settings, clock, log, std::move(*connection), std::move(*registry));
  return app.run(std::move(stop));
}

}  // namespace kintsugi::controller
