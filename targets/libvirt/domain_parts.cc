// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_parts.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "targets/libvirt/domain_disks.h"
#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

/// FNV-1a: the same in every build, and nobody gains by a collision.
std::string digest_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

std::string shown(std::string_view name) {
  return escape(name, 64);
}

void remove_children(pugi::xml_node node, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    while (node.remove_child(name)) {
    }
  }
}

std::string without_layer(const std::string& source, std::string_view incident) {
  const std::string suffix = layer_path("", incident);
  const bool is_layer = source.size() > suffix.size() && source.ends_with(suffix);
  return is_layer ? source.substr(0, source.size() - suffix.size()) : source;
}

/// Collects the texts of parts; those of one name are one part.
class PartsReader {
 public:
  explicit PartsReader(std::string_view incident) : incident_(incident) {}

  void read(pugi::xml_node domain) {
    for (const pugi::xml_node child : domain.children()) {
      const std::string_view name = child.name();
      if (name == "metadata") {
        read_metadata(child);
      } else if (name == "devices") {
        for (const pugi::xml_node device : child.children()) read_device(device);
      } else {
        texts_[fmt::format("<{}>", shown(name))] += to_xml(child);
      }
    }
  }

  DomainParts parts() const {
    DomainParts parts;
    for (const auto& [name, text] : texts_) parts.emplace(name, digest_of(text));
    return parts;
  }

 private:
  void read_metadata(pugi::xml_node metadata) {
    for (const pugi::xml_node entry : metadata.children()) {
      const std::string text = to_xml(entry);
      const bool is_ours = text.find(kQuarantineNamespace) != std::string::npos ||
                           text.find(kRebuildNamespace) != std::string::npos;
      if (!is_ours) texts_["<metadata>"] += text;
    }
  }

  void read_device(pugi::xml_node device) {
    const std::string_view kind = device.name();
    if (kind == "disk") {
      const DomainDisk disk = read_disk(device);
      remove_children(device, {"driver", "source", "backingStore"});
      texts_["disk " + shown(disk.target)] += to_xml(device) + without_layer(disk.source, incident_);
    } else if (kind == "interface") {
      const std::string mac = read_interface(device).mac;
      remove_children(device, {"source", "link", "filterref"});
      device.remove_attribute("type");
      texts_["network card " + mac] += to_xml(device);
    } else {
      device.remove_attribute("passwd");
      texts_[fmt::format("<{}>", shown(kind))] += to_xml(device);
    }
  }

  const std::string_view incident_;
  std::map<std::string, std::string> texts_;
};

}  // namespace

DomainParts parts_of_definition(std::string_view persistent, std::string_view incident) {
  const auto document = parse_domain_document(persistent);
  if (!document) return {};
  PartsReader reader(incident);
  reader.read(document->child("domain"));
  return reader.parts();
}

DomainParts parts_of_running(const Domain& live) {
  DomainParts parts;
  for (const DomainInterface& interface : live.interfaces) parts["network card " + interface.mac];
  for (const DomainDisk& disk : live.disks) parts["disk " + shown(disk.target)];
  for (const DomainPassage& passage : live.passages) {
    if (!passage.is_fixed()) parts[fmt::format("{} {}", passage.kind, shown(passage.name))];
  }
  return parts;
}

PartChanges compare(const DomainParts& before, const DomainParts& now) {
  PartChanges changes;
  for (const auto& [name, digest] : now) {
    const auto known = before.find(name);
    if (known == before.end()) {
      changes.added.push_back(name);
    } else if (known->second != digest) {
      changes.changed.push_back(name);
    }
  }
  for (const auto& [name, digest] : before) {
    if (!now.contains(name)) changes.removed.push_back(name);
  }
  return changes;
}

}  // namespace kintsugi::targets
