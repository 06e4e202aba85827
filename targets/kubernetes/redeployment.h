// SPDX-License-Identifier: Apache-2.0
//
// Bringing a workload back on accepted digests, and judging that it is back. Pure functions; design.md,
// "Trust before speed, speed by preparation".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "k8s-client/core/patch.h"
#include "model/action.h"
#include "model/finding.h"
#include "model/hardening.h"
#include "model/image.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::targets {

/// The digest of an imageID or image reference, "sha256:<64 hex>"; empty where it names none. The repository
/// and scheme in front do not matter: content is compared, not names.
std::string digest_of(std::string_view image);

/// "registry/repository@digest" from a reference with or without tag and digest.
std::string pinned(std::string_view image, std::string_view digest);

/// What was accepted for a container of that name; nullptr: nothing.
const TrustedImage* accepted_for(const std::vector<TrustedImage>& accepted, std::string_view container);

/// Whether a container runs what was accepted for it, as its runtime reports that.
bool runs_accepted(const Container& container, const std::vector<TrustedImage>& accepted);

/// The patch that takes `patch` back from `live`: only what it changes, for the rest of a template may hold
/// secrets.
nlohmann::json undo_of(const k8s::JsonPatch& patch, const nlohmann::json& live);

/// Whether each container of the template names, by digest, what was accepted for it.
bool is_prepared(const Deployment& deployment, const std::vector<TrustedImage>& accepted);

/// Why the Deployment's pods are not all of its present template yet; empty: they are.
std::string unfinished_rollout(const Deployment& deployment);

/// Pins each container of the template to its accepted digest ("repository@sha256:…") and applies the
/// hardening, with a `test` of the UID and of each value replaced. `live` is the Deployment's document. Fails
/// where a container has no accepted image, or nothing would change.
Result<Action> plan_pin(const nlohmann::json& live, const std::vector<TrustedImage>& accepted,
                        const std::vector<Hardening>& harden);

/// The action that plan_recreation() plans.
inline constexpr const char* kRecreation = "redeploy/recreate";

/// The labels of a pod's document, but for ours.
Labels own_labels(const nlohmann::json& pod);

/// A bare pod's replacement from a cleaned spec: a name of its own that is the same for each try, the
/// victim's labels as they were, accepted digests; without node, status, injected token volumes, ephemeral
/// containers.
Result<Action> plan_recreation(const nlohmann::json& victim, const Labels& labels,
                               const std::string& incident, const std::vector<TrustedImage>& accepted,
                               const std::vector<Hardening>& harden);

/// What stands where the victim stood.
struct Replacements {
  std::uint32_t wanted = 1;   ///< replicas the owner wants
  std::vector<Pod> pods;      ///< the owner's, or the recreated one; victims in quarantine are not among them
  std::string owner_trouble;  ///< why the owner cannot make pods (quota); empty: none
  std::string rollout;        ///< unfinished_rollout() of the owner; empty: none
  bool has_service = false;   ///< some Service selects them
  std::vector<std::string> serving_pod_uids;  ///< ready in an EndpointSlice
};

/// Whether plan_recreation() has made that pod, by its document, for the incident.
bool is_recreated_for(const nlohmann::json& pod, const std::string& incident);

/// The pod that was made last; of those of the same second, which is as exact as the API is, the one that
/// changed last. nullptr: there is none.
const Pod* newest_of(const std::vector<Pod>& pods);

/// Redeployed: the owner's pods are all of its present template, enough of them are there, and every one runs
/// accepted digests only, as its runtime reports them.
Finding assess_redeployed(const Replacements& now, const std::vector<TrustedImage>& accepted);

/// Recovered: redeployed, each wanted pod Ready, and serving where there is a Service.
Finding assess_recovered(const Replacements& now, const std::vector<TrustedImage>& accepted);

}  // namespace kintsugi::targets
