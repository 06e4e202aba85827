// SPDX-License-Identifier: Apache-2.0
//
// What isolates a libvirt domain, and its way back. Pure functions from definitions to definitions.
//
// A domain has two: the live one, which ends with the process, and the persistent one, from which it starts
// again. Both go into quarantine, each with what was taken from it in its own metadata, so that whoever finds
// the domain later, after any crash, can put it back.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/quarantine_place.h"

namespace kintsugi::targets {

/// What becomes of a network card whose link is down, as updated devices: each only where the one before it
/// was done.
struct SealedInterface {
  std::string filtered;  ///< behind the filter, which takes far longer than a link
  std::string moved;     ///< into the quarantine's network; empty: it stays where it is
  std::string opened;    ///< with its link up for the exceptions; empty: it stays down
  bool operator==(const SealedInterface&) const = default;
};

/// Changes of a running domain, to be made in this order. Each text is one element.
struct LiveQuarantine {
  std::string mark;                         ///< the metadata element, with what is about to be taken
  std::vector<std::string> links_down;      ///< updated devices: each network card with its link down
  std::vector<SealedInterface> interfaces;  ///< the same again
  std::vector<std::string> closed;          ///< devices to be detached; the guest may refuse to give one back
};

/// What isolates the running domain; a part that is so already is there again. Of a domain that is in
/// quarantine, of whatever incident, the mark keeps what was taken first. `agent_stays`: the guest agent's
/// channel is not closed, for there are questions left. `is_paused`: it does not run as it is.
Result<LiveQuarantine> plan_live_quarantine(std::string_view live, std::string_view incident,
                                            bool agent_stays, bool is_paused, const QuarantinePlace& place);

/// What takes the link of a network card down that somebody has raised at QEMU itself: as updated devices.
/// libvirt tells QEMU of a change only, so that the link has to be raised for libvirt, too.
struct LoweredLink {
  std::string filtered;  ///< behind the filter through which nothing passes; empty: it is already
  std::string raised;
  std::string lowered;
};
/// Of those network cards of a running domain.
Result<std::vector<LoweredLink>> plan_lowering(std::string_view live, const std::vector<std::string>& macs);

/// Changes that end the quarantine of a running domain; the mark is to be removed last.
struct LiveRestoration {
  std::vector<std::string> interfaces;  ///< updated devices
  std::vector<std::string> reattached;  ///< devices that were closed
  bool was_paused = false;              ///< before the quarantine already: it stays so
};
/// Errors: kConflict where the domain is not in this incident's quarantine.
Result<LiveRestoration> plan_live_restoration(std::string_view live, std::string_view incident);

/// The persistent definition in quarantine: network cards are down, or in the open place, and filtered,
/// passages gone, and the mark tells it all, also whether the domain was started with the host. Idempotent as
/// above. `linkless` has the MAC addresses of cards that are gone as well: a network of libvirt may have
/// given the running machine a device of the host, which a definition does not show.
Result<std::string> quarantined_definition(std::string_view persistent, std::string_view incident,
                                           bool autostart, const QuarantinePlace& place,
                                           const std::set<std::string>& linkless = {});

struct RestoredDefinition {
  std::string xml;
  bool autostart = false;
};
/// The persistent definition as it was; what somebody else has changed of it since stays changed. Errors:
/// kConflict where it is not in this incident's quarantine.
Result<RestoredDefinition> restored_definition(std::string_view persistent, std::string_view incident);

/// What of a definition lets the guest's packets out; empty: nothing. For people.
std::vector<std::string> open_links(const Domain& domain, const QuarantinePlace& place);

/// The name that the metadata element has for libvirt: the arguments of virDomainSetMetadata().
struct MarkName {
  const char* prefix;
  const char* uri;
};
MarkName quarantine_mark_name();

}  // namespace kintsugi::targets
