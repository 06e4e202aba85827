// SPDX-License-Identifier: Apache-2.0
#include "controller/app.h"

#include <unistd.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "controller/config_watch.h"
#include "controller/expiry.h"
#include "controller/network_probe.h"
#include "controller/preparation.h"
#include "controller/reconciler.h"
#include "controller/remembered_ledger.h"
#include "controller/signal_endpoint.h"
#include "incidents/kubernetes_ledger.h"
#include "incidents/kubernetes_store.h"
#include "k8s-client/client/connect.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/event_recorder.h"
#include "k8s-client/runtime/lease_elector.h"
#include "metrics/exposition.h"
#include "net/curl_transport.h"
#include "signals/falco.h"

namespace kintsugi::controller {
namespace {

constexpr std::chrono::seconds kSyncTimeout{60};
constexpr std::chrono::milliseconds kRetryStart{200};
constexpr std::chrono::seconds kReconcileTimeout{30};
constexpr std::chrono::seconds kFlushRepeats{3};
constexpr std::chrono::seconds kReloadCertificates{10};
constexpr std::chrono::minutes kProbeNetwork{5};
constexpr std::chrono::hours kCompact{1};
constexpr std::size_t kReconcileWorkers = 32;
constexpr std::size_t kPreparationWorkers = 4;
constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr int kLostLeadership = 10;
constexpr const char* kVersion = "0.1.0";
constexpr const char* kLeaseName = "kintsugi-controller";
constexpr const char* kIncidentController = "incident";

/// Leads always, or as the elector says.
class ElectedLeadership final : public Leadership {
 public:
  explicit ElectedLeadership(bool always) : always_(always) {}
  void follow(const k8s::LeaseElector* elector) { elector_ = elector; }
  void set_leading(bool leading) { leading_ = leading; }

  /// A process that was frozen for longer than its lease wakes up as no leader, whoever wakes first in it.
  bool leads() const override { return outlasts({}); }
  bool outlasts(std::chrono::nanoseconds margin) const override {
    return always_ || (leading_ && elector_.load()->still_valid(margin));
  }
  std::int64_t fencing_token() const override { return always_ ? 0 : elector_.load()->fencing_token(); }

 private:
  const bool always_;
  std::atomic<const k8s::LeaseElector*> elector_{nullptr};
  std::atomic<bool> leading_{false};
};

class EventAnnouncer final : public Announcer {
 public:
  explicit EventAnnouncer(k8s::EventRecorder& recorder) : recorder_(recorder) {}

  void announce(const Incident& incident, bool is_warning, std::string_view reason,
                std::string_view message) override {
    k8s::EventNote note;
    note.regarding = {
        "kintsugi.dev/v1alpha1", "Incident", {incident.name_space, incident.name}, incident.uid};
    note.type = is_warning ? k8s::EventType::kWarning : k8s::EventType::kNormal;
    note.reason = reason;
    note.action = "Recover";
    note.note = message;
    recorder_.record(std::move(note));
  }

 private:
  k8s::EventRecorder& recorder_;
};

/// Hands the queue's durations to the metrics.
class QueueObserver final : public k8s::WorkQueueObserver {
 public:
  explicit QueueObserver(metrics::ControllerMetrics& metrics) : metrics_(metrics) {}
  void on_taken(std::chrono::nanoseconds queued) override { metrics_.queue_taken(queued); }
  void on_done(std::chrono::nanoseconds worked) override { metrics_.queue_done(worked); }

 private:
  metrics::ControllerMetrics& metrics_;
};

/// The parts of the process, in the order of their dependencies; destroyed in the reverse order.
class App {
 public:
  App(const Settings& settings, const Clock& clock, Logger& log, std::unique_ptr<k8s::Connection> connection)
      : settings_(settings),
        clock_(clock),
        log_(log),
        connection_(std::move(connection)),
        client_(connection_->client()),
        metrics_(registry_options()),
        cache_(client_, clock, log),
        target_(client_, cache_),
        store_(client_, settings.name_space, clock, log),
        durable_ledger_(client_, settings.name_space),
        ledger_(durable_ledger_, {settings.containment_objective, settings.recovery_objective}),
        config_(client_, settings_, book_, clock, log, [this] { wake_all(); }),
        registry_transport_(net::make_curl_transport(net::CurlOptions{})),
        registry_(*registry_transport_, clock, image_registry_options(settings)),
        verdicts_(clock),
        verifier_(registry_, verdicts_, clock),
        trust_(verifier_, book_, client_, settings.name_space, metrics_, clock),
        evidence_store_(settings.evidence_directory, settings.evidence_budget_bytes, clock),
        evidence_(settings.evidence_directory.empty() ? nullptr : &evidence_store_, client_, target_,
                  metrics_, clock),
        jobs_(Jobs::Limits{}),
        leadership_(!settings.leader_elect),
        event_sink_(client_),
        recorder_(k8s::EventAggregator("kintsugi.dev/controller", settings.identity), event_sink_, clock,
                  log),
        announcer_(recorder_),
        queue_observer_(metrics_.controller(kIncidentController)),
        queue_(clock, {}, &queue_observer_),
        world_{store_,     ledger_,   cache_, target_,  book_,
               trust_,     evidence_, jobs_,  metrics_, leadership_,
               announcer_, settings_, clock_, log_,     [this](const std::string& name) { wake(name); }},
        reconciler_(world_),
        preparation_(world_, client_),
        intake_(store_, cache_, target_, book_, settings_, clock, log,
                [this](const std::string& name, MonotonicTime started) { on_won(name, started); }) {}

  ~App() { stop(); }

  Result<void> run(std::stop_token stop);

 private:
  static metrics::RegistryOptions registry_options() {
    metrics::RegistryOptions options;
    options.version = kVersion;
    options.lease = kLeaseName;
    options.controllers = {{kIncidentController, unsigned(kReconcileWorkers)}};
    return options;
  }
  static trust::RegistryOptions image_registry_options(const Settings& settings) {
    trust::RegistryOptions options;
    options.allow_http = settings.allow_http_registry;
    return options;
  }

  void wake(const std::string& name) { queue_.add(name); }
  void wake_all() {
    for (const auto& incident : store_.list()) queue_.add(incident->name, k8s::WorkPriority::kHousekeeping);
    preparation_.touch_all();
  }
  void on_won(const std::string& name, MonotonicTime started) {
    reconciler_.won(name, started);
    queue_.add(name, k8s::WorkPriority::kContainment);
  }

  void connect_handlers();
  Result<void> fill_caches(std::stop_token stop);
  Result<void> start_servers();
  Result<void> load_tokens();
  Result<net::ServerTls> load_certificate() const;
  Result<void> elect(std::stop_token stop);
  void start_workers();
  void housekeeping(std::stop_token stop);
  void refresh_metrics();
  void tidy(std::stop_token stop);
  net::HttpResponse answer_health(const net::ServerRequest& request) const;
  net::HttpResponse answer_metrics() const;
  k8s::ReconcileResult reconcile(const std::string& name);
  void stop();

  const Settings& settings_;
  const Clock& clock_;
  Logger& log_;
  std::unique_ptr<k8s::Connection> connection_;
  k8s::Client& client_;
  metrics::Registry metrics_;
  targets::ClusterCache cache_;
  targets::PodTarget target_;
  incidents::KubernetesIncidentStore store_;
  incidents::KubernetesLedger durable_ledger_;
  RememberedLedger ledger_;
  PlaybookBook book_;
  ConfigWatch config_;
  std::unique_ptr<net::HttpTransport> registry_transport_;
  trust::RegistryClient registry_;
  trust::VerdictCache verdicts_;
  trust::Verifier verifier_;
  ImageTrust trust_;
  evidence::DirectoryStore evidence_store_;
  EvidenceCollector evidence_;
  Jobs jobs_;
  ElectedLeadership leadership_;
  k8s::ClientEventSink event_sink_;
  k8s::EventRecorder recorder_;
  EventAnnouncer announcer_;
  QueueObserver queue_observer_;
  k8s::WorkQueue queue_;
  World world_;
  Reconciler reconciler_;
  Preparation preparation_;
  Intake intake_;
  SignalTokens tokens_;
  signals::FalcoDecoder decoder_;
  MonotonicTime next_compaction_{};  ///< of housekeeping
  std::atomic<bool> ready_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> watches_;
  std::vector<std::jthread> workers_;
  std::unique_ptr<SignalEndpoint> endpoint_;
  std::unique_ptr<net::HttpServer> signals_server_;
  std::unique_ptr<net::HttpServer> metrics_server_;
};

void App::connect_handlers() {
  cache_.on_pod([this](const targets::Pod& pod, bool) {
    for (const std::string& name : reconciler_.concerned_by_pod(pod)) wake(name);
  });
  cache_.on_deployment([this](const targets::Deployment& deployment, bool) {
    for (const std::string& name : reconciler_.concerned_by_deployment(deployment)) wake(name);
    preparation_.touch(deployment.meta.name_space, deployment.meta.name);
  });
  cache_.on_namespace([this](const std::string& name_space) {
    for (const std::string& name : reconciler_.concerned_by_namespace(name_space)) wake(name);
    preparation_.touch_namespace(name_space);
  });
  store_.subscribe([this](const std::string& name) { wake(name); });
}

Result<void> App::fill_caches(std::stop_token stop) {
  client_.set_observer([this](std::string_view method, int status, std::chrono::nanoseconds took) {
    metrics_.observe_request(method, status, took);
  });
  metrics_.controller(kIncidentController).set_queue([this] {
    const k8s::WorkQueueMetrics now = queue_.metrics();
    return metrics::QueueState{now.depth, now.adds, now.retries, now.unfinished, now.longest_running};
  });
  connect_handlers();
  watches_ = cache_.start();
  for (auto& thread : config_.start()) watches_.push_back(std::move(thread));
  watches_.emplace_back([this](std::stop_token token) { store_.run(token); });
  watches_.emplace_back([this](std::stop_token token) { recorder_.run(token); });
  const MonotonicTime deadline = clock_.monotonic() + kSyncTimeout;
  if (auto synced = cache_.wait_for_sync(deadline, stop); !synced) return synced;
  if (auto synced = store_.wait_for_sync(deadline, stop); !synced) {
    return fail(std::move(synced).error().advise("are the CRDs installed (charts/kintsugi/crds.yaml)?"));
  }
  if (auto synced = config_.wait_for_sync(deadline, stop); !synced) return synced;
  book_.set_network_facts(probe_network(client_, stop, log_));
  // An API server in trouble must not end the process: what the informers do by themselves is done here by
  // hand.
  for (;;) {
    auto loaded = trust_.load_known_good();
    if (loaded || stop.stop_requested() || clock_.monotonic() >= deadline) return loaded;
    log_.warning("The last known good is not loaded yet", {{"error", loaded.error().to_string()}});
    std::this_thread::sleep_for(kRetryStart);
  }
}

Result<void> App::load_tokens() {
  if (settings_.signals_token_file.empty()) return {};
  auto text = read_file(settings_.signals_token_file, kMaxFileBytes);
  if (!text) return tl::unexpected(std::move(text).error());
  auto tokens = SignalTokens::parse(*text);
  if (!tokens) return fail(std::move(tokens).error().on(settings_.signals_token_file));
  tokens_.replace(std::move(*tokens));
  return {};
}

Result<net::ServerTls> App::load_certificate() const {
  auto certificate = read_file(settings_.signals_tls_certificate, kMaxFileBytes);
  if (!certificate) return tl::unexpected(std::move(certificate).error());
  auto key = read_file(settings_.signals_tls_key, kMaxFileBytes);
  if (!key) return tl::unexpected(std::move(key).error());
  return net::ServerTls{std::move(*certificate), Secret(std::move(*key))};
}

net::HttpResponse App::answer_health(const net::ServerRequest& request) const {
  net::HttpResponse response;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  const bool is_health = request.path == "/healthz";
  if (!is_health && request.path != "/readyz") {
    response.status = 404;
    response.body = "not found\n";
    return response;
  }
  const bool good = is_health || (ready_ && !stopping_);
  response.status = good ? 200 : 503;
  response.body = good ? "ok\n" : "not ready\n";
  return response;
}

/// The recovery metrics are the leader's, and complete or absent.
net::HttpResponse App::answer_metrics() const {
  const auto history = leadership_.leads() ? ledger_.history(store_) : std::nullopt;
  const metrics::Objectives objectives{settings_.containment_objective, settings_.recovery_objective};
  net::HttpResponse response;
  response.status = 200;
  response.headers.set("Content-Type", std::string(metrics::kExpositionContentType));
  response.body = metrics::expose(metrics_, history, objectives, clock_.now());
  return response;
}

k8s::ReconcileResult App::reconcile(const std::string& name) {
  metrics::ControllerMetrics& counted = metrics_.controller(kIncidentController);
  counted.reconcile_started();
  const MonotonicTime started = clock_.monotonic();
  auto result = reconciler_.reconcile(name);
  const auto kind = !result   ? metrics::ReconcileResult::kError
                    : *result ? metrics::ReconcileResult::kRequeueAfter
                              : metrics::ReconcileResult::kSuccess;
  counted.reconcile_ended(kind, clock_.monotonic() - started);
  return result;
}

Result<void> App::start_servers() {
  if (auto loaded = load_tokens(); !loaded) return loaded;
  SignalEndpoint::Options options;
  options.require_token = !settings_.signals_token_file.empty();
  endpoint_ = std::make_unique<SignalEndpoint>(options, intake_, tokens_, decoder_, clock_,
                                               [this](std::string_view source, std::string_view disposition) {
                                                 metrics_.count_signal(source, disposition, clock_.now());
                                               });
  net::ServerOptions signals;
  signals.address = settings_.signals_listen.address;
  signals.port = settings_.signals_listen.port;
  signals.admit = [this](const net::ServerRequest& request) { return endpoint_->admit(request); };
  signals.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
    if (request.path.starts_with("/v1/signals/"))
      return endpoint_->handle(std::move(request), std::move(responder));
    responder->respond(answer_health(request));
  };
  if (!settings_.signals_tls_certificate.empty()) {
    auto certificate = load_certificate();
    if (!certificate) return tl::unexpected(std::move(certificate).error());
    signals.tls = std::move(*certificate);
  }
  auto server = net::start_http_server(std::move(signals), log_);
  if (!server) return tl::unexpected(std::move(server).error());
  signals_server_ = std::move(*server);

  net::ServerOptions metrics;
  metrics.address = settings_.metrics_listen.address;
  metrics.port = settings_.metrics_listen.port;
  metrics.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
    responder->respond(request.path == "/metrics" ? answer_metrics() : answer_health(request));
  };
  auto metrics_server = net::start_http_server(std::move(metrics), log_);
  if (!metrics_server) return tl::unexpected(std::move(metrics_server).error());
  metrics_server_ = std::move(*metrics_server);
  return {};
}

void App::start_workers() {
  const auto work = [this](const std::string& name, MonotonicTime) { return reconcile(name); };
  for (std::size_t i = 0; i < kReconcileWorkers; ++i) {
    workers_.emplace_back([this, work] { k8s::run_worker(queue_, work, kReconcileTimeout, clock_, log_); });
  }
  for (std::size_t i = 0; i < kPreparationWorkers; ++i) workers_.emplace_back([this] { preparation_.run(); });
  workers_.emplace_back([this](std::stop_token stop) { housekeeping(stop); });
}

void App::refresh_metrics() {
  const bool leads = leadership_.leads();
  metrics_.set_leading(leads);
  if (leads && !ledger_.is_loaded()) {
    if (auto loaded = ledger_.load(); !loaded) {
      log_.warning("The ledger is not loaded yet", {{"error", loaded.error().to_string()}});
    }
  }
  const Preparation::Counts counts = preparation_.counts();
  for (const bool containable : {false, true}) {
    for (const bool prepared : {false, true}) {
      metrics_.set_protected_workloads(containable, prepared, counts.by[containable][prepared]);
    }
  }
}

/// What grows without end is kept in bounds, by the leader.
void App::tidy(std::stop_token stop) {
  if (!leadership_.outlasts({})) return;
  expire_incidents(world_, stop);
  if (!ledger_.is_loaded() || clock_.monotonic() < next_compaction_) return;
  next_compaction_ = clock_.monotonic() + kCompact;
  const auto compacted = ledger_.compact_old(store_, clock_.now());
  if (!compacted) {
    log_.warning("The ledger's old records are still one by one", {{"error", compacted.error().to_string()}});
  } else if (*compacted > 0) {
    log_.info("Old records of the ledger are totals now", {{"records", std::to_string(*compacted)}});
  }
}

void App::housekeeping(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] { wake.notify_all(); });
  MonotonicTime next_reload = clock_.monotonic() + kReloadCertificates;
  MonotonicTime next_probe = clock_.monotonic() + kProbeNetwork;
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex);
    clock_.wait_until(lock, wake, clock_.monotonic() + kFlushRepeats);
    if (clock_.monotonic() >= next_probe) {
      next_probe = clock_.monotonic() + kProbeNetwork;
      book_.set_network_facts(probe_network(client_, stop, log_));
    }
    intake_.flush_repeats();
    refresh_metrics();
    tidy(stop);
    if (clock_.monotonic() < next_reload) continue;
    next_reload = clock_.monotonic() + kReloadCertificates;
    if (auto loaded = load_tokens(); !loaded) {
      log_.error("The tokens in force stay", {{"error", loaded.error().to_string()}});
    }
    if (settings_.signals_tls_certificate.empty()) continue;
    auto certificate = load_certificate();
    auto reloaded =
        certificate ? signals_server_->reload_tls(*certificate) : Result<void>(fail(certificate.error()));
    if (!reloaded) log_.error("The certificate in force stays", {{"error", reloaded.error().to_string()}});
  }
}

/// Leads until stop; a lease that was lost ends the process, because work may be under way that nobody can
/// call back.
Result<void> App::elect(std::stop_token stop) {
  k8s::RateLimiter limiter(k8s::RateLimiter::Options{}, clock_);
  auto client = connection_->make_client(limiter);
  k8s::ClientLeaseStore leases(*client, {settings_.name_space, kLeaseName});
  k8s::Watchdog watchdog(clock_, [] { ::_exit(kLostLeadership); });
  k8s::LeaseElectorOptions options;
  options.identity = settings_.identity;
  options.seed = std::hash<std::string>()(settings_.identity);
  options.on_started = [this](std::int64_t token) {
    leadership_.set_leading(true);
    log_.info("Leading", {{"fencingToken", std::to_string(token)}});
    wake_all();
  };
  options.on_lost = [] { ::_exit(kLostLeadership); };
  k8s::LeaseElector elector(options, leases, clock_, log_, &watchdog);
  leadership_.follow(&elector);
  const std::jthread watching([&](std::stop_token token) { watchdog.run(token); });
  std::jthread electing([&](std::stop_token token) {
    if (auto ended = elector.run(token); !ended) {
      log_.error("Leader election ended", {{"error", ended.error().to_string()}});
      if (!token.stop_requested()) ::_exit(kLostLeadership);
    }
  });
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] { wake.notify_all(); });
  {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested())
      clock_.wait_until(lock, wake, clock_.monotonic() + std::chrono::seconds(1));
  }
  // The lease is released only after the workers have stopped (K8.11).
  this->stop();
  electing.request_stop();
  electing.join();
  leadership_.set_leading(false);
  return {};
}

Result<void> App::run(std::stop_token stop) {
  if (auto filled = fill_caches(stop); !filled) return filled;
  if (auto started = start_servers(); !started) return started;
  start_workers();
  refresh_metrics();
  ready_ = true;
  log_.info("Ready",
            {{"signals", settings_.signals_listen.address + ":" + std::to_string(signals_server_->port())},
             {"metrics", settings_.metrics_listen.address + ":" + std::to_string(metrics_server_->port())}});
  if (settings_.leader_elect) return elect(stop);
  wake_all();
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] { wake.notify_all(); });
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) clock_.wait_until(lock, wake, clock_.monotonic() + std::chrono::seconds(1));
  return {};
}

void App::stop() {
  if (stopping_.exchange(true)) return;
  if (signals_server_ != nullptr) signals_server_->stop(std::chrono::seconds(5));
  endpoint_.reset();
  queue_.shut_down();
  preparation_.shut_down();
  queue_.drain(clock_.monotonic() + std::chrono::seconds(10));
  for (auto& worker : workers_) worker.request_stop();
  workers_.clear();
  for (auto& watch : watches_) watch.request_stop();
  watches_.clear();
  if (metrics_server_ != nullptr) metrics_server_->stop(std::chrono::seconds(1));
  metrics_.controller(kIncidentController).set_queue({});
}

}  // namespace

Result<void> run_controller(const Settings& settings, const Clock& clock, Logger& log, std::stop_token stop) {
  k8s::ConnectOptions options;
  options.kubeconfig.path = settings.kubeconfig;
  options.environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  options.user_agent = k8s::make_user_agent("kintsugi-controller", "0.1.0", "");
  auto connection = k8s::connect(options, clock);
  if (!connection) return tl::unexpected(std::move(connection).error());
  App app(settings, clock, log, std::move(*connection));
  return app.run(std::move(stop));
}

}  // namespace kintsugi::controller
