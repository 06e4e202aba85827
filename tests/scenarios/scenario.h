// SPDX-License-Identifier: Apache-2.0
//
// One scenario: a protected namespace of its own, a controller with a namespace of its own, and what is read
// back from the API server. Whatever fails ends the test and shows the incidents and the controller's log.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "k8s-client/core/patch.h"
#include "tests/support/controller_process.h"
#include "tests/support/objects.h"
#include "world.h"

namespace kintsugi::faults {
class Proxy;
}

namespace kintsugi::scenarios {

using namespace support;

inline constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};

/// An image for two platforms in the world's registry.
struct Image {
  std::string repository;  ///< "shop/web"
  std::string tag;
  std::string digest;     ///< of the index
  std::string by_tag;     ///< "127.0.0.1:41235/shop/web:1.0"
  std::string by_digest;  ///< "127.0.0.1:41235/shop/web@sha256:…"
};

class Scenario {
 public:
  /// Makes the namespaces, and the trust policy `release-images` for everything below shop/ in the registry.
  Scenario();
  ~Scenario();
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;

  World& world() { return *world_; }
  k8s::Client& client() { return world_->client(); }
  const std::string& shop() const { return shop_; }      ///< the protected namespace
  const std::string& system() const { return system_; }  ///< the controller's
  const std::string& directory() const { return directory_; }
  const SigningKey& key() const { return key_; }  ///< which the trust policy trusts

  // Given.

  Image push(const std::string& repository, const std::string& tag, const std::string& content);
  Image push_signed(const std::string& repository, const std::string& tag, const std::string& content);
  /// A playbook that the next controller reads. Without any, start() writes PlaybookText's defaults.
  void write_playbook(const PlaybookText& playbook);
  void write_playbook_file(const std::string& name, const std::string& text);
  void write_trust_policy(const std::string& name, const std::string& text);
  nlohmann::json create(const k8s::Resource& resource, const nlohmann::json& object);
  /// Another namespace that ends with the scenario; returns its name.
  std::string make_namespace(const std::string& suffix, bool is_protected);
  /// Deployment `web` with 3 replicas of `image` behind a Service, and Deployment `neighbour`; all Ready.
  void open_shop(const std::string& image);
  /// The same, of an image that is pushed and signed for it, which is returned.
  Image open_shop();
  /// Starts a controller, the first or another replica.
  ControllerProcess& start(bool leader_elect = false, std::vector<std::string> flags = {});
  /// Between the API server and each controller that is started from now on; the rights are the same.
  faults::Proxy& proxy();
  /// The first replica.
  ControllerProcess& controller() { return *controllers_.at(0); }

  // When.

  /// Sends an event; the answer must be 202. Returns its only result.
  nlohmann::json send(const nlohmann::json& event);
  /// Sends an event about a pod and returns the name of the incident that it opened.
  std::string breach(const nlohmann::json& pod);
  void patch(const k8s::Resource& resource, const std::string& name, const k8s::JsonPatch& patch);
  void remove(const k8s::Resource& resource, const std::string& name);
  /// Adds an approval or a denial to an incident, as `kintsugi approve` does.
  void decide(const std::string& incident, const std::string& step, bool approve);
  /// Orders a release, as `kintsugi release` does: "restore", "leave" or "delete".
  void release(const std::string& incident, const std::string& victim);

  // Then.

  /// In the protected namespace; null where it does not exist.
  nlohmann::json get(const k8s::Resource& resource, const std::string& name);
  std::vector<nlohmann::json> list(const k8s::Resource& resource, const std::string& selector = "");
  /// The pods that wear `app: <name>` and are not on their way out, by name.
  std::vector<nlohmann::json> pods_of(const std::string& app);
  /// What the other pods of the namespace are, to be compared later.
  nlohmann::json identities(const std::vector<nlohmann::json>& pods);
  /// The UIDs that a service's EndpointSlices say are ready.
  std::vector<std::string> serving(const std::string& service);
  nlohmann::json incident(const std::string& name);
  std::vector<nlohmann::json> incidents();
  nlohmann::json config_map(const std::string& name);  ///< of the controller's namespace

  /// Waits until `is_so`, looking every 20 ms.
  void eventually(const std::string& what, const std::function<bool()>& is_so,
                  std::chrono::milliseconds timeout = std::chrono::seconds(15));
  /// Waits until an incident is so, and returns it.
  nlohmann::json eventually_incident(const std::string& name, const std::string& what,
                                     const std::function<bool(const nlohmann::json& incident)>& is_so,
                                     std::chrono::milliseconds timeout = std::chrono::seconds(15));
  /// Waits until the condition has this status (and reason, if given).
  nlohmann::json eventually_condition(const std::string& incident, const std::string& type,
                                      const std::string& status, const std::string& reason = "",
                                      std::chrono::milliseconds timeout = std::chrono::seconds(15));
  /// Looks for a while, and ends the test when it is not so at any look.
  void holds_for(std::chrono::milliseconds time, const std::string& what, const std::function<bool()>& is_so);

  /// For failures: the incidents and the end of the log.
  std::string describe();

 private:
  void forget_incidents();

  const SystemClock clock_;
  Logger log_;
  const std::string directory_;
  const std::unique_ptr<World> world_;
  const SigningKey key_;
  const std::string run_;  ///< what its namespaces start with
  std::vector<std::string> namespaces_;
  const std::string system_;
  std::string controller_kubeconfig_;
  const std::string shop_;
  bool has_playbook_ = false;
  std::unique_ptr<faults::Proxy> proxy_;
  std::vector<std::unique_ptr<ControllerProcess>> controllers_;
};

}  // namespace kintsugi::scenarios
