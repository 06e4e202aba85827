// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/escape.h"
#include "targets/libvirt/domain_disks.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/qemu_arguments.h"

namespace kintsugi::targets {
namespace {

/// What of a disk's element changes with a layer.
constexpr std::array<const char*, 3> kDiskContent{"driver", "source", "backingStore"};

pugi::xml_node devices_of(const pugi::xml_document& document) {
  return document.child("domain").child("devices");
}

bool is_interface_with_link(pugi::xml_node device) {
  return std::string_view(device.name()) == "interface" && read_interface(device).has_link();
}

/// Whether quarantine takes the device away. A network card whose link is not libvirt's goes whole.
bool is_to_close(pugi::xml_node device) {
  if (std::string_view(device.name()) == "interface") return !read_interface(device).has_link();
  return read_passage(device).has_value();
}

/// Whether a running domain can give the device back, and is to.
bool is_to_detach(pugi::xml_node device, bool agent_stays) {
  const auto passage = read_passage(device);
  return is_to_close(device) && !(passage && (passage->is_fixed() || (agent_stays && passage->is_agent())));
}

/// What it was at first stays.
void set_first(pugi::xml_node mark, const char* name, bool value) {
  if (!mark.attribute(name)) mark.append_attribute(name).set_value(value ? "yes" : "no");
}

bool is_yes(pugi::xml_attribute attribute) {
  return std::string_view(attribute.value()) == "yes";
}

void set_link(pugi::xml_node interface, const char* state) {
  set_attribute(ensure_child(interface, "link"), "state", state);
}

void set_filter(pugi::xml_node interface, const QuarantineFilter& wanted) {
  pugi::xml_node filter = ensure_child(interface, "filterref");
  filter.remove_children();
  set_attribute(filter, "filter", wanted.name.c_str());
}

/// A running domain's network card says to which bridge its network has led it, in some cases as if that were
/// all. It comes back by its network.
void name_network(pugi::xml_node interface) {
  pugi::xml_node source = interface.child("source");
  if (!source.attribute("network")) return;
  set_attribute(interface, "type", "network");
  for (const char* derived : {"portid", "bridge"}) source.remove_attribute(derived);
}

bool is_to_move(pugi::xml_node interface, const QuarantinePlace& place) {
  return place.network.kind != QuarantineTerms::Kind::kNone && is_movable(read_interface(interface));
}

void move(pugi::xml_node interface, const QuarantineTerms& network) {
  const char* const type = network.kind == QuarantineTerms::Kind::kBridge ? "bridge" : "network";
  set_attribute(interface, "type", type);
  pugi::xml_node source = ensure_child(interface, "source");
  source.remove_attributes();
  source.remove_children();
  set_attribute(source, type, network.name.c_str());
}

pugi::xml_node taken_interface(pugi::xml_node mark, const std::string& mac) {
  return mark.find_child([&](pugi::xml_node entry) {
    return std::string_view(entry.name()) == "interface" && mac == entry.attribute("mac").value();
  });
}

/// Keeps how a network card was, unless that is known already.
void remember_interface(pugi::xml_node mark, pugi::xml_node interface) {
  const std::string mac = read_interface(interface).mac;
  if (taken_interface(mark, mac)) return;
  pugi::xml_node entry = mark.append_child("interface");
  entry.append_attribute("mac").set_value(mac.c_str());
  entry.append_attribute("type").set_value(interface.attribute("type").value());
  for (const char* child : {"source", "link", "filterref"}) {
    if (const auto present = interface.child(child)) entry.append_copy(present);
  }
}

pugi::xml_node find_by_target(pugi::xml_node devices, const std::string& target) {
  return devices.find_child([&](pugi::xml_node device) {
    return std::string_view(device.name()) == "disk" &&
           target == device.child("target").attribute("dev").value();
  });
}

std::string file_of(pugi::xml_node disk) {
  return disk.child("source").attribute("file").value();
}

/// Keeps where the content of a disk is: it may get a layer above it.
void remember_disk(pugi::xml_node mark, pugi::xml_node disk) {
  const std::string target = disk.child("target").attribute("dev").value();
  const auto is_same = [&](pugi::xml_node entry) { return target == entry.attribute("target").value(); };
  const auto known = mark.children("disk");
  if (file_of(disk).empty() || std::any_of(known.begin(), known.end(), is_same)) return;
  pugi::xml_node entry = mark.append_child("disk");
  entry.append_attribute("target").set_value(target.c_str());
  for (const char* child : kDiskContent) {
    if (const auto present = disk.child(child)) entry.append_copy(present);
  }
}

std::size_t index_of(pugi::xml_node device) {
  const auto siblings = device.parent().children();
  return std::size_t(std::distance(siblings.begin(), std::find(siblings.begin(), siblings.end(), device)));
}

void remember_device(pugi::xml_node mark, pugi::xml_node device) {
  pugi::xml_node entry = mark.append_child("device");
  entry.append_attribute("index").set_value(static_cast<unsigned long long>(index_of(device)));
  entry.append_copy(device);
}

/// Takes from what the domain starts from what it gives to QEMU past libvirt, and would lead out of it.
void take_arguments(pugi::xml_node mark, pugi::xml_node domain) {
  for (const pugi::xml_node element : qemu_passage_elements(domain)) {
    pugi::xml_node taken = mark.append_child("arguments").append_copy(element);
    const std::string declaration = declaration_of(element.name());
    set_attribute(taken, declaration.c_str(), kQemuNamespace);
    domain.remove_child(element);
  }
}

/// What names a device of a running domain: its text changes with its state.
std::string key_of(pugi::xml_node device) {
  const pugi::xml_node alias = device.child("alias");
  return fmt::format("{} {}", device.name(), alias ? alias.attribute("name").value() : to_xml(device));
}

bool remembers_device(pugi::xml_node mark, pugi::xml_node device) {
  const auto entries = mark.children("device");
  return std::any_of(entries.begin(), entries.end(),
                     [&](pugi::xml_node entry) { return key_of(entry.first_child()) == key_of(device); });
}

bool has_device(pugi::xml_node devices, pugi::xml_node device) {
  const auto present = devices.children(device.name());
  return std::any_of(present.begin(), present.end(),
                     [&](pugi::xml_node one) { return key_of(one) == key_of(device); });
}

/// The mark of a domain, as an element of its own: with what an earlier quarantine took.
void begin_mark(pugi::xml_document& out, const pugi::xml_document& domain, std::string_view incident) {
  out = read_mark(domain);
  if (!out.first_child()) out.append_child("quarantine");
  set_attribute(out.first_child(), "incident", std::string(incident).c_str());
}

pugi::xml_node find_interface(pugi::xml_node devices, const std::string& mac) {
  return devices.find_child([&](pugi::xml_node device) {
    return std::string_view(device.name()) == "interface" && read_interface(device).mac == mac;
  });
}

/// The element of the recorded network card in place of the present one; nothing was there: nothing is.
void restore_child(pugi::xml_node interface, pugi::xml_node taken, const char* name) {
  const pugi::xml_node present = interface.child(name);
  const pugi::xml_node before = taken.child(name);
  if (before && present) interface.insert_copy_before(before, present);
  if (before && !present) interface.append_copy(before);
  interface.remove_child(present);
}

void restore_interface(pugi::xml_node interface, pugi::xml_node taken) {
  restore_child(interface, taken, "link");
  restore_child(interface, taken, "filterref");
  // A mark from before there were quarantine networks does not have it.
  if (!taken.attribute("type")) return;
  set_attribute(interface, "type", taken.attribute("type").value());
  restore_child(interface, taken, "source");
}

/// The steps from a link that is down to where the place wants it.
SealedInterface seal_interface(pugi::xml_node interface, const QuarantinePlace& place) {
  SealedInterface sealed;
  set_filter(interface, place.filter);
  sealed.filtered = to_xml(interface);
  if (!is_to_move(interface, place)) return sealed;
  move(interface, place.network);
  sealed.moved = to_xml(interface);
  if (!place.is_open) return sealed;
  set_link(interface, "up");
  sealed.opened = to_xml(interface);
  return sealed;
}

/// The same at once, of what a domain starts from.
void quarantine_interface(pugi::xml_node interface, const QuarantinePlace& place) {
  const bool is_moved = is_to_move(interface, place);
  if (is_moved) move(interface, place.network);
  set_link(interface, is_moved && place.is_open ? "up" : "down");
  set_filter(interface, place.filter);
}

/// A disk that somebody has given other content keeps it.
void restore_disk(pugi::xml_node disk, pugi::xml_node taken, std::string_view incident) {
  const std::string before = file_of(taken);
  if (file_of(disk) != before && file_of(disk) != layer_path(before, incident)) return;
  for (const char* child : kDiskContent) restore_child(disk, taken, child);
}

/// Puts a device where it was; libvirt itself keeps the order among those of a kind only.
void reinsert(pugi::xml_node devices, pugi::xml_node device, std::size_t index) {
  pugi::xml_node at = devices.first_child();
  for (; at && index > 0; --index) at = at.next_sibling();
  if (at) {
    devices.insert_copy_before(device, at);
  } else {
    devices.append_copy(device);
  }
}

/// A card that was in quarantine when it was remembered: somebody had taken the mark away by then.
Result<void> check_known(pugi::xml_node taken) {
  const std::string_view filter = taken.child("filterref").attribute("filter").value();
  if (!filter.starts_with(kQuarantineFilter)) return {};
  return fail(
      make_error(ErrorCode::kRefused,
                 fmt::format("how network card {} was before the quarantine is not known: the mark in "
                             "the domain's metadata was taken away meanwhile",
                             escape(taken.attribute("mac").value(), 64)))
          .advise("define the domain as it was, then release with --victim leave"));
}

Result<pugi::xml_document> mark_of(const pugi::xml_document& domain, std::string_view incident) {
  pugi::xml_document mark = read_mark(domain);
  if (mark.first_child() && incident == mark.first_child().attribute("incident").value()) {
    for (const pugi::xml_node taken : mark.first_child().children("interface"))
      if (auto known = check_known(taken); !known) return fail(std::move(known).error());
    return mark;
  }
  return fail(ErrorCode::kConflict, mark.first_child() ? "the domain is in the quarantine of another incident"
                                                       : "the domain is not in quarantine");
}

}  // namespace

MarkName quarantine_mark_name() {
  return {kQuarantinePrefix, kQuarantineNamespace};
}

Result<LiveQuarantine> plan_live_quarantine(std::string_view live, std::string_view incident,
                                            bool agent_stays, bool is_paused, const QuarantinePlace& place) {
  auto document = parse_domain_document(live);
  if (!document) return fail(std::move(document).error());
  pugi::xml_document mark;
  begin_mark(mark, *document, incident);
  set_first(mark.first_child(), "paused", is_paused);
  LiveQuarantine plan;
  for (const pugi::xml_node device : children_of(devices_of(*document))) {
    if (is_interface_with_link(device)) {
      name_network(device);
      remember_interface(mark.first_child(), device);
      set_link(device, "down");
      plan.links_down.push_back(to_xml(device));
      plan.interfaces.push_back(seal_interface(device, place));
    } else if (is_to_detach(device, agent_stays)) {
      if (!remembers_device(mark.first_child(), device)) remember_device(mark.first_child(), device);
      plan.closed.push_back(to_xml(device));
    }
  }
  plan.mark = to_xml(mark.first_child());
  return plan;
}

Result<std::vector<LoweredLink>> plan_lowering(std::string_view live, const std::vector<std::string>& macs) {
  auto document = parse_domain_document(live);
  if (!document) return fail(std::move(document).error());
  std::vector<LoweredLink> plan;
  for (const std::string& mac : macs) {
    const pugi::xml_node interface = find_interface(devices_of(*document), mac);
    if (!interface || !is_interface_with_link(interface)) continue;
    name_network(interface);
    LoweredLink link;
    set_link(interface, "up");
    link.raised = to_xml(interface);
    set_link(interface, "down");
    link.lowered = to_xml(interface);
    const QuarantineFilter filter = closed_filter();
    if (read_interface(interface).filter != filter.name) {
      set_filter(interface, filter);
      link.filtered = to_xml(interface);
    }
    plan.push_back(std::move(link));
  }
  return plan;
}

Result<LiveRestoration> plan_live_restoration(std::string_view live, std::string_view incident) {
  auto document = parse_domain_document(live);
  if (!document) return fail(std::move(document).error());
  const auto marked = mark_of(*document, incident);
  if (!marked) return fail(marked.error());
  const pugi::xml_node mark = marked->first_child();
  LiveRestoration plan;
  plan.was_paused = is_yes(mark.attribute("paused"));
  for (const pugi::xml_node taken : mark.children("interface")) {
    const pugi::xml_node interface = find_interface(devices_of(*document), taken.attribute("mac").value());
    if (!interface) continue;
    name_network(interface);
    restore_interface(interface, taken);
    plan.interfaces.push_back(to_xml(interface));
  }
  for (const pugi::xml_node taken : mark.children("device")) {
    // The guest may have kept it. Started in quarantine, it is without what cannot be plugged in.
    const auto passage = read_passage(taken.first_child());
    const bool is_fixed = passage && passage->is_fixed();
    if (!is_fixed && !has_device(devices_of(*document), taken.first_child()))
      plan.reattached.push_back(to_xml(taken.first_child()));
  }
  return plan;
}

Result<std::string> quarantined_definition(std::string_view persistent, std::string_view incident,
                                           bool autostart, const QuarantinePlace& place,
                                           const std::set<std::string>& linkless) {
  auto document = parse_domain_document(persistent);
  if (!document) return fail(std::move(document).error());
  pugi::xml_document out;
  begin_mark(out, *document, incident);
  pugi::xml_node mark = out.first_child();
  set_first(mark, "autostart", autostart);
  const std::vector<pugi::xml_node> devices = children_of(devices_of(*document));
  const auto is_to_go = [&](pugi::xml_node device) {
    const bool is_card = std::string_view(device.name()) == "interface";
    return is_to_close(device) || (is_card && linkless.contains(read_interface(device).mac));
  };
  for (const pugi::xml_node device : devices) {
    if (is_interface_with_link(device) && !is_to_go(device)) {
      remember_interface(mark, device);
      quarantine_interface(device, place);
    } else if (is_to_go(device)) {
      remember_device(mark, device);
    } else if (std::string_view(device.name()) == "disk") {
      remember_disk(mark, device);
    }
  }
  for (const pugi::xml_node device : devices) {
    if (is_to_go(device)) devices_of(*document).remove_child(device);
  }
  take_arguments(mark, document->first_child());
  attach_metadata(*document, out, kQuarantineNamespace);
  return to_xml(document->first_child());
}

Result<RestoredDefinition> restored_definition(std::string_view persistent, std::string_view incident) {
  auto document = parse_domain_document(persistent);
  if (!document) return fail(std::move(document).error());
  const auto marked = mark_of(*document, incident);
  if (!marked) return fail(marked.error());
  const pugi::xml_node mark = marked->first_child();
  const pugi::xml_node devices = devices_of(*document);
  for (const pugi::xml_node taken : mark.children("interface")) {
    if (const auto interface = find_interface(devices, taken.attribute("mac").value()))
      restore_interface(interface, taken);
  }
  for (const pugi::xml_node taken : mark.children("disk")) {
    if (const auto disk = find_by_target(devices, taken.attribute("target").value()))
      restore_disk(disk, taken, incident);
  }
  for (const pugi::xml_node taken : mark.children("device"))
    reinsert(devices, taken.first_child(), std::size_t(taken.attribute("index").as_ullong()));
  for (const pugi::xml_node taken : mark.children("arguments"))
    document->first_child().append_copy(taken.first_child());
  RestoredDefinition restored;
  restored.autostart = is_yes(mark.attribute("autostart"));
  remove_metadata(*document, "quarantine", kQuarantineNamespace);
  restored.xml = to_xml(document->first_child());
  return restored;
}

std::vector<std::string> open_links(const Domain& domain, const QuarantinePlace& place) {
  std::vector<std::string> open;
  for (const DomainInterface& interface : domain.interfaces) {
    if (!interface.has_link()) {
      open.push_back("the guest drives network card " + interface.mac + " itself");
    } else if (interface.link != LinkState::kDown && !is_visitable(interface, place)) {
      open.push_back("the link of network card " + interface.mac + " is up" +
                     (place.is_open ? " outside the quarantine" : ""));
    }
  }
  return open;
}

}  // namespace kintsugi::targets
