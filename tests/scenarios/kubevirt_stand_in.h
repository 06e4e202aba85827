// SPDX-License-Identifier: Apache-2.0
//
// A small stand-in for KubeVirt on a real API server: its resource definitions (tests/kubevirt/crds.json),
// what virt-controller does with them, and virt-api as an aggregated API. It does what KubeVirt's
// documentation and source say of a machine that is run, paused, migrated, restarted and snapshotted; no
// guest runs in it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "scenario.h"

namespace kintsugi::scenarios {

inline constexpr k8s::Resource kMachines{"kubevirt.io", "v1", "virtualmachines", "VirtualMachine"};
inline constexpr k8s::Resource kInstances{"kubevirt.io", "v1", "virtualmachineinstances",
                                          "VirtualMachineInstance"};
inline constexpr k8s::Resource kMigrations{"kubevirt.io", "v1", "virtualmachineinstancemigrations",
                                           "VirtualMachineInstanceMigration"};
inline constexpr k8s::Resource kSnapshots{"snapshot.kubevirt.io", "v1beta1", "virtualmachinesnapshots",
                                          "VirtualMachineSnapshot"};

/// A VirtualMachine that runs always, boots from `image` and has a data disk on a claim.
nlohmann::json machine(const std::string& name, const std::string& image);
/// Gives it a card on a network of Multus, which no NetworkPolicy reaches.
inline constexpr const char* kOtherNetwork = "ops/storage";
void attach_network(nlohmann::json& machine);
/// The claim that is too small for any machine's memory: a dump into it fails.
inline constexpr const char* kFullClaim = "full";
/// One that is not there, and one that is somebody else's: a dump into it is refused.
inline constexpr const char* kMissingClaim = "missing";
inline constexpr const char* kForeignClaim = "foreign";
/// As virt-controller names it in the launcher.
inline constexpr const char* kRootContainer = "volumeroot";

/// Plays for one scenario, from construction to its end. Not thread-safe.
class KubeVirt {
 public:
  /// The scenario must outlive it, and needs a world that knows schemas.
  explicit KubeVirt(Scenario& scenario);
  ~KubeVirt();
  KubeVirt(const KubeVirt&) = delete;
  KubeVirt& operator=(const KubeVirt&) = delete;

  /// Creates a machine, starts it where its run strategy waits for a person, and waits until it is Ready.
  /// Returns its launcher.
  nlohmann::json run(const nlohmann::json& machine);
  /// The instance of a machine; null where there is none.
  nlohmann::json instance(const std::string& machine);
  /// The launchers of an instance, by its UID, that are not on their way out.
  std::vector<nlohmann::json> launchers(const std::string& instance_uid);
  bool is_paused(const std::string& machine);
  /// How many instances it has made for a machine.
  int instances_made(const std::string& machine);

 private:
  void install_definitions();
  void serve_subresources();
  void play(const std::stop_token& stop);
  void look();
  void request_start(const std::string& machine);

  Scenario& scenario_;
  const SystemClock clock_;
  Logger log_;
  std::unique_ptr<net::HttpServer> server_;
  std::mutex mutex_;                 ///< held during a look
  std::map<std::string, int> made_;  ///< guarded; by machine
  std::jthread controller_;
};

}  // namespace kintsugi::scenarios
