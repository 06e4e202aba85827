// SPDX-License-Identifier: Apache-2.0
#include "host/testing/rebuild_site.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "controller/elected_leadership.h"
#include "controller/reconciler.h"
#include "host/domain_steps.h"
#include "host/machine_files.h"
#include "host/rebuild_memory.h"
#include "host/silence_watch.h"

namespace kintsugi::host::testing {
namespace {

/// A store whose process dies together with the hypervisor's connection: nothing is written after that.
class DyingStore final : public incidents::IncidentStore {
 public:
  DyingStore(MemoryStore& store, const bool& is_dead) : store_(store), is_dead_(is_dead) {}

  Result<Incident> create(const Incident& incident, std::chrono::milliseconds timeout) override {
    return store_.create(incident, timeout);
  }
  Result<Incident> get(const std::string& name) override { return store_.get(name); }
  Result<Incident> update_status(const Incident& incident) override {
    if (is_dead_) return fail(ErrorCode::kUnavailable, "the process is dead");
    return store_.update_status(incident);
  }
  Result<void> hold_finalizer(const Incident& incident) override { return store_.hold_finalizer(incident); }
  Result<void> release_finalizer(const Incident& incident) override {
    return store_.release_finalizer(incident);
  }
  Result<void> remove(const Incident& incident) override { return store_.remove(incident); }
  Pointer cached(const std::string& name) const override { return store_.cached(name); }
  std::vector<Pointer> of_target(const std::string& uid) const override { return store_.of_target(uid); }
  std::vector<Pointer> of_owner(const std::string& uid) const override { return store_.of_owner(uid); }
  std::vector<Pointer> of_namespace(const std::string& name) const override {
    return store_.of_namespace(name);
  }
  std::vector<Pointer> list() const override { return store_.list(); }
  void subscribe(std::function<void(const std::string& name)> changed) override {
    store_.subscribe(std::move(changed));
  }

 private:
  MemoryStore& store_;
  const bool& is_dead_;
};

class NoLedger final : public incidents::Ledger {
 public:
  Result<void> fold(const incidents::LedgerRecord&) override { return {}; }
  Result<incidents::LedgerContents> load() override { return incidents::LedgerContents(); }
  Result<std::vector<incidents::LedgerRecord>> compact(const incidents::Compaction&) override {
    return std::vector<incidents::LedgerRecord>();
  }
};

class NoAnnouncer final : public controller::Announcer {
 public:
  void announce(const Incident&, bool, std::string_view, std::string_view) override {}
};

/// The machine's definitions with these terms in the metadata.
std::string definition(const std::string& name, const std::string& terms) {
  std::string xml = read_file("targets/libvirt/testdata/" + name, targets::kMaxDomainXmlBytes).value();
  if (xml.find("</metadata>") != std::string::npos) return xml.insert(xml.find("</metadata>"), terms);
  return xml.insert(xml.find("<memory"), fmt::format("<metadata>{}</metadata>", terms));
}

}  // namespace

Playbook rebuild_playbook() {
  Playbook playbook;
  playbook.name = "rebuild";
  playbook.mode = Mode::kFull;
  playbook.steps = {{ContainStep()}, {RedeployStep()}, {VerifyStep()}};
  return playbook;
}

Result<GoldenImage> FakeImages::provide(const GoldenSource& source, const std::string& policy, MonotonicTime,
                                        std::stop_token) {
  ++provided;
  if (trouble) return fail(*trouble);
  GoldenImage image;
  // As it is called in policies, and not as it was asked for.
  image.trusted = {
      "root", "file://" + source.location, digest, {}, policy.empty() ? "any" : policy, "", "Golden", ""};
  image.path = "/images/" + digest.substr(7) + ".qcow2";
  image.format = "qcow2";
  return image;
}

Result<FileIdentity> FakeImages::check(const GoldenImage&, std::stop_token) {
  ++checked;
  if (is_tampered)
    return fail(make_error(ErrorCode::kRefused, "its digest is another").because("DigestMismatch"));
  return FileIdentity{1, inode};
}

Result<void> FakeProbe::ask(const targets::ProbeTerms&, std::stop_token) {
  if (serves) return {};
  return fail(ErrorCode::kUnavailable, "no answer");
}

Result<Reached> FakeProbe::reach(const Endpoint& endpoint) {
  ++tried;
  if (endpoint.address != "10.77.0.11") return fail(ErrorCode::kUnavailable, "no route");
  return reached.load();
}

/// One life of the controller.
struct RebuildSite::Process {
  explicit Process(RebuildSite& site)
      : store(site.store, site.machine.is_away),
        target(site.machine),
        inventory(site.machine, site.clock),
        files(
            site.directory.path() + "/machines",
            [](const GoldenImage& image, const std::string& path, std::stop_token) {
              return write_file_durably(path, "a layer over " + image.path);
            },
            [](const FirstBoot& boot) -> Result<std::string> {
              return fmt::format("{} {} {}{}", boot.instance_id, boot.host_name, boot.user_data,
                                 boot.network_config);
            }),
        evidence(nullptr, site.machine, metrics, site.clock),
        domains{site.machine, target, inventory,  site.book, evidence,
                site.images,  files,  site.probe, memory,    silence},
        steps(domains),
        jobs(controller::Jobs::Limits{}),
        world{store,
              ledger,
              site.book,
              jobs,
              metrics,
              leadership,
              announcer,
              site.settings,
              site.clock,
              site.log,
              [](const std::string&) {},
              steps,
              nullptr},
        reconciler(world) {}

  DyingStore store;
  targets::DomainTarget target;
  DomainInventory inventory;
  MachineFiles files;
  RebuildMemory memory;
  SilenceMemory silence;
  metrics::Registry metrics{{}};
  DomainEvidence evidence;
  DomainWorld domains;
  DomainSteps steps;
  NoLedger ledger;
  controller::Jobs jobs;
  controller::ElectedLeadership leadership{/*always=*/true};
  NoAnnouncer announcer;
  controller::World world;
  controller::Reconciler reconciler;
};

RebuildSite::RebuildSite(const std::string& terms)
    : machine(definition("live.xml", terms), definition("persistent.xml", terms)),
      before(machine.persistent) {
  book.set_playbooks({rebuild_playbook()});
  restart();
}

RebuildSite::~RebuildSite() = default;

void RebuildSite::restart() {
  process_.reset();
  machine.is_away = false;
  machine.fail_change(0, false);
  process_ = std::make_unique<Process>(*this);
  REQUIRE(process_->inventory.domains());
}

void RebuildSite::open() {
  Incident incident;
  incident.name = kIncident;
  incident.name_space = kHostNamespace;
  incident.created = clock.now();
  incident.has_ledger_finalizer = true;
  incident.spec.target = {kDomainKind, kHostNamespace, "web1", kUuid};
  incident.spec.origin.source = "person";
  incident.spec.origin.rule = "by hand";
  incident.spec.origin.detected = incident.spec.origin.received = clock.now();
  incident.spec.playbook = "rebuild";
  incident.spec.mode = Mode::kFull;
  REQUIRE(store.create(incident, std::chrono::milliseconds(1)));
}

bool RebuildSite::comes(const std::function<bool()>& what, int seconds) {
  for (int second = 0; second < seconds; ++second) {
    if (what()) return true;
    step();
  }
  return what();
}

bool RebuildSite::comes(Stage stage) {
  return comes([&] { return stage_of(incident()) == stage; });
}

bool RebuildSite::comes_to(std::string_view condition, std::string_view reason) {
  return comes([&] { return this->reason(condition) == reason; });
}

void RebuildSite::step() {
  (void)process_->reconciler.reconcile(kIncident);  // what it has to say is in the incident
  for (const char* job : {"golden-image", "prepare-machine", "rehash-image", "ask-service", kGuestJob,
                          controller::kCollectJob}) {
    while (process_->jobs.is_active(kIncident, job)) std::this_thread::yield();
  }
  while (process_->jobs.is_active(kIncident + "/silence", "probe-silence")) std::this_thread::yield();
  clock.advance(std::chrono::seconds(1));
}

Incident RebuildSite::incident() const {
  return *store.cached(kIncident);
}
std::string RebuildSite::reason(std::string_view type) const {
  const Incident now = incident();
  const Condition* condition = find_condition(now.status, type);
  return condition == nullptr ? "" : condition->reason;
}

bool RebuildSite::remembers() const {
  const RebuildFacts facts = process_->memory.facts(kIncident);
  return process_->evidence.has_asked_guest(kIncident) ||
         process_->evidence.results().attempts(kIncident) > 0 || facts.image || facts.prepared ||
         facts.rehashed || facts.served;
}

std::string RebuildSite::timeline() const {
  std::string text;
  for (const TimelineEntry& entry : incident().status.timeline) text += entry.message + "\n";
  return text;
}

void RebuildSite::change(const std::function<void(Incident&)>& edit) {
  Incident now = incident();
  edit(now);
  REQUIRE(store.update_decisions(now));
  now = incident();
  edit(now);
  REQUIRE(store.update_status(now));
}

void RebuildSite::decide(const std::string& step, bool approved) {
  change(
      [&](Incident& now) { now.spec.approvals.push_back({step, approved, "ada", "because", clock.now()}); });
}

void RebuildSite::order(ReleaseOrder::Victim victim) {
  change([&](Incident& now) {
    ReleaseOrder release;
    release.by = "ada";
    release.victim = victim;
    now.spec.release = release;
  });
}

targets::Domain RebuildSite::live() const {
  return targets::parse_domain(machine.live).value();
}
targets::Domain RebuildSite::persistent() const {
  return targets::parse_domain(machine.persistent).value();
}
std::vector<std::string> RebuildSite::machine_files() const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path() + "/machines", none))
    names.push_back(entry.path().filename());
  return names;
}

}  // namespace kintsugi::host::testing
