// SPDX-License-Identifier: Apache-2.0
//
// What a definition gives to QEMU past libvirt, which neither looks at it nor can take it back from a running
// domain. https://libvirt.org/drvqemu.html#pass-through-of-arbitrary-qemu-commands
#pragma once

#include <pugixml.hpp>
#include <vector>

#include "targets/libvirt/domain.h"

namespace kintsugi::targets {

inline constexpr char kQemuNamespace[] = "http://libvirt.org/schemas/domain/qemu/1.0";

/// Whether the element's prefix stands for QEMU's own namespace, declared on it or on the domain.
bool is_for_qemu(pugi::xml_node element, pugi::xml_node domain);

/// The options of `<qemu:commandline>` that may lead out of the guest, each once, by name and without its
/// value: all but those few that are known to change nothing but the machine itself.
std::vector<DomainPassage> read_qemu_passages(pugi::xml_node domain);

/// The elements with such an option.
std::vector<pugi::xml_node> qemu_passage_elements(pugi::xml_node domain);

}  // namespace kintsugi::targets
