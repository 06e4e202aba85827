// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "evidence/store.h"

namespace kintsugi::controller {

/// "ADDR:PORT", already taken apart.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};

/// The check of images while pods are created: see docs/admission.md.
struct AdmissionSettings {
  bool is_enabled = false;
  ListenAddress listen{"127.0.0.1", 9443};
  std::string service = "kintsugi";  ///< of our namespace, by which the API server reaches us
  std::string url;                   ///< instead of it: "https://host:port"
  /// Our Secret, and our ValidatingWebhookConfiguration; both exist already.
  std::string name = "kintsugi-admission";
  std::chrono::seconds after{std::chrono::hours(24)};  ///< how long it goes on after an incident
};

/// A hypervisor in place of a cluster: see docs/hypervisor.md.
struct HostSettings {
  bool is_enabled = false;
  std::string libvirt_uri = "qemu:///system";
  std::string state_file;        ///< the SQLite database with incidents and ledger
  std::string control_socket;    ///< where people speak to us; empty: nowhere
  std::string images_directory;  ///< of golden images; empty: `images` beside the state file
};

/// What the command line and the environment decide; fixed for the life of the process.
struct Settings {
  std::string kubeconfig;  ///< empty: $KUBECONFIG, ~/.kube/config, in-cluster
  std::string name_space = "kintsugi-system";
  std::string playbooks_directory;       ///< empty: Playbook resources only
  std::string trust_policies_directory;  ///< empty: TrustPolicy resources only
  std::string evidence_directory;        ///< empty: nothing can be collected
  evidence::Budget evidence_budget;
  ListenAddress signals_listen{"127.0.0.1", 8443};
  ListenAddress metrics_listen{"127.0.0.1", 9090};
  std::string signals_token_file;
  std::string signals_tls_certificate;
  std::string signals_tls_key;
  bool allow_plain_signals = false;
  bool allow_http_registry = false;
  std::string registry_config_file;             ///< a dockerconfigjson; empty: anonymous
  std::string registry_hosts_file;              ///< mirrors and hosts\' options; may be empty
  std::vector<std::string> trusted_root_files;  ///< for keyless authorities that name no trusted root
  unsigned sweep_images_per_minute = 240;       ///< of one registry, by day; 0: no limit
  AdmissionSettings admission;
  HostSettings host;
  bool leader_elect = true;
  std::string identity;  ///< this replica, in the lease and in events

  /// A winner patches within this of the start of its create, which may take two seconds
  /// (controller/intake.cc).
  std::chrono::milliseconds contain_window{3000};
  std::chrono::milliseconds contain_timeout{500};          ///< of the winner's patch
  std::chrono::milliseconds leader_contain_timeout{3000};  ///< of the leader's, who has no window to keep
  std::chrono::milliseconds leader_redrive{2000};  ///< the leader contains what is not contained after this
  /// How far this replica's playbooks and namespaces may be behind those of the one that took a signal.
  std::chrono::milliseconds configuration_lag{30000};
  /// Release and hold take effect this long after the creation, which the API server knows to the second:
  /// once no winner's patch can come any more. Until then nothing follows the containment.
  std::chrono::milliseconds person_grace{5000};
  std::chrono::milliseconds recheck{1000};  ///< how often a step that waits for the world looks again
  std::chrono::milliseconds retry{5000};    ///< how soon a failed step is tried again

  std::chrono::seconds incident_retention{std::chrono::days(90)};  ///< of those that are over; 0: for ever
  std::size_t max_closed_incidents = 1000;                         ///< 0: any number

  /// By Severity: containment and recovery objectives in seconds.
  std::array<double, 4> containment_objective{60, 60, 30, 5};
  std::array<double, 4> recovery_objective{14400, 3600, 1800, 600};
};

/// What the retries and watches of this replica are jittered by, so that replicas do not go in step.
inline std::uint64_t jitter_of(const Settings& settings) {
  return std::hash<std::string>()(settings.identity);
}

}  // namespace kintsugi::controller
