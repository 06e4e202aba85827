// SPDX-License-Identifier: Apache-2.0
#include "host/host_app.h"

#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "base/user_name.h"
#include "base/version.h"
#include "controller/elected_leadership.h"
#include "controller/http_front.h"
#include "controller/incident_engine.h"
#include "controller/intake.h"
#include "controller/registry_settings.h"
#include "controller/repeat.h"
#include "host/control/control_server.h"
#include "host/domain_resolver.h"
#include "host/domain_steps.h"
#include "host/file_config.h"
#include "host/first_look.h"
#include "host/images/golden_store.h"
#include "host/images/overlay.h"
#include "host/images/seed_image.h"
#include "host/machine_files.h"
#include "host/rebuild_memory.h"
#include "host/service_probe.h"
#include "host/silence_watch.h"
#include "incidents/sqlite_ledger.h"
#include "incidents/sqlite_store.h"
#include "net/curl_transport.h"
#include "targets/libvirt/libvirt_hypervisor.h"
#include "trust/policy/verification.h"

namespace kintsugi::host {
namespace {

using controller::IncidentEngine;
using controller::repeat;
using controller::Settings;

constexpr std::chrono::seconds kRereadFiles{5};
constexpr std::chrono::seconds kPulse{1};
constexpr std::chrono::seconds kRefreshInventory{5};
constexpr std::chrono::seconds kFlushRepeats{3};
constexpr std::chrono::seconds kTidy{3};
constexpr std::chrono::seconds kControlGrace{2};

/// There is nobody to be told but by the log and the timeline, which have it already.
class SilentAnnouncer final : public controller::Announcer {
 public:
  void announce(const Incident& /*incident*/, bool /*is_warning*/, std::string_view /*reason*/,
                std::string_view /*message*/) override {}
};

std::string images_directory(const controller::HostSettings& settings) {
  if (!settings.images_directory.empty()) return settings.images_directory;
  return (std::filesystem::path(settings.state_file).parent_path() / "images").string();
}

/// Rebuilt machines' own files, beside the images that they are layers over. libvirt wants whole paths.
std::string machines_directory(const controller::HostSettings& settings) {
  return std::filesystem::absolute(images_directory(settings) + "/machines").string();
}

Result<void> make_layer(const GoldenImage& image, const std::string& path, std::stop_token stop) {
  return make_overlay(image, path, std::move(stop));
}

/// The parts of the process, in the order of their dependencies; destroyed in the reverse order.
class HostApp {
 public:
  HostApp(const Settings& settings, const Clock& clock, Logger& log, incidents::SqliteDatabase& database,
          incidents::SqliteIncidentStore& store, trust::RegistryAccess registry, ImageDirectory& images)
      : settings_(settings),
        clock_(clock),
        log_(log),
        database_(database),
        store_(store),
        metrics_(metrics_options()),
        durable_ledger_(database),
        ledger_(durable_ledger_, {settings.containment_objective, settings.recovery_objective}),
        hypervisor_(settings.host.libvirt_uri, clock, log),
        target_(hypervisor_),
        inventory_(hypervisor_, clock),
        leases_(hypervisor_, clock),
        resolver_(inventory_, leases_),
        config_(settings_, book_, log, [this] { engine_.wake_all(); }),
        verification_(std::move(registry), clock),
        golden_images_(golden_world(images)),
        evidence_store_(settings.evidence_directory, settings.evidence_budget, clock),
        evidence_(settings.evidence_directory.empty() ? nullptr : &evidence_store_, hypervisor_, metrics_,
                  clock),
        files_(machines_directory(settings.host), make_layer, seed_image),
        probe_transport_(net::make_curl_transport({})),
        probe_(*probe_transport_),
        domains_{hypervisor_,    target_, inventory_, book_,     evidence_,
                 golden_images_, files_,  probe_,     rebuilds_, silence_},
        steps_(domains_),
        jobs_(controller::Jobs::Limits{}),
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
               nullptr},
        engine_(world_, ledger_),
        intake_(store_, resolver_, book_, settings_, clock, log,
                [this](const std::string& name, MonotonicTime started) { engine_.won(name, started); }),
        front_(
            settings_, [this](const Signal& signal) { return intake_.take(signal); }, clock, log,
            [this](std::string_view source, std::string_view disposition) {
              metrics_.count_signal(source, disposition, clock_.now());
            },
            [this] { return engine_.exposition(); }),
        control_(control_world()) {}

  ~HostApp() { stop(); }

  Result<void> run(std::stop_token stop);

 private:
  static metrics::RegistryOptions metrics_options() {
    metrics::RegistryOptions options;
    options.version = version();
    options.controllers = {{IncidentEngine::kController, IncidentEngine::kWorkers}};
    return options;
  }

  ControlWorld control_world();
  GoldenWorld golden_world(ImageDirectory& images);
  Result<std::vector<DomainEntry>> domain_entries();
  Result<void> start_control();
  Result<void> start_serving();
  void start_threads();
  Result<void> await_hypervisor(const std::stop_token& stop);
  void log_with_addresses(const std::string& message);
  void wake_open_incidents();
  void tidy(const std::stop_token& stop);
  void reread_files();
  void on_change(const std::string& uuid);
  void stop();

  const Settings& settings_;
  const Clock& clock_;
  Logger& log_;
  incidents::SqliteDatabase& database_;
  incidents::SqliteIncidentStore& store_;
  metrics::Registry metrics_;
  incidents::SqliteLedger durable_ledger_;
  controller::RememberedLedger ledger_;
  controller::PlaybookBook book_;
  targets::LibvirtHypervisor hypervisor_;
  const targets::DomainTarget target_;
  DomainInventory inventory_;
  AddressLeases leases_;
  const DomainResolver resolver_;
  FileConfig config_;
  trust::Verification verification_;
  GoldenStore golden_images_;
  evidence::DirectoryStore evidence_store_;
  DomainEvidence evidence_;
  const MachineFiles files_;
  const std::unique_ptr<net::HttpTransport> probe_transport_;
  NetworkServiceProbe probe_;
  RebuildMemory rebuilds_;
  SilenceMemory silence_;
  const DomainWorld domains_;
  const DomainSteps steps_;
  controller::Jobs jobs_;
  /// The one process that has the database is the one that acts.
  const controller::ElectedLeadership leadership_{/*always=*/true};
  SilentAnnouncer announcer_;
  controller::World world_;
  IncidentEngine engine_;
  controller::Intake intake_;
  controller::HttpFront front_;
  const ControlApi control_;
  std::unique_ptr<net::HttpServer> control_server_;  ///< null: not asked for
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

ControlWorld HostApp::control_world() {
  return {.store = store_,
          .update_decisions = [this](const Incident& incident) { return store_.update_decisions(incident); },
          .domains = [this] { return domain_entries(); },
          .playbooks =
              [this] {
                std::vector<std::string> names;
                for (const Playbook& playbook : *book_.playbooks()) names.push_back(playbook.name);
                return names;
              },
          .name_of_user = user_name,
          .ledger = [this] { return durable_ledger_.load(); },
          .backup = [this](const std::string& path) { return database_.backup(path); },
          .clock = clock_,
          .own_uid = ::geteuid(),
          .name_space = kHostNamespace};
}

GoldenWorld HostApp::golden_world(ImageDirectory& images) {
  return {.policies = [this] { return book_.policies(); },
          .verifier = verification_.verifier(),
          .registry = verification_.registry(),
          .transport = verification_.transport(),
          .permits_http = [this](const net::Url& url) { return verification_.options().permits_http(url); },
          .directory = images,
          .clock = clock_};
}

Result<std::vector<DomainEntry>> HostApp::domain_entries() {
  const auto known = inventory_.domains();
  if (!known) return fail(known.error());
  std::vector<DomainEntry> entries;
  for (const auto& [domain, is_active] : **known)
    entries.push_back({domain.name, domain.uuid, is_active, domain.terms.is_protected});
  return entries;
}

Result<void> HostApp::start_control() {
  if (settings_.host.control_socket.empty()) return {};
  auto server = start_control_server(settings_.host.control_socket, control_, log_);
  if (!server) return fail(std::move(server).error());
  control_server_ = std::move(*server);
  return {};
}

/// Of the hypervisor's thread. No UUID: anything may have happened.
void HostApp::on_change(const std::string& uuid) {
  inventory_.forget();
  if (uuid.empty()) return engine_.wake_all();
  for (const std::string& name : engine_.reconciler().concerned_by_target(uuid)) engine_.wake(name);
}

/// Somebody who changes a link makes no event of it: contained domains are looked at with each pulse.
void HostApp::wake_open_incidents() {
  for (const auto& incident : store_.list()) {
    if (!incident->is_over()) engine_.wake(incident->name, k8s::WorkPriority::kHousekeeping);
  }
}

void HostApp::tidy(const std::stop_token& stop) {
  engine_.refresh();
  engine_.tidy(stop);
}

void HostApp::reread_files() {
  config_.load();
  front_.reload();
}

/// Whoever sends signals, decides or watches is answered while libvirt is away, too: signals with 503, for
/// the machine that they mean is not known. Playbooks are there before the first of them.
Result<void> HostApp::start_serving() {
  config_.load();
  front_.say_not_ready("libvirt cannot be reached, or does not tell its domains; the log says why");
  if (auto started = front_.start(); !started) return started;
  if (auto started = start_control(); !started) return started;
  engine_.refresh();
  log_with_addresses("Serving");
  return {};
}

void HostApp::start_threads() {
  threads_.emplace_back([this](std::stop_token token) { hypervisor_.run(std::move(token)); });
  // Each by itself: a libvirt or a disk that is slow delays none of the others.
  threads_.push_back(repeat(clock_, kPulse, [this](auto&) { wake_open_incidents(); }));
  threads_.push_back(repeat(clock_, kFlushRepeats, [this](auto&) { intake_.flush_repeats(); }));
  threads_.push_back(repeat(clock_, kTidy, [this](auto& token) { tidy(token); }));
  threads_.push_back(repeat(clock_, kRereadFiles, [this](auto&) { reread_files(); }));
  threads_.push_back(repeat(clock_, kRefreshInventory, [this](auto&) { (void)inventory_.domains(); }));
}

/// Until the domains were seen once nothing is done about any incident: whether its machine is protected is
/// not known.
Result<void> HostApp::await_hypervisor(const std::stop_token& stop) {
  for (;;) {
    const auto connected = hypervisor_.wait_until_connected(clock_.monotonic() + kPulse, stop);
    if (connected) break;
    if (stop.stop_requested() || is_misconfigured(connected.error())) return connected;
  }
  return await_domains(inventory_, clock_, log_, stop);
}

void HostApp::log_with_addresses(const std::string& message) {
  const std::string signals_port = std::to_string(front_.signals_port());
  const std::string metrics_port = std::to_string(front_.metrics_port());
  log_.info(message, {{"signals", settings_.signals_listen.address + ":" + signals_port},
                      {"metrics", settings_.metrics_listen.address + ":" + metrics_port}});
}

Result<void> HostApp::run(std::stop_token stop) {
  metrics_.set_leading(true);
  engine_.begin();
  hypervisor_.subscribe([this](const std::string& uuid) { on_change(uuid); });
  store_.subscribe([this](const std::string& name) { engine_.wake(name); });
  if (auto started = start_serving(); !started) return started;
  start_threads();
  if (auto seen = await_hypervisor(stop); !seen) return stop.stop_requested() ? Result<void>() : seen;
  engine_.start_workers();
  engine_.wake_all();
  front_.set_ready();
  log_with_addresses("Ready");
  controller::wait_for_stop(std::move(stop));
  return {};
}

void HostApp::stop() {
  if (stopped_) return;
  stopped_ = true;
  front_.stop_signals();
  if (control_server_ != nullptr) control_server_->stop(kControlGrace);
  engine_.drain();
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
  jobs_.stop();  // they wake the engine
  engine_.stop();
  front_.stop_metrics();
}

}  // namespace

Result<void> run_host(const Settings& settings, const Clock& clock, Logger& log, std::stop_token stop) {
  auto database = incidents::SqliteDatabase::open(settings.host.state_file);
  if (!database) return fail(std::move(database).error());
  auto store = incidents::SqliteIncidentStore::open(**database, clock);
  if (!store) return fail(std::move(store).error());
  auto registry = controller::reach_registries(settings, log);
  if (!registry) return fail(std::move(registry).error());
  const auto images = ImageDirectory::open(images_directory(settings.host), clock);
  if (!images) return fail(images.error());
  Settings own = settings;
  own.name_space = kHostNamespace;
  HostApp app(own, clock, log, **database, **store, std::move(*registry), **images);
  return app.run(std::move(stop));
}

}  // namespace kintsugi::host
