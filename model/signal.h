// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/severity.h"

namespace kintsugi {

/// One observation that a target may be compromised, decoded from a native format. Every string in it was
/// written by whoever controls the process that was observed: it is compared, never expanded, and escaped
/// where it is shown. Empty means that the format had no value (absent, null, "", "<NA>").
struct Signal {
  std::string source;  ///< "falco"
  std::string rule;
  Severity severity = Severity::kInfo;
  WallTime time;      ///< when it happened, as the sensor says; already clamped to a plausible range
  WallTime received;  ///< when we had it
  /// When it happened, as the sensor says, however implausible; nothing: it does not say, and `time` is
  /// `received`.
  std::optional<WallTime> claimed;
  bool time_was_clamped = false;             ///< the sensor's time was implausible: `time` is `received`
  std::optional<WallTime> compromise_start;  ///< where the format knows it
  std::string id;                            ///< the format's own, or one built from its content
  std::vector<std::string> tags;
  std::string summary;  ///< the sensor's text, at most 1 KiB

  // The victim as the format names it.
  bool on_host = false;  ///< an event of the node itself, not of a container: no pod, no container
  std::string name_space;
  std::string pod_name;
  std::string pod_uid;
  std::string container_id;  ///< may be a prefix of the full id
  std::string container_name;
  std::string node;

  // Or the virtual machine; the first of these that the format has decides.
  std::string domain_uuid;  ///< lower case, with dashes
  std::string domain;       ///< its name
  std::string mac;          ///< of a network card: "52:54:00:aa:bb:cc"
  std::string address;      ///< IPv4 or IPv6, as the guest has it
};

}  // namespace kintsugi
