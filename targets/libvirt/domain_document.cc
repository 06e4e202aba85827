// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>

#include "base/escape.h"
#include "base/machine_name.h"

namespace kintsugi::targets {
namespace {

/// Beside these there are only devices that lead nowhere but into the guest: clocks, video, memory.
constexpr std::array<std::string_view, 9> kPassages{
    "channel", "console", "filesystem", "parallel", "redirdev", "serial", "shmem", "smartcard", "vsock"};

std::string text_of(pugi::xml_attribute attribute) {
  return attribute.value();
}

LinkState read_link(pugi::xml_node link) {
  if (!link) return LinkState::kUnset;
  return std::string_view(link.attribute("state").value()) == "down" ? LinkState::kDown : LinkState::kUp;
}

std::string passage_name(pugi::xml_node device) {
  const pugi::xml_node target = device.child("target");
  for (const char* word : {"name", "dir", "port"}) {
    if (const auto attribute = target.attribute(word)) return text_of(attribute);
  }
  return text_of(device.attribute(device.attribute("name") ? "name" : "type"));
}

/// Takes one prefix away from all names that have it.
struct PrefixRemover final : pugi::xml_tree_walker {
  explicit PrefixRemover(std::string with_colon) : prefix(std::move(with_colon)) {}

  bool for_each(pugi::xml_node& node) override {
    const std::string name = node.name();
    if (name.size() > prefix.size() && name.starts_with(prefix)) node.set_name(name.c_str() + prefix.size());
    return true;
  }

  const std::string prefix;
};

}  // namespace

Result<pugi::xml_document> parse_domain_document(std::string_view xml) {
  if (xml.size() > kMaxDomainXmlBytes)
    return fail(ErrorCode::kTooLarge, "the definition has more than 2 MiB");
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) {
    return fail(ErrorCode::kInvalidInput,
                std::string("no XML: ") + parsed.description() + " at byte " + std::to_string(parsed.offset));
  }
  const pugi::xml_node domain = document.child("domain");
  if (!domain || domain != document.last_child() || domain != document.first_child())
    return fail(ErrorCode::kInvalidInput, "no <domain>");
  if (*domain.child_value("name") == '\0' || *domain.child_value("uuid") == '\0')
    return fail(ErrorCode::kInvalidInput, "a domain without name or UUID");
  const auto devices = domain.child("devices").children();
  if (std::size_t(std::distance(devices.begin(), devices.end())) > kMaxDomainDevices)
    return fail(ErrorCode::kTooLarge, "more than 1024 devices");
  return document;
}

std::string declaration_of(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
}

std::string to_xml(pugi::xml_node node) {
  std::ostringstream out;
  node.print(out, "", pugi::format_raw);
  return out.str();
}

pugi::xml_node find_metadata(const pugi::xml_document& domain, std::string_view element,
                             std::string_view name_space) {
  for (const pugi::xml_node entry : domain.child("domain").child("metadata").children()) {
    const std::string_view name = entry.name();
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos || name.substr(colon + 1) != element) continue;
    if (entry.attribute(declaration_of(name).c_str()).value() == name_space) return entry;
  }
  return {};
}

pugi::xml_document read_metadata(const pugi::xml_document& domain, std::string_view element,
                                 std::string_view name_space) {
  pugi::xml_document copy;
  const pugi::xml_node metadata = find_metadata(domain, element, name_space);
  if (!metadata) return copy;
  const std::string name = metadata.name();
  copy.append_copy(metadata).remove_attribute(declaration_of(name).c_str());
  PrefixRemover remover(name.substr(0, name.find(':') + 1));
  copy.traverse(remover);
  return copy;
}

void attach_metadata(pugi::xml_document& domain, const pugi::xml_document& element,
                     std::string_view name_space) {
  pugi::xml_node root = domain.child("domain");
  pugi::xml_node metadata = root.child("metadata");
  if (!metadata) metadata = root.insert_child_after("metadata", root.child("uuid"));
  const std::string name = element.first_child().name();
  if (const auto earlier = find_metadata(domain, name, name_space)) metadata.remove_child(earlier);
  pugi::xml_node attached = metadata.append_copy(element.first_child());
  attached.set_name(fmt::format("{}:{}", kQuarantinePrefix, name).c_str());
  attached.prepend_attribute(fmt::format("xmlns:{}", kQuarantinePrefix).c_str())
      .set_value(std::string(name_space).c_str());
}

void remove_metadata(pugi::xml_document& domain, std::string_view element, std::string_view name_space) {
  pugi::xml_node metadata = domain.child("domain").child("metadata");
  metadata.remove_child(find_metadata(domain, element, name_space));
  if (!metadata.first_child()) domain.child("domain").remove_child(metadata);
}

pugi::xml_node find_mark(const pugi::xml_document& domain) {
  return find_metadata(domain, "quarantine", kQuarantineNamespace);
}

pugi::xml_document read_mark(const pugi::xml_document& domain) {
  return read_metadata(domain, "quarantine", kQuarantineNamespace);
}

pugi::xml_node ensure_child(pugi::xml_node parent, const char* name) {
  const pugi::xml_node child = parent.child(name);
  return child ? child : parent.append_child(name);
}

void set_attribute(pugi::xml_node node, const char* name, const char* value) {
  pugi::xml_attribute attribute = node.attribute(name);
  if (!attribute) attribute = node.append_attribute(name);
  attribute.set_value(value);
}

std::vector<pugi::xml_node> children_of(pugi::xml_node parent) {
  const auto range = parent.children();
  return {range.begin(), range.end()};
}

namespace {

/// Path, volume or name; empty: none.
std::string source_of(pugi::xml_node source) {
  for (const char* word : {"file", "dev", "volume", "name"}) {
    if (const auto attribute = source.attribute(word)) return text_of(attribute);
  }
  return "";
}

}  // namespace

DomainDisk read_disk(pugi::xml_node disk) {
  DomainDisk read;
  read.target = disk.child("target").attribute("dev").value();
  read.device = disk.attribute("device").as_string("disk");
  read.type = disk.attribute("type").as_string("file");
  read.source = source_of(disk.child("source"));
  read.format = disk.child("driver").attribute("type").value();
  read.is_read_only = bool(disk.child("readonly"));
  read.is_shareable = bool(disk.child("shareable"));
  read.format_below = disk.child("backingStore").child("format").attribute("type").value();
  pugi::xml_node backing = disk.child("backingStore");
  for (; backing && read.backing.size() < kMaxBackingFiles; backing = backing.child("backingStore")) {
    if (const auto source = backing.child("source")) read.backing.push_back(source_of(source));
  }
  return read;
}

DomainInterface read_interface(pugi::xml_node interface) {
  DomainInterface read;
  read.mac = normal_mac(interface.child("mac").attribute("address").value()).value_or("");
  read.type = text_of(interface.attribute("type"));
  const pugi::xml_node source = interface.child("source");
  for (const char* word : {"network", "bridge", "dev"}) {
    if (const auto attribute = source.attribute(word); attribute && read.source.empty())
      read.source = text_of(attribute);
  }
  read.tap = text_of(interface.child("target").attribute("dev"));
  read.link = read_link(interface.child("link"));
  read.filter = text_of(interface.child("filterref").attribute("filter"));
  read.network = text_of(source.attribute("network"));
  read.has_filter_parameters = bool(interface.child("filterref").first_child());
  read.has_port_profile = bool(interface.child("virtualport"));
  return read;
}

std::optional<DomainPassage> read_passage(pugi::xml_node device) {
  const std::string_view kind = device.name();
  const std::string_view type = device.attribute("type").value();
  // Behind a PCI or a mediated device may be a network card, whatever its element says.
  const bool is_host_device = kind == "hostdev" && type != "scsi" && type != "scsi_host";
  if (!is_host_device && std::find(kPassages.begin(), kPassages.end(), kind) == kPassages.end())
    return std::nullopt;
  const bool is_connected =
      std::string_view(device.child("target").attribute("state").value()) == "connected";
  DomainPassage passage{std::string(kind), passage_name(device), is_connected};
  passage.is_local = passage.is_fixed() && type != "tcp" && type != "udp" && type != "dev";
  return passage;
}

}  // namespace kintsugi::targets
