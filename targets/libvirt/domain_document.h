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

/// `<domain>` is the document's only element, and has a name and a UUID. No DTD, no entities but the five of
/// XML are read.
Result<pugi::xml_document> parse_domain_document(std::string_view xml);

/// As libvirt reads it, without indentation.
std::string to_xml(pugi::xml_node node);

/// What an administrator writes into the metadata: `<kintsugi:domain xmlns:kintsugi="…">`.
inline constexpr char kTermsNamespace[] = "https://kintsugi.dev/domain/v1";

/// What quarantine has left in the metadata; null: nothing. virDomainSetMetadata() puts prefixes before
/// whatever is in it: read_mark() has it without them.
pugi::xml_node find_mark(const pugi::xml_document& domain);
/// A copy of the mark as it was written, `<quarantine>`; empty: there is none.
pugi::xml_document read_mark(const pugi::xml_document& domain);
/// The same of the terms, `<domain>`.
pugi::xml_document read_terms(const pugi::xml_document& domain);

DomainInterface read_interface(pugi::xml_node interface);
/// Whether a device is a passage, and which.
std::optional<DomainPassage> read_passage(pugi::xml_node device);

}  // namespace kintsugi::targets
