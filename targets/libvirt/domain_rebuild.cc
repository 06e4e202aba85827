// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/escape.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/domain_hardening.h"
#include "targets/libvirt/domain_target.h"

namespace kintsugi::targets {
namespace {

bool is(pugi::xml_node node, std::string_view name) {
  return name == node.name();
}

std::string shown(std::string_view text) {
  return escape(text, 80);
}

Error no_disk(std::string_view target) {
  return make_error(ErrorCode::kNotFound, fmt::format("the domain has no disk {}", shown(target)));
}

/// The disk that the golden image replaces.
Result<pugi::xml_node> find_root(pugi::xml_node devices, const std::string& target) {
  for (const pugi::xml_node disk : devices.children("disk")) {
    const DomainDisk read = read_disk(disk);
    const bool is_disk = read.device == "disk" || read.device == "lun";
    if (target.empty() ? is_disk && !read.is_read_only : is_disk && read.target == target) return disk;
  }
  if (target.empty()) return fail(ErrorCode::kNotFound, "the domain has no disk to replace");
  return fail(no_disk(target));
}

std::string bus_of(pugi::xml_node disk) {
  const pugi::xml_node target = disk.child("target");
  if (const auto bus = target.attribute("bus")) return bus.value();
  const std::string_view name = target.attribute("dev").value();
  if (name.starts_with("hd")) return "ide";
  return name.starts_with("vd") ? "virtio" : "scsi";
}

LeftDisk left(pugi::xml_node disk, bool was_root) {
  const DomainDisk read = read_disk(disk);
  return {read.target, read.type, read.source, read.format, was_root};
}

/// `<source file=…>`, and for a file that nobody may write to, that its owner stays who it is: libvirt would
/// give it to QEMU's user, and leave it so.
void append_file(pugi::xml_node parent, const std::string& path, bool keeps_owner) {
  pugi::xml_node source = parent.append_child("source");
  source.append_attribute("file").set_value(path.c_str());
  if (!keeps_owner) return;
  pugi::xml_node label = source.append_child("seclabel");
  label.append_attribute("model").set_value("dac");
  label.append_attribute("relabel").set_value("no");
}

void append_backing(pugi::xml_node disk, const RebuildPlan& plan) {
  pugi::xml_node backing = disk.append_child("backingStore");
  backing.append_attribute("type").set_value("file");
  backing.append_child("format").append_attribute("type").set_value(plan.golden_format.c_str());
  append_file(backing, plan.golden, /*keeps_owner=*/true);
  backing.append_child("backingStore");  // and there is nothing below it
}

/// What says which bytes the disk has goes; how the guest sees it stays.
void replace_root(pugi::xml_node disk, const RebuildPlan& plan) {
  set_attribute(disk, "type", "file");
  set_attribute(disk, "device", "disk");
  for (const char* attribute : {"snapshot", "sgio", "rawio"}) disk.remove_attribute(attribute);
  for (const char* child : {"source", "backingStore", "mirror", "auth", "encryption", "transient", "readonly",
                            "shareable", "reservations"}) {
    while (disk.remove_child(child)) {
    }
  }
  pugi::xml_node driver = disk.child("driver");
  if (!driver) driver = disk.prepend_child("driver");
  set_attribute(driver, "name", "qemu");
  set_attribute(driver, "type", "qcow2");
  append_file(disk, plan.overlay, /*keeps_owner=*/false);
  append_backing(disk, plan);
}

/// "vdb": the first name of that bus that no disk has, or had before.
Result<std::string> free_target(const std::set<std::string>& used, const std::string& bus) {
  const char* prefix = bus == "virtio" ? "vd" : bus == "ide" ? "hd" : "sd";
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    std::string name = fmt::format("{}{}", prefix, letter);
    if (!used.contains(name)) return name;
  }
  return fail(ErrorCode::kUnsupported, "there is no name left for one more disk");
}

void insert_seed(pugi::xml_node root, const std::string& path, const std::string& target) {
  const std::string bus = bus_of(root);
  const bool has_drives = bus == "ide" || bus == "sata" || bus == "scsi" || bus == "usb";
  pugi::xml_node seed = root.parent().insert_child_after("disk", root);
  seed.append_attribute("type").set_value("file");
  seed.append_attribute("device").set_value(has_drives ? "cdrom" : "disk");
  pugi::xml_node driver = seed.append_child("driver");
  driver.append_attribute("name").set_value("qemu");
  driver.append_attribute("type").set_value("raw");
  append_file(seed, path, /*keeps_owner=*/false);
  pugi::xml_node place = seed.append_child("target");
  place.append_attribute("dev").set_value(target.c_str());
  place.append_attribute("bus").set_value(bus.c_str());
  seed.append_child("readonly");
}

DataDiskFate fate_of(const DomainDisk& disk, const RebuildPlan& plan) {
  if (disk.is_read_only || disk.device == "cdrom") return DataDiskFate::kKept;
  const auto rule = plan.data_disks.find(disk.target);
  return rule == plan.data_disks.end() ? DataDiskFate::kDetached : rule->second;
}

void treat_data_disks(pugi::xml_node devices, pugi::xml_node root, const RebuildPlan& plan,
                      RebuiltDefinition& out) {
  for (pugi::xml_node disk : children_of(devices)) {
    if (!is(disk, "disk") || disk == root) continue;
    const DomainDisk read = read_disk(disk);
    const DataDiskFate fate = fate_of(read, plan);
    if (fate == DataDiskFate::kReadOnly) {
      ensure_child(disk, "readonly");
      out.remarks.push_back(fmt::format("disk {} is read-only", shown(read.target)));
    }
    if (fate != DataDiskFate::kDetached) continue;
    out.mark.disks.push_back(left(disk, /*was_root=*/false));
    out.remarks.push_back(fmt::format("disk {} is detached: {}", shown(read.target), shown(read.source)));
    devices.remove_child(disk);
  }
}

/// Folders of the host that the guest could write to, and whoever shares them.
void remove_shared_folders(pugi::xml_node devices, RebuiltDefinition& out) {
  for (const pugi::xml_node device : children_of(devices)) {
    if (!is(device, "filesystem")) continue;
    const auto passage = read_passage(device);
    out.remarks.push_back(fmt::format("shared folder {} is left out", shown(passage ? passage->name : "")));
    devices.remove_child(device);
  }
}

Result<void> renew_firmware(pugi::xml_node domain, const RebuildPlan& plan, RebuiltDefinition& out) {
  if (domain.child("devices").child("tpm"))
    out.remarks.emplace_back("the TPM keeps what the breached machine left in it");
  pugi::xml_node nvram = domain.child("os").child("nvram");
  if (!nvram) return {};
  const std::string_view type = nvram.attribute("type").as_string("file");
  if (type != "file")
    return fail(ErrorCode::kUnsupported, "the firmware's variables are not in a file of this host");
  if (pugi::xml_node source = nvram.child("source")) {
    set_attribute(source, "file", plan.nvram.c_str());
  } else {
    nvram.text().set(plan.nvram.c_str());
  }
  return {};
}

/// Of an earlier rebuild: what it told the guest, and that it was.
void remove_earlier_rebuild(pugi::xml_document& document) {
  const auto earlier = read_rebuild_mark(document);
  if (!earlier) return;
  pugi::xml_node devices = document.child("domain").child("devices");
  for (const pugi::xml_node disk : children_of(devices)) {
    if (is(disk, "disk") && !earlier->seed.empty() && read_disk(disk).source == earlier->seed)
      devices.remove_child(disk);
  }
  remove_metadata(document, "rebuild", kRebuildNamespace);
}

std::set<std::string> targets_of(pugi::xml_node devices) {
  std::set<std::string> targets;
  for (const pugi::xml_node disk : devices.children("disk")) targets.insert(read_disk(disk).target);
  return targets;
}

pugi::xml_document to_element(const RebuildMark& mark) {
  pugi::xml_document document;
  pugi::xml_node element = document.append_child("rebuild");
  const auto add = [&](const char* name, const std::string& value) {
    element.append_attribute(name).set_value(value.c_str());
  };
  add("incident", mark.incident);
  add("image", mark.image);
  add("digest", mark.digest);
  add("golden", mark.golden);
  add("golden-format", mark.golden_format);
  add("overlay", mark.overlay);
  add("seed", mark.seed);
  add("autostart", mark.autostart ? "yes" : "no");
  for (const LeftDisk& disk : mark.disks) {
    pugi::xml_node left = element.append_child("disk");
    left.append_attribute("target").set_value(disk.target.c_str());
    left.append_attribute("type").set_value(disk.type.c_str());
    left.append_attribute("source").set_value(disk.source.c_str());
    left.append_attribute("format").set_value(disk.format.c_str());
    left.append_attribute("root").set_value(disk.was_root ? "yes" : "no");
  }
  return document;
}

bool is_yes(pugi::xml_attribute attribute) {
  return std::string_view(attribute.value()) == "yes";
}

Finding not_rebuilt(const char* reason, std::string message) {
  return {ConditionStatus::kFalse, reason, std::move(message)};
}

}  // namespace

const LeftDisk* RebuildMark::root() const {
  const auto found =
      std::find_if(disks.begin(), disks.end(), [](const LeftDisk& one) { return one.was_root; });
  return found == disks.end() ? nullptr : &*found;
}

std::optional<RebuildMark> read_rebuild_mark(const pugi::xml_document& domain) {
  const pugi::xml_document copy = read_metadata(domain, "rebuild", kRebuildNamespace);
  const pugi::xml_node element = copy.first_child();
  if (!element) return std::nullopt;
  RebuildMark mark;
  mark.incident = element.attribute("incident").value();
  mark.image = element.attribute("image").value();
  mark.digest = element.attribute("digest").value();
  mark.golden = element.attribute("golden").value();
  mark.golden_format = element.attribute("golden-format").value();
  mark.overlay = element.attribute("overlay").value();
  mark.seed = element.attribute("seed").value();
  mark.autostart = is_yes(element.attribute("autostart"));
  for (const pugi::xml_node disk : element.children("disk")) {
    mark.disks.push_back({disk.attribute("target").value(), disk.attribute("type").value(),
                          disk.attribute("source").value(), disk.attribute("format").value(),
                          is_yes(disk.attribute("root"))});
  }
  return mark;
}

Result<RebuiltDefinition> rebuilt_definition(std::string_view original, const RebuildPlan& plan) {
  auto document = parse_domain_document(original);
  if (!document) return fail(std::move(document).error());
  const pugi::xml_node domain = document->child("domain");
  const pugi::xml_node devices = domain.child("devices");
  const std::set<std::string> targets = targets_of(devices);
  remove_earlier_rebuild(*document);
  const auto root = find_root(devices, plan.root_disk);
  if (!root) return fail(root.error());
  for (const auto& [target, fate] : plan.data_disks) {
    if (!targets.contains(target) || target == read_disk(*root).target) return fail(no_disk(target));
  }
  if (read_disk(*root).source == plan.overlay)
    return fail(ErrorCode::kConflict, "the disk to be replaced is the one that replaces it");
  const auto seed_target = free_target(targets, bus_of(*root));
  if (!seed_target) return fail(seed_target.error());

  RebuiltDefinition out;
  out.mark = {plan.incident, plan.image,         plan.digest,
              plan.golden,   plan.golden_format, plan.overlay,
              plan.seed,     plan.autostart,     {left(*root, /*was_root=*/true)}};
  treat_data_disks(devices, *root, plan, out);
  remove_shared_folders(devices, out);
  harden_domain(domain, plan.harden, out.remarks);
  replace_root(*root, plan);
  insert_seed(*root, plan.seed, *seed_target);
  if (auto renewed = renew_firmware(domain, plan, out); !renewed) return fail(renewed.error());
  if (pugi::xml_node generation = domain.child("genid")) generation.text().set(plan.generation.c_str());
  attach_metadata(*document, to_element(out.mark), kRebuildNamespace);
  out.xml = to_xml(document->first_child());
  return out;
}

bool is_rebuilt_by(const std::optional<Domain>& definition, std::string_view incident) {
  return definition && definition->rebuilt && definition->rebuilt->incident == incident;
}

DomainObservation without_rebuilt(DomainObservation domain, std::string_view incident) {
  if (is_rebuilt_by(domain.live, incident)) domain.live.reset();
  if (is_rebuilt_by(domain.persistent, incident)) domain.persistent.reset();
  return domain;
}

std::string why_not_running(const DomainStatus& status) {
  if (status.state == DomainState::kCrashed)
    return "the domain has crashed, and its process is kept: 'virsh destroy' ends it";
  switch (status.pause) {
    case PauseCause::kNone: return "the domain does not run";
    case PauseCause::kStartingUp: return "the domain's process is not set up yet";
    case PauseCause::kSomebody: return "somebody has paused the domain: 'virsh resume' lets it run";
    case PauseCause::kDiskError:
      return "the domain is paused because a disk cannot be read or written: make room or mend it, then "
             "'virsh resume'";
    case PauseCause::kOther: return "the host has paused the domain: 'virsh domstate --reason' says why";
  }
  return "the domain does not run";
}

Finding assess_rebuilt(const DomainObservation& domain, const std::string& incident) {
  if (!domain.live || domain.status.state != DomainState::kRunning)
    return not_rebuilt("NotRunning", why_not_running(domain.status));
  if (!is_rebuilt_by(domain.live, incident))
    return not_rebuilt("NotRebuilt", "the domain runs from another definition than the rebuilt one");
  const RebuildMark& mark = *domain.live->rebuilt;
  const std::vector<std::string> wanted{mark.golden};
  const auto& disks = domain.live->disks;
  const auto root = std::find_if(disks.begin(), disks.end(), [&](const DomainDisk& disk) {
    return mark.root() != nullptr && disk.target == mark.root()->target;
  });
  if (root == disks.end() || root->source != mark.overlay || root->backing != wanted) {
    return not_rebuilt("DiskChanged", "the domain's root disk is not the layer over the golden image");
  }
  return {ConditionStatus::kTrue, "Running",
          fmt::format("it runs from {} ({})", shown(mark.image), shown(mark.digest))};
}

}  // namespace kintsugi::targets
