// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_disks.h"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

bool is_layer(const std::string& path, std::string_view incident) {
  return path.size() > incident.size() + 1 && path.ends_with(incident) &&
         path[path.size() - incident.size() - 1] == '.';
}

void add_disk(pugi::xml_node disks, const DomainDisk& disk, const std::string& layer) {
  pugi::xml_node entry = disks.append_child("disk");
  entry.append_attribute("name").set_value(disk.target.c_str());
  entry.append_attribute("snapshot").set_value(layer.empty() ? "no" : "external");
  if (layer.empty()) return;
  entry.append_attribute("type").set_value("file");
  entry.append_child("driver").append_attribute("type").set_value("qcow2");
  entry.append_child("source").append_attribute("file").set_value(layer.c_str());
}

}  // namespace

std::string layer_path(const std::string& disk, std::string_view incident) {
  return fmt::format("{}.{}", disk, incident);
}

std::vector<DiskLayer> layers_of(const Domain& domain, std::string_view incident) {
  std::vector<DiskLayer> layers;
  for (const DomainDisk& disk : domain.disks) {
    if (disk.type != "file" || !is_layer(disk.source, incident)) continue;
    layers.push_back(
        {disk.target, disk.source.substr(0, disk.source.size() - incident.size() - 1), disk.source});
  }
  return layers;
}

bool is_written_by_guest(const DomainDisk& disk) {
  const bool can_write = disk.device == "disk" || disk.device == "lun";
  return can_write && !disk.is_read_only && !disk.is_shareable && !disk.source.empty();
}

DiskFreezing plan_disk_freezing(const Domain& live, std::string_view incident) {
  DiskFreezing freezing;
  pugi::xml_document document;
  pugi::xml_node disks = document.append_child("domainsnapshot").append_child("disks");
  for (const DomainDisk& disk : live.disks) {
    const bool is_done = disk.type == "file" && is_layer(disk.source, incident);
    const bool is_wanted = is_written_by_guest(disk) && !is_done;
    const bool can_be = is_wanted && disk.type == "file" && disk.device == "disk";
    if (is_wanted && !can_be) freezing.others.push_back(fmt::format("{} ({})", disk.target, disk.type));
    const std::string layer = can_be ? layer_path(disk.source, incident) : "";
    if (can_be) freezing.layers.push_back({disk.target, disk.source, layer});
    add_disk(disks, disk, layer);
  }
  if (!freezing.layers.empty()) freezing.snapshot = to_xml(document.first_child());
  return freezing;
}

std::string_view to_string(DiskState state) {
  switch (state) {
    case DiskState::kFrozen: return "frozen";
    case DiskState::kStill: return "still";
    case DiskState::kChanging: return "changing";
    case DiskState::kReadOnly: return "readOnly";
  }
  return "";
}

DiskState state_of(const DomainDisk& disk, std::string_view incident, bool runs) {
  if (disk.type == "file" && is_layer(disk.source, incident)) return DiskState::kFrozen;
  if (!is_written_by_guest(disk) && !disk.is_shareable) return DiskState::kReadOnly;
  return runs || disk.is_shareable ? DiskState::kChanging : DiskState::kStill;
}

}  // namespace kintsugi::targets
