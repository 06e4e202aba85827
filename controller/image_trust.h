// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/image.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::trust {
struct Predecessor;
struct Verdict;
class Verifier;
}  // namespace kintsugi::trust

namespace kintsugi::controller {

class PlaybookBook;

// Where an image was taken from: the template as it was at the breach, or as it was rolled out since; what
// ran; what was proven by day.
inline constexpr const char* kTemplate = "Template";
inline constexpr const char* kRollout = "Rollout";
inline constexpr const char* kRunning = "Running";
inline constexpr const char* kLastKnownGood = "LastKnownGood";

/// A container whose image is to be decided.
struct ImageQuestion {
  std::string container;
  std::string image;               ///< as the template names it
  std::string running_image_id{};  ///< what the victim's container reported; empty: unknown
  /// The template was rolled out anew since the victim was made: what ran is not what is asked for now.
  bool was_rolled = false;
};

/// The decision for one container: an accepted digest, or why there is none.
struct ImageAnswer {
  std::string asked;  ///< the image, as it was asked about
  std::optional<TrustedImage> image;
  std::string reason;   ///< where there is none: a stable word ("SignatureInvalid", "RegistryUnavailable")
  std::string message;  ///< names image and policy
  bool retryable = false;
  std::optional<std::chrono::milliseconds> retry_after;  ///< how long the registry asks to be left alone
};

/// Which digest may run, in this order: the one that the template names, the running one unless the template
/// was rolled out anew since, what the template's tag points to now, the last known good from before the
/// breach. Never one that no policy accepts.
/// Thread-safe; calls block on registries.
class ImageTrust {
 public:
  /// `known_good` holds what was proven by day; references must outlive this object.
  ImageTrust(trust::Verifier& verifier, const PlaybookBook& book, k8s::Client& client, std::string name_space,
             metrics::Registry& metrics, const Clock& clock);

  /// Every TrustPolicy that selects the image must accept it. `policy` names one that has to be among them;
  /// empty: any. `suspect` forbids the running digest, and everything where that is unknown.
  ImageAnswer decide(const ImageQuestion& question, const std::string& policy, bool suspect,
                     const std::string& workload_uid, std::stop_token stop);

  /// May this image run, whatever it is for? By the deadline.
  trust::Verdict judge(const std::string& image, MonotonicTime deadline);

  /// Between a job and the reconcile that it wakes: answers wait here, in memory only, until they are taken.
  void keep_answers(const std::string& incident, std::vector<ImageAnswer> answers);
  std::optional<std::vector<ImageAnswer>> take_answers(const std::string& incident);
  /// Those that nobody takes any more.
  void forget_answers(const std::string& incident);

  /// What would be started of a workload.
  struct WorkloadImages {
    std::string uid;
    Labels labels;  ///< by which playbooks select it
    std::vector<targets::Container> containers;
  };
  /// Verifies by day what a workload's containers name, by the rule of the breach: with the trust policy of
  /// each playbook that would redeploy a pod of it. What all accept is remembered as last known good,
  /// durably; `may_write` is asked right before that.
  std::vector<ImageAnswer> prepare(const WorkloadImages& workload, const Labels& namespace_labels,
                                   const std::function<bool()>& may_write, std::stop_token stop);

  /// Reads what was remembered, by whatever process; what this one held is replaced. Before the first
  /// decide().
  Result<void> load_known_good();
  /// Another process may have remembered more since: it is read before the next decision. At each start of
  /// leadership; does not block.
  void expect_changes();
  /// Drops what is remembered of any other workload, best effort: those are gone for good.
  void forget_all_but(const std::set<std::string>& workload_uids);

 private:
  void catch_up();
  trust::Verdict verify(const std::string& image, MonotonicTime deadline, std::stop_token stop,
                        const trust::Predecessor* predecessor);
  /// The names that `policy` of decide() can have for a pod of this workload; at least one, maybe empty.
  std::set<std::string> required_policies(const WorkloadImages& workload,
                                          const Labels& namespace_labels) const;
  ImageAnswer ask_all(const std::string& image, const std::string& container,
                      const std::set<std::string>& policies, std::stop_token stop);
  ImageAnswer ask(const std::string& image, const std::string& container, const std::string& policy,
                  const char* origin, std::stop_token stop, const trust::Predecessor* predecessor = nullptr);
  std::optional<TrustedImage> known_good(const std::string& workload_uid, const std::string& container) const;
  std::size_t known_containers(const std::string& workload_uid) const;
  Result<void> remember(const std::string& workload_uid, const std::vector<TrustedImage>& images,
                        const std::function<bool()>& may_write);

  trust::Verifier& verifier_;
  const PlaybookBook& book_;
  k8s::Client& client_;
  const std::string name_space_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  std::mutex storing_;      ///< held over a write or read of the ConfigMap and what follows from it in memory
  std::mutex catching_up_;  ///< taken before all others
  std::atomic<bool> may_have_changed_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, TrustedImage>>
      known_good_;                                           ///< guarded; by workload UID, container
  std::map<std::string, std::vector<ImageAnswer>> answers_;  ///< guarded; by incident
};

}  // namespace kintsugi::controller
