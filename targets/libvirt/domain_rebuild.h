// SPDX-License-Identifier: Apache-2.0
//
// A domain's definition with a golden image in place of its breached disk. Pure.
//
// The domain stays itself: name, UUID, devices, addresses. What changes is what its guest may have written
// to. The definition says in its own metadata what was done, so that after a crash at any moment the domain
// itself tells how far the rebuild has come: from which definition its process was started, and what it will
// start from next.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/finding.h"
#include "model/hardening.h"
#include "targets/libvirt/domain.h"

namespace kintsugi::targets {

struct DomainObservation;
struct DomainStatus;

/// What is done about a disk beside the root disk.
enum class DataDiskFate : std::uint8_t { kDetached, kReadOnly, kKept };

/// What a domain is rebuilt with. Paths are absolute, of files on the host.
struct RebuildPlan {
  std::string incident;
  std::string image;           ///< where the golden image came from, for people
  std::string digest;          ///< "sha256:…" of the golden file
  std::string golden;          ///< the golden file
  std::string golden_format;   ///< "qcow2", "raw"
  std::string overlay;         ///< the qcow2 layer over it
  std::string seed;            ///< the first-boot data, an ISO 9660 image
  std::string nvram;           ///< where the firmware's variables go, if the domain has any
  std::string generation;      ///< the UUID for `<genid>`, if the domain has one
  bool autostart = false;      ///< kept in the mark
  std::string root_disk = {};  ///< the target name of the disk to replace; empty: the first disk
  /// By target name. Not named: detached. A disk that was read-only for the guest stays in any case.
  std::map<std::string, DataDiskFate> data_disks = {};
  std::vector<Hardening> harden = {};  ///< what is taken out besides
};

struct RebuiltDefinition {
  std::string xml;
  RebuildMark mark;                  ///< as it is in the metadata
  std::vector<std::string> remarks;  ///< for people: what was left out, or is still as the guest left it
};

/// `original` is the persistent definition from before the breach (restored_definition()). Links and
/// passages are as they are there, but for shared folders of the host and what `harden` names, which are left
/// out. The seed is on the
/// root disk's bus, for which the image has a driver. A seed from an earlier rebuild goes. The same arguments
/// give the same text.
///
/// Errors: kNotFound, no such root disk, or a rule for a disk that is not there; kUnsupported, firmware
/// variables that are not in a file; kConflict, the disk to be replaced is the overlay; as
/// parse_domain_document().
Result<RebuiltDefinition> rebuilt_definition(std::string_view original, const RebuildPlan& plan);

/// Whether the definition is one that this incident made.
bool is_rebuilt_by(const std::optional<Domain>& definition, std::string_view incident);

/// What is left of a domain for an incident to contain: without what it has rebuilt itself. Neither
/// definition is left where nothing of the breached machine runs or would start.
DomainObservation without_rebuilt(DomainObservation domain, std::string_view incident);

/// For people: why a domain does not run, and what lets it.
std::string why_not_running(const DomainStatus& status);

/// Whether the domain runs from the overlay of that incident over its golden image, and from nothing else.
/// Reasons: Running; NotRunning, NotRebuilt, DiskChanged.
Finding assess_rebuilt(const DomainObservation& domain, const std::string& incident);

}  // namespace kintsugi::targets
