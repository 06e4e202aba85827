// SPDX-License-Identifier: Apache-2.0
//
// What a command line `kintsugi trust …` asks for, as values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_code.h"
#include "trust/sigstore/identity.h"

namespace kintsugi::cli {

enum class TrustVerb : std::uint8_t {
  kVerify,
  kVerifyBlob,
  kExplain,
  kFetchDiskImage,
  kSignRequirements,
  kImport
};

struct TrustInvocation {
  TrustVerb verb = TrustVerb::kVerify;
  /// The image; of verify-blob: a file, or "sha256:…"; of sign-requirements: maybe empty; of import: a file.
  std::string subject;
  bool as_json = false;                       ///< else text; of import: YAML
  std::chrono::milliseconds timeout{60'000};  ///< for everything

  // Who may sign: exactly one of these three.
  std::string policy_file;
  std::string key_file;
  std::optional<trust::IdentityRule> identity;

  std::vector<std::string> trusted_roots;  ///< files
  std::string registry_config;             ///< a docker config file; empty: anonymous
  std::string registry_hosts;              ///< a file of mirrors and hosts' options; may be empty
  bool allow_http_registry = false;

  std::string disk_file;  ///< of fetch-disk-image: where it goes

  // Of verify-blob. Exactly one of the first two; with a policy, one or none.
  std::string bundle_file;
  std::string signature_file;  ///< detached; with a key or a policy
  std::string checksums_file;  ///< what is signed in place of the subject; empty: the subject itself
  bool is_disk_image = false;  ///< the subject has to be qcow2 or raw
  std::string location;        ///< with a policy: where the subject comes from; empty: where it is

  /// Of verify-blob: the file is elsewhere, and known by its SHA-256 only.
  bool subject_is_digest() const { return subject.starts_with("sha256:"); }
};

/// `arguments` with the program's name first and "trust" second.
std::variant<TrustInvocation, Ended> parse_trust_command_line(const std::vector<std::string>& arguments);

}  // namespace kintsugi::cli
