// SPDX-License-Identifier: Apache-2.0
//
// A domain's definition as a tree. Only this folder's sources see it.
#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "targets/libvirt/domain.h"

namespace kintsugi::targets {

/// The metadata of a domain in quarantine: `<kintsugi:quarantine xmlns:kintsugi="…">`.
inline constexpr char kQuarantineNamespace[] = "https://kintsugi.dev/quarantine/v1";
inline constexpr char kQuarantinePrefix[] = "kintsugi";

/// `<domain>` is the document's only element. No DTD, no entities but the five of XML are read.
Result<pugi::xml_document> parse_domain_document(std::string_view xml);

/// As libvirt reads it, without indentation.
std::string to_xml(pugi::xml_node node);

/// What quarantine has left in the metadata; null: nothing.
pugi::xml_node find_mark(const pugi::xml_document& document);

DomainInterface read_interface(pugi::xml_node interface);
/// Whether a device is a passage, and which.
std::optional<DomainPassage> read_passage(pugi::xml_node device);

}  // namespace kintsugi::targets
