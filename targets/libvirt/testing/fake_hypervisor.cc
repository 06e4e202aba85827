// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/testing/fake_hypervisor.h"

#include <fstream>

#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets::testing {
namespace {

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

pugi::xml_document parse(const std::string& text) {
  pugi::xml_document document;
  document.load_buffer(text.data(), text.size());
  return document;
}

std::string alias_of(pugi::xml_node device) {
  return device.child("alias").attribute("name").value();
}

pugi::xml_node find_device(pugi::xml_node devices, pugi::xml_node wanted) {
  return devices.find_child([&](pugi::xml_node one) {
    return std::string_view(one.name()) == wanted.name() && alias_of(one) == alias_of(wanted);
  });
}

std::string tap_of(pugi::xml_node interface) {
  return interface.child("target").attribute("dev").value();
}

std::string link_of(pugi::xml_node interface) {
  return interface.child("link").attribute("state").as_string("up");
}

/// What libvirt adds to what a domain is started from: a name for each device.
std::string as_running(const std::string& persistent) {
  pugi::xml_document domain = parse(persistent);
  int number = 0;
  for (pugi::xml_node device : domain.first_child().child("devices").children()) {
    const std::string name = device.name() + std::to_string(number++);
    device.append_child("alias").append_attribute("name").set_value(name.c_str());
  }
  return to_xml(domain.first_child());
}

Error away() {
  return make_error(ErrorCode::kUnavailable, "the host is away");
}

/// As virDomainSetMetadata() leaves what it is given.
void prefix(pugi::xml_node node) {
  node.set_name(("kintsugi:" + std::string(node.name())).c_str());
  for (const pugi::xml_node child : node.children()) prefix(child);
}

}  // namespace

FakeHypervisor::FakeHypervisor(std::string running, std::string stored)
    : live(std::move(running)), persistent(std::move(stored)) {}

Result<void> FakeHypervisor::change(const std::function<void()>& make) {
  if (is_away) return fail(away());
  ++changes_;
  const bool fails = changes_ == failing_;
  is_away = fails && fails_for_good_;
  if (!fails || fails_after_) make();
  if (!fails) return {};
  Error error = make_error(ErrorCode::kUnavailable, "the connection was lost");
  error.outcome_unknown = true;
  return fail(std::move(error));
}

Result<std::vector<DomainSummary>> FakeHypervisor::list() {
  if (is_away) return fail(away());
  if (live.empty() && persistent.empty()) return std::vector<DomainSummary>();
  return std::vector<DomainSummary>{{"web1", kUuid, !live.empty()}};
}

Result<DomainStatus> FakeHypervisor::status(const std::string& uuid) {
  if (is_away) return fail(away());
  if (uuid != kUuid || (live.empty() && persistent.empty())) return fail(ErrorCode::kNotFound, "no domain");
  DomainStatus status;
  status.is_active = !live.empty();
  status.state = live.empty() ? DomainState::kShutOff
                 : is_paused  ? DomainState::kPaused
                              : DomainState::kRunning;
  if (status.is_active && has_crashed) status.state = DomainState::kCrashed;
  if (status.state == DomainState::kPaused)
    status.pause = starts_slowly ? PauseCause::kStartingUp : pause_cause;
  status.is_persistent = !persistent.empty();
  status.autostart = autostart && status.is_persistent;
  status.is_migrated = has_migrated && live.empty();
  return status;
}

Result<std::string> FakeHypervisor::live_definition(const std::string&) {
  if (is_away) return fail(away());
  if (live.empty()) return fail(ErrorCode::kConflict, "it does not run");
  return live;
}

Result<std::string> FakeHypervisor::persistent_definition(const std::string&) {
  if (is_away) return fail(away());
  if (persistent.empty()) return fail(ErrorCode::kConflict, "it is transient");
  return persistent;
}

Result<std::string> FakeHypervisor::plain_definition(const std::string& uuid) {
  return persistent_definition(uuid);
}

Result<void> FakeHypervisor::define(const std::string& definition) {
  if (definition_trouble) return fail(*definition_trouble);
  return change([&] { persistent = definition; });
}

Result<void> FakeHypervisor::set_autostart(const std::string&, bool value) {
  return change([&] { autostart = value; });
}

Result<void> FakeHypervisor::set_live_mark(const std::string&, const std::string& mark) {
  return change([&] {
    pugi::xml_document domain = parse(live);
    pugi::xml_node metadata = domain.first_child().child("metadata");
    if (!metadata) metadata = domain.first_child().append_child("metadata");
    metadata.remove_child(find_mark(domain));
    if (!mark.empty()) {
      pugi::xml_node added = metadata.append_copy(parse(mark).first_child());
      prefix(added);
      added.append_attribute("xmlns:kintsugi").set_value(kQuarantineNamespace);
    }
    live = to_xml(domain.first_child());
  });
}

Result<void> FakeHypervisor::update_device(const std::string&, const std::string& device) {
  const std::string bridge = parse(device).first_child().child("source").attribute("bridge").value();
  if (!missing_bridge.empty() && bridge == missing_bridge)
    return fail(ErrorCode::kInternal, "bridge " + bridge + " doesn't exist");
  return change([&] {
    pugi::xml_document domain = parse(live);
    const pugi::xml_document wanted = parse(device);
    pugi::xml_node devices = domain.first_child().child("devices");
    const pugi::xml_node present = find_device(devices, wanted.first_child());
    // As libvirt does, which tells the process of changes only.
    if (link_of(present) != link_of(wanted.first_child())) raised.erase(tap_of(present));
    devices.insert_copy_before(wanted.first_child(), present);
    devices.remove_child(present);
    live = to_xml(domain.first_child());
  });
}

Result<void> FakeHypervisor::attach_device(const std::string&, const std::string& device) {
  if (plugging_trouble) return fail(*plugging_trouble);
  return change([&] {
    pugi::xml_document domain = parse(live);
    domain.first_child().child("devices").append_copy(parse(device).first_child());
    live = to_xml(domain.first_child());
  });
}

Result<void> FakeHypervisor::detach_device(const std::string&, const std::string& device) {
  return change([&] {
    if (keeps_devices) return;
    pugi::xml_document domain = parse(live);
    pugi::xml_node devices = domain.first_child().child("devices");
    devices.remove_child(find_device(devices, parse(device).first_child()));
    live = to_xml(domain.first_child());
  });
}

Result<void> FakeHypervisor::pause(const std::string&) {
  return change([&] { is_paused = true; });
}

Result<void> FakeHypervisor::resume(const std::string&) {
  return change([&] { is_paused = false; });
}

Result<std::vector<CardTraffic>> FakeHypervisor::card_traffic(const std::string&) {
  if (is_away) return fail(away());
  if (counting_trouble) return fail(*counting_trouble);
  std::vector<CardTraffic> traffic;
  const pugi::xml_document domain = parse(live);
  for (const pugi::xml_node card : domain.first_child().child("devices").children("interface")) {
    const std::string tap = tap_of(card);
    if (tap.empty()) continue;
    const bool is_up = link_of(card) == "up" || raised.contains(tap);
    if (guest_sends && is_up && !is_paused) sent[tap] += 3;
    traffic.push_back({tap, sent[tap]});
  }
  return traffic;
}

Result<void> FakeHypervisor::dump_memory(const std::string&, const std::string& path, const LongCall& watch) {
  if (live.empty()) return fail(ErrorCode::kConflict, "it does not run");
  if (is_busy || !watch.go_on()) return fail(ErrorCode::kTimeout, "it was busy with another job");
  if (while_dumping) while_dumping();
  return change([&] {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << memory;
    watch.report({memory.size(), memory.size()});
  });
}

Result<Screenshot> FakeHypervisor::screenshot(const std::string&) {
  if (live.empty()) return fail(ErrorCode::kConflict, "it does not run");
  if (!screen) return fail(ErrorCode::kUnsupported, "no screen");
  return *screen;
}

Result<std::vector<GuestFact>> FakeHypervisor::guest_facts(const std::string&) {
  if (live.empty() || is_paused) return fail(ErrorCode::kConflict, "the guest does not run");
  if (live.find("org.qemu.guest_agent.0") == std::string::npos)
    return fail(ErrorCode::kTimeout, "the guest agent is not connected");
  return facts;
}

Result<DiskSize> FakeHypervisor::disk_size(const std::string&, const std::string&) {
  return DiskSize{48u << 20, 5u << 20};
}

void FakeHypervisor::point_disk(const std::string& disk, const std::string& file, const std::string& format) {
  for (std::string* definition : {&live, &persistent}) {
    pugi::xml_document domain = parse(*definition);
    pugi::xml_node devices = domain.first_child().child("devices");
    for (const pugi::xml_node one : devices.children("disk")) {
      if (one.child("target").attribute("dev").value() != disk) continue;
      one.child("source").attribute("file").set_value(file.c_str());
      one.child("driver").attribute("type").set_value(format.c_str());
    }
    if (!definition->empty()) *definition = to_xml(domain.first_child());
  }
}

Result<void> FakeHypervisor::snapshot_disks(const std::string&, const std::string& snapshot) {
  if (live.empty()) return fail(ErrorCode::kConflict, "it does not run");
  const pugi::xml_document wanted = parse(snapshot);
  const auto disks = wanted.first_child().child("disks").children("disk");
  const auto file_of = [](pugi::xml_node disk) { return disk.child("source").attribute("file").value(); };
  for (const pugi::xml_node disk : disks) {
    if (layers.contains(file_of(disk))) return fail(ErrorCode::kUnsupported, "the file exists");
  }
  return change([&] {
    for (const pugi::xml_node disk : disks) {
      if (std::string_view(disk.attribute("snapshot").value()) != "external") continue;
      layers[file_of(disk)] = 0;
      point_disk(disk.attribute("name").value(), file_of(disk),
                 disk.child("driver").attribute("type").value());
    }
  });
}

Result<std::optional<DiskJob>> FakeHypervisor::disk_job(const std::string&, const std::string& disk) {
  const auto commit = commits.find(disk);
  if (commit == commits.end()) return std::optional<DiskJob>();
  const bool is_ready = commit->second == 0;
  if (!is_ready) --commit->second;
  return std::optional<DiskJob>(DiskJob{true, is_ready, {1u << 20, 2u << 20}});
}

Result<void> FakeHypervisor::commit_disk(const std::string&, const std::string& disk) {
  if (commits.contains(disk)) return fail(ErrorCode::kConflict, "there is a job");
  return change([&] { commits[disk] = looks_until_ready; });
}

Result<void> FakeHypervisor::end_commit(const std::string&, const std::string& disk) {
  const auto commit = commits.find(disk);
  if (commit == commits.end() || commit->second > 0) return fail(ErrorCode::kConflict, "it is not ready");
  return change([&] {
    commits.erase(disk);
    const pugi::xml_document domain = parse(live);
    for (const pugi::xml_node one : domain.first_child().child("devices").children("disk")) {
      const std::string layer = one.child("source").attribute("file").value();
      if (one.child("target").attribute("dev").value() != disk || !layers.contains(layer)) continue;
      layers.erase(layer);
      point_disk(disk, layer.substr(0, layer.rfind('.')), "qcow2");
    }
  });
}

Result<void> FakeHypervisor::destroy(const std::string&) {
  if (live.empty()) return fail(ErrorCode::kConflict, "it does not run");
  return change([&] {
    live.clear();
    is_paused = has_crashed = false;
    ++ended;
  });
}

Result<void> FakeHypervisor::start(const std::string&) {
  if (!live.empty()) return fail(ErrorCode::kConflict, "it runs");
  if (start_trouble) return fail(*start_trouble);
  return change([&] {
    live = as_running(persistent);
    is_paused = starts_slowly;
    ++started;
    if (ends_at_once) live.clear();
  });
}

Result<std::vector<DhcpLease>> FakeHypervisor::leases(const std::string& network) {
  if (is_away) return fail(away());
  const auto found = networks.find(network);
  if (found == networks.end()) return fail(ErrorCode::kNotFound, "no network " + network);
  return found->second;
}

Result<std::string> FakeHypervisor::filter_definition(const std::string& name) {
  if (is_away) return fail(away());
  const auto found = filters.find(name);
  if (found == filters.end()) return fail(ErrorCode::kNotFound, "no filter");
  return found->second;
}

Result<void> FakeHypervisor::define_filter(const std::string& definition) {
  return change([&] {
    const std::string name = parse(definition).first_child().attribute("name").value();
    filters[name] = definition;
  });
}

}  // namespace kintsugi::targets::testing
