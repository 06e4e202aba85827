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

/// The attribute that says what a name's prefix stands for: "xmlns:kintsugi" for "kintsugi:quarantine",
/// "xmlns" where there is none.
std::string declaration_of(std::string_view name);

/// As libvirt reads it, without indentation.
std::string to_xml(pugi::xml_node node);

/// What an administrator writes into the metadata: `<kintsugi:domain xmlns:kintsugi="…">`.
inline constexpr char kTermsNamespace[] = "https://kintsugi.dev/domain/v1";

/// What a rebuild leaves in the metadata: `<kintsugi:rebuild xmlns:kintsugi="…">`.
inline constexpr char kRebuildNamespace[] = "https://kintsugi.dev/rebuild/v1";

/// The element of the metadata, whatever its prefix; null: it is not there.
pugi::xml_node find_metadata(const pugi::xml_document& domain, std::string_view element,
                             std::string_view name_space);
/// A copy of it as it was written: virDomainSetMetadata() puts prefixes before whatever is in it. Empty: it
/// is not there.
pugi::xml_document read_metadata(const pugi::xml_document& domain, std::string_view element,
                                 std::string_view name_space);
/// Puts an element into the metadata under the name that libvirt gives it, in place of one that is there.
void attach_metadata(pugi::xml_document& domain, const pugi::xml_document& element,
                     std::string_view name_space);
/// Takes it away where it is there, and leaves no empty metadata.
void remove_metadata(pugi::xml_document& domain, std::string_view element, std::string_view name_space);

/// What quarantine has left in the metadata; null: nothing.
pugi::xml_node find_mark(const pugi::xml_document& domain);
/// A copy of the mark as it was written, `<quarantine>`; empty: there is none.
pugi::xml_document read_mark(const pugi::xml_document& domain);
/// What a rebuild has left; nothing: it was never rebuilt.
std::optional<RebuildMark> read_rebuild_mark(const pugi::xml_document& domain);
/// What the administrator says.
DomainTerms read_terms(const pugi::xml_document& domain);

/// The child of that name, made where there is none.
pugi::xml_node ensure_child(pugi::xml_node parent, const char* name);
void set_attribute(pugi::xml_node node, const char* name, const char* value);
std::vector<pugi::xml_node> children_of(pugi::xml_node parent);

DomainDisk read_disk(pugi::xml_node disk);
DomainInterface read_interface(pugi::xml_node interface);
/// Whether a device is a passage, and which.
std::optional<DomainPassage> read_passage(pugi::xml_node device);

}  // namespace kintsugi::targets
