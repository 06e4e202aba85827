// SPDX-License-Identifier: Apache-2.0
#include "host/domain_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/json_text.h"
#include "base/machine_name.h"
#include "evidence/regular_file.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/domain_disks.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;
using targets::DiskState;
using targets::Domain;
using targets::DomainDisk;
using targets::DomainState;

constexpr char kDefinition[] = "definition";
constexpr char kGuest[] = "guest";
constexpr char kScreenshot[] = "screenshot";
constexpr char kMemory[] = "memory";
constexpr char kDisks[] = "disks";

constexpr char kGuestFile[] = "guest.json";
constexpr char kMemoryFile[] = "memory.elf";
constexpr std::size_t kMaxFactBytes = 4096;
constexpr std::size_t kMaxGuestBytes = 1u << 20;
/// A dump has more than the guest's memory: its video memory, firmware, and what describes them.
constexpr std::uint64_t kDumpExtraBytes = 256ull << 20;
constexpr std::uint64_t kDumpExtraPart = 64;

/// What a guest says may be anything, also no UTF-8.
std::string text_of(const json& document) {
  return json_text(document, 2);
}

std::string guest_document(const std::vector<targets::GuestFact>& facts) {
  json document = {{"source", "the agent in the guest: its own word, which the breach may have changed"},
                   {"facts", json::object()}};
  std::size_t bytes = 0;
  for (const targets::GuestFact& fact : facts) {
    const std::string value = fact.value.substr(0, kMaxFactBytes);
    bytes += fact.name.size() + value.size();
    if (bytes <= kMaxGuestBytes) document["facts"][fact.name] = value;
    if (bytes > kMaxGuestBytes || value.size() < fact.value.size()) document["truncated"] = true;
  }
  return text_of(document);
}

std::string_view extension_of(const std::string& mime_type) {
  if (mime_type == "image/png") return "png";
  if (mime_type == "image/x-portable-pixmap") return "ppm";
  return "bin";
}

/// In quarters: a line of the timeline for each is enough.
std::uint64_t quarters_of(const targets::JobProgress& progress) {
  return progress.done_bytes / (progress.total_bytes / 4 + 1);
}

}  // namespace

/// One collection: what was kept so far, and until when it may go on.
class DomainEvidence::Session {
 public:
  Session(DomainEvidence& owner, const Incident& incident, MonotonicTime deadline, std::stop_token stop)
      : owner_(owner), incident_(incident), deadline_(deadline), stop_(std::move(stop)) {
    manifest_.incident = incident.name;
    manifest_.target = incident.spec.target.to_string();
  }

  /// The domain as it is, or where it does not run what it starts from; neither has its passwords. False: it
  /// cannot be read, and without it nothing else can be had.
  bool take_definition() {
    auto definition = owner_.hypervisor_.live_definition(uuid());
    runs_ = definition.has_value();
    if (!definition && definition.error().code == ErrorCode::kConflict)
      definition = owner_.hypervisor_.plain_definition(uuid());
    if (!definition) return failed(kDefinition, definition.error());
    auto domain = targets::parse_domain(*definition);
    if (!domain) return failed(kDefinition, domain.error());
    if (const auto same = check_victim(*domain); !same) return failed(kDefinition, same.error());
    domain_ = *std::move(domain);
    const auto status = owner_.hypervisor_.status(uuid());
    is_paused_ = status && status->state == DomainState::kPaused;
    return has_kept("domain.xml", kDefinition) || keep("domain.xml", *definition, kDefinition);
  }

  void take_guest() {
    if (has_kept(kGuestFile, kGuest)) return;
    if (const auto answer = owner_.guest_answer(incident_.name); !answer) failed(kGuest, answer.error());
  }

  void take_screenshot() {
    for (const char* name : {"screenshot.png", "screenshot.ppm", "screenshot.bin"}) {
      if (has_kept(name, kScreenshot)) return;
    }
    if (is_late(kScreenshot)) return;
    const auto shot = owner_.hypervisor_.screenshot(uuid());
    if (!shot) return void(failed(kScreenshot, shot.error()));
    keep(fmt::format("screenshot.{}", extension_of(shot->mime_type)), shot->bytes, kScreenshot);
  }

  void take_memory() {
    if (has_kept(fmt::format("{}/{}", evidence::kDumpFolder, kMemoryFile), kMemory) || is_late(kMemory))
      return;
    if (!runs_) return void(failed(kMemory, make_error(ErrorCode::kConflict, "the machine does not run")));
    const std::uint64_t bytes =
        domain_.memory_bytes + domain_.memory_bytes / kDumpExtraPart + kDumpExtraBytes;
    if (const auto same = check_process(); !same) return void(failed(kMemory, same.error()));
    const auto expected = owner_.store_->expect_file(incident_.name, kMemoryFile, bytes);
    if (!expected) return void(failed(kMemory, expected.error()));
    std::uint64_t said = 0;
    const auto report = [&](const targets::JobProgress& progress) {
      if (quarters_of(progress) <= said) return;
      said = quarters_of(progress);
      owner_.results_.set_progress(
          incident_.name, fmt::format("The memory is being written: {} of {} MiB", progress.done_bytes >> 20,
                                      progress.total_bytes >> 20));
    };
    const targets::LongCall watch{[this] { return may_go_on(); }, report};
    const auto dumped = owner_.hypervisor_.dump_memory(uuid(), (*expected)->path(), watch);
    if (!dumped) return void(failed(kMemory, dumped.error()));
    // That it has ended since takes nothing away from what was written before.
    const auto same = check_process();
    if (!same && same.error().code != ErrorCode::kConflict) return void(failed(kMemory, same.error()));
    // Also past the deadline: it is there, and has only to be hashed.
    const auto file = (*expected)->adopt(kMemory, stop_);
    if (!file) return void(failed(kMemory, file.error()));
    kept(*file);
  }

  void take_disks() {
    std::string changing;
    for (const DomainDisk& disk : domain_.disks) {
      if (targets::state_of(disk, incident_.name, writes()) == DiskState::kChanging)
        changing += (changing.empty() ? "" : ", ") + disk.target;
    }
    if (!changing.empty())
      failed(kDisks, make_error(ErrorCode::kUnsupported, "still written to: " + changing));
    if (has_kept("disks.json", kDisks)) return;
    json disks = json::array();
    for (const DomainDisk& disk : domain_.disks) disks.push_back(describe(disk));
    if (!stop_.stop_requested()) keep("disks.json", text_of({{"disks", disks}}), kDisks);
  }

  evidence::Manifest& manifest() { return manifest_; }
  /// What failed because the host was away, and may not be when it is asked again.
  const std::optional<Error>& host_was_away() const { return host_was_away_; }

 private:
  const std::string& uuid() const { return incident_.spec.target.uid; }

  /// Whether a definition is the breached machine's: no other's, and not what was rebuilt in its place.
  Result<void> check_victim(const Domain& domain) const {
    const auto uuid_of_domain = normal_uuid(domain.uuid);
    if (!uuid_of_domain || uuid_of_domain != normal_uuid(uuid()))
      return fail(ErrorCode::kNotFound, "it is another machine, with another UUID");
    if (domain.rebuilt && domain.rebuilt->incident == incident_.name)
      return fail(ErrorCode::kNotFound, "it is the rebuilt machine, and not the breached one any more");
    return {};
  }

  /// Whether the process is still the one that the definition was taken of. kConflict: it has none.
  Result<void> check_process() const {
    const auto definition = owner_.hypervisor_.live_definition(uuid());
    if (!definition) return fail(definition.error());
    const auto domain = targets::parse_domain(*definition);
    if (!domain) return fail(domain.error());
    if (auto same = check_victim(*domain); !same) return same;
    if (domain->process != domain_.process)
      return fail(ErrorCode::kNotFound, "it was started anew meanwhile: its memory is another");
    return {};
  }

  /// Whether the guest can write now.
  bool writes() const { return runs_ && !is_paused_; }

  bool may_go_on() const { return !stop_.stop_requested() && owner_.clock_.monotonic() < deadline_; }

  json describe(const DomainDisk& disk) {
    const DiskState state = targets::state_of(disk, incident_.name, writes());
    std::string path = disk.source;
    json said = {{"target", disk.target}, {"device", disk.device},         {"type", disk.type},
                 {"format", disk.format}, {"readOnly", disk.is_read_only}, {"shareable", disk.is_shareable}};
    for (const targets::DiskLayer& layer : targets::layers_of(domain_, incident_.name)) {
      if (layer.target != disk.target) continue;
      path = layer.below;
      said["layer"] = layer.layer;
      said["format"] = disk.format_below;
    }
    said["state"] = targets::to_string(state);
    said["path"] = path;
    if (const auto size = owner_.hypervisor_.disk_size(uuid(), disk.target); size && !disk.source.empty()) {
      said["virtualBytes"] = size->virtual_bytes;
      said[said.contains("layer") ? "layerAllocatedBytes" : "allocatedBytes"] = size->allocated_bytes;
    }
    const auto hash = hash_of(disk, state, path, said);
    if (hash) {
      said["sha256"] = *hash;
    } else {
      said["notHashed"] = hash.error().message;
    }
    return said;
  }

  Result<std::string> hash_of(const DomainDisk& disk, DiskState state, const std::string& path,
                              json& said) const {
    if (state == DiskState::kChanging) return fail(ErrorCode::kConflict, "it is still written to");
    if (state == DiskState::kReadOnly) return fail(ErrorCode::kUnsupported, "the guest cannot write to it");
    if (disk.type != "file") return fail(ErrorCode::kUnsupported, "it is no file");
    const auto file = evidence::RegularFile::open(path);
    if (!file) return fail(file.error());
    const auto bytes = file->bytes();
    if (!bytes) return fail(bytes.error());
    said["bytes"] = *bytes;
    if (*bytes > kMaxHashedDiskBytes)
      return fail(ErrorCode::kTooLarge, fmt::format("it has more than {} bytes", kMaxHashedDiskBytes));
    auto hash = file->sha256([this] { return may_go_on(); });
    if (!hash && hash.error().code == ErrorCode::kCancelled)
      return fail(ErrorCode::kTimeout, "the deadline passed meanwhile");
    return hash;
  }

  /// Whether a process before a crash has left it.
  bool has_kept(const std::string& path, const char* collector) {
    auto file = owner_.store_->find_file(incident_.name, path, collector, stop_);
    if (!file) return false;
    kept(*std::move(file));
    return true;
  }

  bool keep(const std::string& path, std::string_view content, const char* collector) {
    auto file = owner_.store_->put(incident_.name, path, content, collector);
    if (!file) return failed(collector, file.error());
    kept(*std::move(file));
    return true;
  }

  void kept(evidence::File file) {
    owner_.metrics_.count_evidence(file.collector, metrics::EvidenceResult::kStored, file.bytes);
    manifest_.files.push_back(std::move(file));
  }

  /// Always false.
  bool failed(const char* collector, const Error& error) {
    owner_.metrics_.count_evidence(collector, metrics::EvidenceResult::kFailed, 0);
    manifest_.failures.push_back({collector, escape(error.to_string(), 512)});
    if (error.code == ErrorCode::kUnavailable && !host_was_away_) host_was_away_ = error;
    return false;
  }

  bool is_late(const char* collector) {
    if (may_go_on()) return false;
    failed(collector, make_error(ErrorCode::kTimeout, "the deadline had passed"));
    return true;
  }

  DomainEvidence& owner_;
  const Incident& incident_;
  const MonotonicTime deadline_;
  const std::stop_token stop_;
  Domain domain_;
  bool runs_ = false;
  bool is_paused_ = false;
  evidence::Manifest manifest_;
  std::optional<Error> host_was_away_;
};

DomainEvidence::DomainEvidence(evidence::Store* store, targets::Hypervisor& hypervisor,
                               metrics::Registry& metrics, const Clock& clock)
    : store_(store), hypervisor_(hypervisor), metrics_(metrics), clock_(clock) {}

bool DomainEvidence::has_asked_guest(const std::string& incident) const {
  const std::lock_guard lock(mutex_);
  return guests_asked_.contains(incident);
}

Result<void> DomainEvidence::guest_answer(const std::string& incident) const {
  const std::lock_guard lock(mutex_);
  const auto asked = guests_asked_.find(incident);
  if (asked == guests_asked_.end()) return fail(ErrorCode::kTimeout, "it was not asked");
  return asked->second;
}

void DomainEvidence::forget(const std::string& incident) {
  results_.forget(incident);
  const std::lock_guard lock(mutex_);
  guests_asked_.erase(incident);
}

void DomainEvidence::ask_guest(const Incident& incident, std::stop_token stop) {
  auto taken = take_guest(incident, stop);
  if (!taken && taken.error().code == ErrorCode::kUnavailable) return;  // nobody was asked
  const std::lock_guard lock(mutex_);
  guests_asked_.insert_or_assign(incident.name, std::move(taken));
}

Result<void> DomainEvidence::take_guest(const Incident& incident, const std::stop_token& stop) {
  if (store_ == nullptr) return {};  // collect() says so
  // A process before a crash may have the answer, and have closed the agent's channel since.
  if (store_->find_file(incident.name, kGuestFile, kGuest, stop)) return {};
  const std::string& uuid = incident.spec.target.uid;
  const auto status = hypervisor_.status(uuid);
  if (!status) return fail(status.error());
  if (status->state != DomainState::kRunning)
    return fail(ErrorCode::kConflict, "a guest that is paused or off cannot be asked");
  const auto facts = hypervisor_.guest_facts(uuid);
  if (!facts) return fail(facts.error());
  const auto kept = store_->put(incident.name, kGuestFile, guest_document(*facts), kGuest);
  if (!kept) return fail(kept.error());
  return {};
}

Result<controller::Collected> DomainEvidence::collect(const Incident& incident, const CollectStep& step,
                                                      MonotonicTime deadline, std::stop_token stop) {
  if (store_ == nullptr) {
    return fail(make_error(ErrorCode::kUnsupported, "there is no evidence store")
                    .on("--evidence-dir")
                    .advise("give the controller a directory on a disk that lasts"));
  }
  if (auto finished = store_->find(incident.name)) {
    auto hash = store_->finish(*finished);
    if (!hash) return fail(std::move(hash).error());
    return controller::collected_of(*finished, *std::move(hash), *store_, kDefinition);
  }
  Session session(*this, incident, deadline, stop);
  if (session.take_definition()) {
    if (step.guest_facts) session.take_guest();
    if (step.screenshot) session.take_screenshot();
    if (step.memory) session.take_memory();
    if (step.disks) session.take_disks();
  }
  if (stop.stop_requested()) {
    // A manifest would vouch for what was only cut short.
    return fail(make_error(ErrorCode::kCancelled, "the collection was stopped").on(incident.name));
  }
  const bool is_last = results_.attempts(incident.name) + 1 >= controller::kMaxCollections;
  if (session.host_was_away() && !is_last) return fail(*session.host_was_away());
  session.manifest().created = clock_.now();
  auto hash = store_->finish(session.manifest());
  if (!hash) return fail(std::move(hash).error());
  return controller::collected_of(session.manifest(), *std::move(hash), *store_, kDefinition);
}

}  // namespace kintsugi::host
