// SPDX-License-Identifier: Apache-2.0
//
// The part of a libvirt domain's definition that Kintsugi looks at (https://libvirt.org/formatdomain.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/libvirt/domain_terms.h"

namespace kintsugi::targets {

/// Definitions have a few dozen KiB; more than this is no definition.
inline constexpr std::size_t kMaxDomainXmlBytes = 2u << 20;
inline constexpr std::size_t kMaxDomainDevices = 1024;
/// Layers of one disk that are looked at; QEMU itself opens 200 at most.
inline constexpr std::size_t kMaxBackingFiles = 200;

enum class LinkState : std::uint8_t { kUnset, kUp, kDown };

/// A network card. Its MAC address names it within the domain.
struct DomainInterface {
  std::string mac;
  std::string type;    ///< "bridge", "network", "user", "hostdev", …
  std::string source;  ///< the bridge, network or device it is connected to
  std::string tap;     ///< the host's side of it, while the domain runs
  LinkState link = LinkState::kUnset;
  std::string filter;                  ///< name of its nwfilter; empty: none
  std::string network = {};            ///< of libvirt, whatever it is connected to by it; empty: none
  bool has_filter_parameters = false;  ///< of its own, which may change what the filter does
  bool has_port_profile = false;       ///< its port is a switch's that is no bridge of Linux

  /// Whether libvirt can take its link down: not where the guest has the device itself.
  bool has_link() const { return type != "hostdev" && type != "vdpa"; }
  bool operator==(const DomainInterface&) const = default;
};

struct DomainDisk {
  std::string target;  ///< "vda"
  std::string device;  ///< "disk", "cdrom", "floppy", "lun"
  std::string type;    ///< "file", "block", "volume", "network"
  std::string source;  ///< path, volume or name; empty: no medium
  std::string format;  ///< "qcow2", "raw"
  bool is_read_only = false;
  bool is_shareable = false;
  /// What it is a layer over, the nearest first. Of a running domain all of them, else what is stated.
  std::vector<std::string> backing = {};
  std::string format_below = {};  ///< of the nearest of them, as far as it is stated
  bool operator==(const DomainDisk&) const = default;
};

/// The kind of a passage that QEMU was given past libvirt; its name is the option.
inline constexpr std::string_view kQemuPassage = "qemu:commandline";

/// A way between guest and host, or between guests, beside network and disks.
struct DomainPassage {
  std::string kind;  ///< the element: "channel", "filesystem", "redirdev", "hostdev", "serial", …
  std::string name;  ///< which one, for people: the channel's name, the shared folder's tag; may be empty
  bool is_connected = false;  ///< of a running domain's channel: the guest has it open
  bool is_local = false;      ///< it is fixed, and what it carries is for processes of this host only

  /// Whether a running domain cannot give it back.
  bool is_fixed() const;
  /// Whether it is the guest agent's channel.
  bool is_agent() const { return name == "org.qemu.guest_agent.0"; }
  bool operator==(const DomainPassage&) const = default;
};

/// A disk that a rebuilt domain has no longer. It is kept as it was.
struct LeftDisk {
  std::string target;  ///< "vda"
  std::string type;    ///< as in DomainDisk
  std::string source;
  std::string format;
  bool was_root = false;  ///< replaced by the golden image; else a data disk that was detached
  bool operator==(const LeftDisk&) const = default;
};

/// What a rebuilt definition says of itself, in its metadata.
struct RebuildMark {
  std::string incident;       ///< for which it was rebuilt
  std::string image;          ///< where the golden image came from
  std::string digest;         ///< "sha256:…" of the golden file
  std::string golden;         ///< the golden file
  std::string golden_format;  ///< "qcow2", "raw"
  std::string overlay;        ///< the layer over it that the domain writes to
  std::string seed;           ///< the first-boot data
  bool autostart = false;     ///< whether the domain was started with the host before
  std::vector<LeftDisk> disks;

  const LeftDisk* root() const;
  bool operator==(const RebuildMark&) const = default;
};

struct Domain {
  std::string name;
  std::string uuid;
  std::string process;  ///< libvirt's number of its process, another one after each start; empty: none
  std::uint64_t memory_bytes = 0;
  std::vector<DomainInterface> interfaces;
  std::vector<DomainDisk> disks;
  std::vector<DomainPassage> passages;
  /// The incident whose quarantine it is in; empty: none.
  std::string incident;
  DomainTerms terms;
  std::optional<RebuildMark> rebuilt;  ///< nothing: it was never rebuilt
};

/// Reads what virDomainGetXMLDesc() gives, live or inactive. Errors: kTooLarge, and kInvalidInput for what is
/// no definition or has no name and UUID.
Result<Domain> parse_domain(std::string_view xml);

}  // namespace kintsugi::targets
