// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_hardening.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/escape.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/qemu_arguments.h"

namespace kintsugi::targets {
namespace {

using Remarks = std::vector<std::string>;

constexpr char kLoopback[] = "127.0.0.1";

std::string shown(std::string_view text) {
  return escape(text, 80);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view type_of(pugi::xml_node node) {
  return node.attribute("type").value();
}

bool is_agent(pugi::xml_node device) {
  const auto passage = read_passage(device);
  return passage && passage->kind == "channel" && passage->is_agent();
}

/// "channel com.example.0", "hostdev pci".
std::string describe(pugi::xml_node device) {
  const auto passage = read_passage(device);
  const std::string name = passage ? passage->name : std::string(type_of(device));
  return name.empty() ? std::string(device.name()) : fmt::format("{} {}", device.name(), shown(name));
}

template <class Predicate>
void leave_out(pugi::xml_node devices, Remarks& remarks, Predicate is_meant) {
  for (const pugi::xml_node device : children_of(devices)) {
    if (!is_meant(device)) continue;
    remarks.push_back(describe(device) + " is left out");
    devices.remove_child(device);
  }
}

/// A device of the host that the guest drives itself.
bool is_host_device(pugi::xml_node device) {
  const std::string_view kind = device.name();
  if (kind == "tpm") return type_of(device.child("backend")) == "passthrough";
  if (kind == "input") return is_one_of(type_of(device), {"passthrough", "evdev"});
  return is_one_of(kind, {"hostdev", "redirdev", "redirfilter", "smartcard"});
}

void remove_host_devices(pugi::xml_node devices, Remarks& remarks) {
  leave_out(devices, remarks, is_host_device);
  for (const pugi::xml_node device : devices.children("interface")) {
    const DomainInterface card = read_interface(device);
    if (!card.has_link()) remarks.push_back(fmt::format("network card {} stays the guest's own", card.mac));
  }
}

void remove_channels(pugi::xml_node devices, Remarks& remarks) {
  leave_out(devices, remarks, [](pugi::xml_node device) {
    return is_one_of(device.name(), {"vsock", "shmem"}) ||
           (is_one_of(device.name(), {"channel"}) && !is_agent(device));
  });
  for (const pugi::xml_node graphics : devices.children("graphics")) {
    if (type_of(graphics) != "spice") continue;
    set_attribute(ensure_child(graphics, "clipboard"), "copypaste", "no");
    set_attribute(ensure_child(graphics, "filetransfer"), "enable", "no");
    remarks.emplace_back("SPICE shares no clipboard and no files");
  }
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

/// Whether nobody but this host's users reaches it. What says nothing is as the host's configuration says.
bool is_local(pugi::xml_node graphics) {
  const pugi::xml_attribute address = graphics.attribute("listen");
  if (address && !is_loopback(address.value())) return false;
  const auto listens = graphics.children("listen");
  const bool says_so = address || graphics.attribute("socket") || listens.begin() != listens.end();
  return says_so && std::all_of(listens.begin(), listens.end(), [](pugi::xml_node listen) {
           return is_one_of(type_of(listen), {"none", "socket"}) ||
                  (type_of(listen) == "address" && is_loopback(listen.attribute("address").value()));
         });
}

void keep_graphics_local(pugi::xml_node devices, Remarks& remarks) {
  for (pugi::xml_node graphics : devices.children("graphics")) {
    if (!is_one_of(type_of(graphics), {"vnc", "spice", "rdp"}) || is_local(graphics)) continue;
    while (graphics.remove_child("listen")) {
    }
    graphics.remove_attribute("socket");
    set_attribute(graphics, "listen", kLoopback);  // libvirt wants both to say the same
    pugi::xml_node listen = graphics.append_child("listen");
    set_attribute(listen, "type", "address");
    set_attribute(listen, "address", kLoopback);
    remarks.push_back(fmt::format("{} listens on {}", shown(type_of(graphics)), kLoopback));
  }
}

void remove_qemu_arguments(pugi::xml_node domain, Remarks& remarks) {
  for (const pugi::xml_node element : children_of(domain)) {
    if (!is_for_qemu(element, domain)) continue;
    remarks.push_back(fmt::format("{} is left out", shown(element.name())));
    domain.remove_child(element);
  }
}

}  // namespace

void harden_domain(pugi::xml_node domain, const std::vector<Hardening>& list, Remarks& remarks) {
  const pugi::xml_node devices = domain.child("devices");
  for (const Hardening hardening : list) {
    switch (hardening) {
      case Hardening::kNoHostDevices: remove_host_devices(devices, remarks); break;
      case Hardening::kNoGuestAgent: leave_out(devices, remarks, is_agent); break;
      case Hardening::kNoHostChannels: remove_channels(devices, remarks); break;
      case Hardening::kNoSerialConsole:
        leave_out(devices, remarks, [](pugi::xml_node device) {
          return is_one_of(device.name(), {"serial", "console", "parallel"});
        });
        break;
      case Hardening::kGraphicsOnLoopback: keep_graphics_local(devices, remarks); break;
      case Hardening::kNoQemuCommandLine: remove_qemu_arguments(domain, remarks); break;
      default: break;  // of a pod
    }
  }
}

}  // namespace kintsugi::targets
