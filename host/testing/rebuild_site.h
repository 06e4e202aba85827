// SPDX-License-Identifier: Apache-2.0
//
// A host with one protected machine and a controller that may end and come back, in memory: for what becomes
// of a rebuild when it is disturbed. What libvirt and guests make of it is proven in tests/machines.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/testing/scratch_directory.h"
#include "controller/playbook_book.h"
#include "controller/settings.h"
#include "host/control/testing/memory_store.h"
#include "host/domain_resolver.h"
#include "host/images/golden_images.h"
#include "host/service_probe.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::host::testing {

inline constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
inline const std::string kIncident = incident_name({kDomainKind, kHostNamespace, "web1", kUuid}, 1);

/// An image that is accepted, until something happens to it.
class FakeImages final : public GoldenImages {
 public:
  Result<GoldenImage> provide(const GoldenSource& source, const std::string& policy, MonotonicTime deadline,
                              std::stop_token stop) override;
  Result<FileIdentity> check(const GoldenImage& image, std::stop_token stop) override;

  std::string digest = "sha256:aa";
  std::optional<Error> trouble;  ///< of the source
  std::atomic<bool> is_tampered = false;
  std::atomic<std::uint64_t> inode = 7;  ///< another one: the file was replaced
  std::atomic<int> provided = 0;
  std::atomic<int> checked = 0;
};

class FakeProbe final : public ServiceProbe {
 public:
  Result<void> ask(const targets::ProbeTerms& terms, std::stop_token stop) override;
  Result<Reached> reach(const Endpoint& endpoint) override;
  std::atomic<bool> serves = true;
  std::atomic<Reached> reached = Reached::kSilent;  ///< at 10.77.0.11; to elsewhere there is no way
  std::atomic<int> tried = 0;                       ///< connections
};

Playbook rebuild_playbook();

constexpr char kTerms[] =
    "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' protected='true'>"
    "<image source='/golden/web.qcow2'/><probe http='http://10.77.0.11/version'/></kintsugi:domain>";

class RebuildSite {
 public:
  explicit RebuildSite(const std::string& terms = kTerms);
  ~RebuildSite();
  RebuildSite(const RebuildSite&) = delete;
  RebuildSite& operator=(const RebuildSite&) = delete;

  /// The controller ends, wherever it is, and comes back.
  void restart();
  /// A person opens the incident.
  void open();

  /// Works on the incident, a second each, until `what` or that many seconds have passed; whether it came.
  bool comes(const std::function<bool()>& what, int seconds = 300);
  bool comes(Stage stage);
  bool comes_to(std::string_view condition, std::string_view reason);
  void step();

  Incident incident() const;
  std::string reason(std::string_view type) const;
  std::string timeline() const;
  /// Whether the process holds anything in memory about the incident.
  bool remembers() const;
  void change(const std::function<void(Incident&)>& edit);
  void decide(const std::string& step, bool approved);
  void order(ReleaseOrder::Victim victim);

  targets::Domain live() const;
  targets::Domain persistent() const;
  std::vector<std::string> machine_files() const;

  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  controller::Settings settings;
  controller::PlaybookBook book;
  MemoryStore store;
  targets::testing::FakeHypervisor machine;
  const std::string before;  ///< the persistent definition at the start
  FakeImages images;
  FakeProbe probe;
  ScratchDirectory directory;

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

}  // namespace kintsugi::host::testing
