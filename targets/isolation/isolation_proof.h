// SPDX-License-Identifier: Apache-2.0
//
// Whether a quarantined pod is isolated, evaluated from objects. Pure: no I/O, no clock, no state.
//
// NetworkPolicies only ever add permissions, so a deny-all isolates nothing while another policy allows. In
// doubt a rule counts as a leak: whether its peers exist today is not asked, since they may exist tomorrow.
// What is evaluated is what the API server was told; that packets obey is never claimed here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/label_selector.h"
#include "targets/isolation/network_policy.h"
#include "targets/isolation/pod_facts.h"
#include "targets/isolation/quarantine.h"

namespace kintsugi::isolation {

/// The pod in question, with the labels that it has or will have in quarantine.
struct Victim {
  std::string name_space;
  Labels labels;
  PodFacts facts;
};

/// Everything known of the NetworkPolicies of the victim's namespace; policies of other namespaces are
/// skipped.
struct PolicySet {
  std::span<const NetworkPolicy* const> policies;  ///< none null
  /// Policies that could not be read: any of them may allow anything.
  std::span<const Error> unreadable;
};

/// What the cluster's network does with policies, as far as it is known.
struct NetworkFacts {
  enum class Enforcement : std::uint8_t { kUnknown, kEnforced, kNotEnforced };

  Enforcement enforcement = Enforcement::kUnknown;
  bool cuts_established_connections = false;
  /// Kinds outside networking.k8s.io of which objects exist that may select the victim and allow traffic over
  /// a NetworkPolicy's head: "CiliumNetworkPolicy", "GlobalNetworkPolicy" (Calico), "AdminNetworkPolicy".
  /// They are not evaluated. A kind that is installed but has no objects is not listed.
  std::vector<std::string> foreign_policy_kinds;
};

/// One rule that lets the victim talk.
struct Allowance {
  std::string policy;  ///< "shop/allow-dns", escaped
  Direction direction = Direction::kIngress;
  std::size_t rule = 0;     ///< index in spec.ingress or spec.egress
  std::string peers;        ///< in words, from or to whom
  std::string ports;        ///< in words
  std::string selected_by;  ///< why the policy selects the victim: "its podSelector is empty"

  /// "NetworkPolicy shop/allow-dns allows egress (spec.egress[0]) to any destination on 53/UDP: its
  /// podSelector is empty".
  std::string to_string() const;
  bool operator==(const Allowance&) const = default;
};

/// The change that closes all leaks of one policy.
struct Exclusion {
  std::string policy;  ///< "shop/allow-dns", escaped
  std::string advice;  ///< for people: what to commit to its source
  /// RFC 6902, with tests of the UID and of the pod selector as it was evaluated; empty where no selector can
  /// help, because the policy asks for the quarantine label itself.
  std::string patch;
  bool operator==(const Exclusion&) const = default;
};

enum class LimitCode : std::uint8_t {
  // These forbid calling the victim isolated.
  kHostNetwork,
  kHostPid,
  kPrivileged,
  kHostPath,
  kSecondaryNetworks,
  kDirectionNotDenied,
  kPolicyUnreadable,
  kForeignPolicies,
  kPolicyNotEnforced,
  // These are said beside the claim.
  kEstablishedConnectionsMaySurvive,
  kNodeReachable,
  kSharedVolume,
  kServiceAccountToken,
};

/// The CamelCase reason: "HostNetwork", "EstablishedConnectionsMaySurvive".
std::string_view to_string(LimitCode code);
/// True for the limits that forbid calling the victim isolated.
bool forbids_isolation(LimitCode code);

/// Something that quarantine does not reach, in words.
struct Limit {
  LimitCode code = LimitCode::kNodeReachable;
  std::string message;  ///< a clause, escaped
  bool operator==(const Limit&) const = default;
};

struct IsolationProof {
  /// Both directions are denied and no limit forbids saying so.
  bool isolated = false;
  /// Some policy denies the direction to the victim and no rule allows in it, exceptions aside. This is about
  /// the policies alone: a pod on its node's network is not bound by them.
  bool ingress_denied = false;
  bool egress_denied = false;
  std::vector<Allowance> leaks;
  /// Rules of policies that select the forensic profile the victim wears by name: meant to stay open.
  std::vector<Allowance> exceptions;
  std::vector<Exclusion> exclusions;  ///< one per leaking policy, in the order of the leaks
  std::vector<Limit> limits;          ///< in the order of LimitCode
  std::string_view method = "PolicyEvaluated";

  /// One word for a condition: `method` when isolated, else "NetworkPolicyAllows" or the first limit that
  /// forbids isolation.
  std::string_view reason() const;
  /// For a condition: every leak and limit, or of many leaks the first few and the number of the others.
  std::string message() const;
};

/// Evaluates the policies against the victim's final labels. Takes time linear in the total size of the
/// selectors, plus the rules of the policies that select the victim. A policy that names the victim's own
/// forensic profile (`kintsugi.dev/forensics`, in matchLabels or by In) makes exceptions; one that selects by
/// anything else, such as the profile label's mere existence, leaks.
IsolationProof prove_isolation(const Victim& victim, const PolicySet& policies, const NetworkFacts& network);

/// By day: whether a pod of this template could be isolated. Evaluates the labels that
/// labels_after_quarantine leaves, with the standing quarantine policy taken as present, because containment
/// writes it where it is missing. Containable is `isolated`.
IsolationProof prove_containability(const Victim& template_pod, const QuarantineOptions& options,
                                    const PolicySet& policies, const NetworkFacts& network);

}  // namespace kintsugi::isolation
