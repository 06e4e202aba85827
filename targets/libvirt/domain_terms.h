// SPDX-License-Identifier: Apache-2.0
//
// What its administrator says of a domain to Kintsugi, in its metadata (docs/hypervisor.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "targets/isolation/ip_network.h"

namespace kintsugi::targets {

/// Of one value: locations, paths, texts to expect.
inline constexpr std::size_t kMaxTermBytes = 2048;
/// Of what a domain can have several of: labels, addresses, probes, disks.
inline constexpr std::size_t kMaxTermElements = 256;
/// Of pairs of an exception and an address of the guest: each has several rules in a filter.
inline constexpr std::size_t kMaxForensicPairs = 64;

/// `<image source="…" bundle="…" checksums="…" disk="vda" user-data="/…" network-config="/…"/>`: from what it
/// is rebuilt.
struct GoldenTerms {
  std::string source;          ///< where the golden image is
  std::string bundle;          ///< where its signature is; empty: beside it
  std::string disk;            ///< the target name of the disk that it replaces; empty: the first disk
  std::string user_data;       ///< absolute path of a file on the host; empty: none
  std::string network_config;  ///< likewise
  std::string checksums = {};  ///< where the signed list is that has it; empty: it is signed itself
  bool operator==(const GoldenTerms&) const = default;
};

/// `<probe http="http://…" expect="…"/>`, `<probe tcp="ADDRESS:PORT"/>`, `<probe agent="true"/>`: when the
/// rebuilt machine serves.
struct ProbeTerms {
  enum class Kind : std::uint8_t { kHttp, kTcp, kAgent };
  Kind kind = Kind::kAgent;
  std::string address = {};  ///< the URL, or address and port
  std::string expect = {};   ///< what the body of an HTTP answer contains; empty: anything
  bool operator==(const ProbeTerms&) const = default;
};

/// `<data-disk target="vdb" after="detach|read-only|approval"/>`: what becomes of a disk beside the root
/// disk.
enum class DataDiskRule : std::uint8_t {
  kDetach,
  kReadOnly,
  kApproval,  ///< it stays as it is where a person agrees, and is detached otherwise
};

/// `<quarantine bridge="…"/>`, `<quarantine network="…"/>`: where its network cards go while it is isolated.
struct QuarantineTerms {
  enum class Kind : std::uint8_t { kNone, kBridge, kNetwork };
  Kind kind = Kind::kNone;
  std::string name = {};
  bool operator==(const QuarantineTerms&) const = default;
};

/// `<forensics profile="…" from="192.0.2.0/28" tcp="22"/>`: who may open connections to the guest there,
/// where the playbook names that profile.
struct ForensicException {
  std::string profile;
  isolation::IpNetwork from;
  std::uint16_t port = 0;  ///< 0: any
  bool operator==(const ForensicException&) const = default;
};

/// `<kintsugi:domain xmlns:kintsugi="https://kintsugi.dev/domain/v1" protected="true" mode="full">` with
/// `<label name="…" value="…"/>`, `<address value="…"/>` and the above in it.
struct DomainTerms {
  bool is_protected = false;
  std::string mode = {};  ///< the cap; empty: none
  std::map<std::string, std::string> labels = {};
  std::vector<std::string> addresses = {};  ///< of the guest, in the form of normal_address()
  std::optional<GoldenTerms> image = {};
  std::vector<ProbeTerms> probes = {};
  std::map<std::string, DataDiskRule> data_disks = {};  ///< by target name; others are detached
  std::optional<QuarantineTerms> quarantine = {};       ///< nothing: their links go down where they are
  std::vector<ForensicException> forensics = {};
  /// What cannot be understood, for people. The rest counts, so that a slip does not leave a domain without
  /// protection; but nothing is rebuilt by terms that have some.
  std::vector<std::string> problems = {};
  bool operator==(const DomainTerms&) const = default;
};

}  // namespace kintsugi::targets
