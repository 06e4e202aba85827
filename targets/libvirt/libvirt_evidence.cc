// SPDX-License-Identifier: Apache-2.0
//
// What a host tells of a domain for evidence, and the layers of its disks.
#include <libvirt/libvirt.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/escape.h"
#include "targets/libvirt/libvirt_connection.h"

namespace kintsugi::targets {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr int kAgentSeconds = 5;

using Stream = std::unique_ptr<virStream, int (*)(virStreamPtr)>;

/// Waits for the next look; false: `stop` was asked for.
bool pause(const Clock& clock, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(stop, [&] {
    const std::lock_guard lock(mutex);
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  if (!stop.stop_requested()) clock.wait_until(lock, wake, clock.monotonic() + kLook);
  return !stop.stop_requested();
}

/// Another job, such as the dump of a controller that was killed, is waited for.
Result<void> wait_until_idle(virDomainPtr domain, const std::string& object, const Clock& clock,
                             const LongCall& watch) {
  for (;;) {
    virDomainJobInfo job{};
    if (virDomainGetJobInfo(domain, &job) < 0) return fail(libvirt_error(object));
    if (job.type == VIR_DOMAIN_JOB_NONE) return {};
    if (!watch.go_on())
      return fail(make_error(ErrorCode::kTimeout, "it was busy with another job").on(object));
    pause(clock, {});
  }
}

/// Beside a job, until `over`: says how far it has come, and ends it when it is to end.
void watch_job(virDomainPtr domain, const Clock& clock, const LongCall& watch, const std::stop_token& over) {
  while (pause(clock, over)) {
    virDomainJobInfo job{};
    if (virDomainGetJobInfo(domain, &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE)
      watch.report({job.dataProcessed, job.dataTotal});
    // Some hosts cannot end a dump of the memory alone: it goes on then, and is whole when it ends.
    if (!watch.go_on()) virDomainAbortJob(domain);
  }
}

struct BoundedBytes {
  std::string bytes;
  bool is_full = false;
};

int take_piece(virStreamPtr /*stream*/, const char* data, std::size_t size, void* into) {
  auto& taken = *static_cast<BoundedBytes*>(into);
  taken.is_full = taken.bytes.size() + size > kMaxScreenshotBytes;
  if (taken.is_full) return -1;
  taken.bytes.append(data, size);
  return int(size);
}

std::string text_of(const virTypedParameter& parameter) {
  switch (parameter.type) {
    case VIR_TYPED_PARAM_INT: return std::to_string(parameter.value.i);
    case VIR_TYPED_PARAM_UINT: return std::to_string(parameter.value.ui);
    case VIR_TYPED_PARAM_LLONG: return std::to_string(parameter.value.l);
    case VIR_TYPED_PARAM_ULLONG: return std::to_string(parameter.value.ul);
    case VIR_TYPED_PARAM_DOUBLE: return std::to_string(parameter.value.d);
    case VIR_TYPED_PARAM_BOOLEAN: return parameter.value.b != 0 ? "true" : "false";
    case VIR_TYPED_PARAM_STRING: return parameter.value.s == nullptr ? "" : parameter.value.s;
    default: return "";
  }
}

}  // namespace

Result<void> LibvirtHypervisor::dump_memory(const std::string& uuid, const std::string& path,
                                            const LongCall& watch) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<void> {
    const std::string object = domain_object(uuid);
    if (virDomainIsActive(domain) != 1)
      return fail(make_error(ErrorCode::kConflict, "it does not run").on(object));
    if (auto idle = wait_until_idle(domain, object, clock_, watch); !idle) return idle;
    const std::jthread watcher([&](const std::stop_token& over) { watch_job(domain, clock_, watch, over); });
    return checked(virDomainCoreDumpWithFormat(domain, path.c_str(), VIR_DOMAIN_CORE_DUMP_FORMAT_RAW,
                                               VIR_DUMP_MEMORY_ONLY),
                   object);
  });
}

Result<Screenshot> LibvirtHypervisor::screenshot(const std::string& uuid) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const std::string object = domain_object(uuid);
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<Screenshot> {
    const Stream stream(virStreamNew((*connected)->get(), 0), &virStreamFree);
    if (stream == nullptr) return fail(libvirt_error(object));
    char* type = virDomainScreenshot(domain, stream.get(), 0, 0);
    if (type == nullptr) return fail(libvirt_error(object));
    Screenshot shot{take_text(type), ""};
    BoundedBytes taken;
    if (virStreamRecvAll(stream.get(), take_piece, &taken) < 0) {
      return fail(taken.is_full
                      ? make_error(ErrorCode::kTooLarge, "the screenshot has more than 32 MiB").on(object)
                      : libvirt_error(object));
    }
    if (virStreamFinish(stream.get()) < 0) return fail(libvirt_error(object));
    shot.bytes = std::move(taken.bytes);
    return shot;
  });
}

Result<std::vector<GuestFact>> LibvirtHypervisor::guest_facts(const std::string& uuid) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<std::vector<GuestFact>> {
    const std::string object = domain_object(uuid);
    // It waits for ever otherwise, as long as the guest likes. The limit is the domain's, for whoever asks:
    // afterwards it is libvirt's own again.
    if (virDomainAgentSetResponseTimeout(domain, kAgentSeconds, 0) < 0) return fail(libvirt_error(object));
    virTypedParameterPtr parameters = nullptr;
    int count = 0;
    const int asked = virDomainGetGuestInfo(domain, /*types=*/0, &parameters, &count, 0);
    const auto failure = asked < 0 ? std::optional(libvirt_error(object)) : std::nullopt;
    (void)virDomainAgentSetResponseTimeout(domain, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0);
    if (failure) return fail(*failure);
    std::vector<GuestFact> facts;
    for (int i = 0; i < count; ++i) facts.push_back({parameters[i].field, text_of(parameters[i])});
    virTypedParamsFree(parameters, count);
    return facts;
  });
}

Result<DiskSize> LibvirtHypervisor::disk_size(const std::string& uuid, const std::string& disk) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<DiskSize> {
    virDomainBlockInfo info{};
    if (virDomainGetBlockInfo(domain, disk.c_str(), &info, 0) < 0)
      return fail(libvirt_error(domain_object(uuid)));
    return DiskSize{info.capacity, info.allocation};
  });
}

Result<void> LibvirtHypervisor::snapshot_disks(const std::string& uuid, const std::string& snapshot) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<void> {
    constexpr unsigned kFlags = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |
                                VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA;
    const virDomainSnapshotPtr made = virDomainSnapshotCreateXML(domain, snapshot.c_str(), kFlags);
    if (made == nullptr) return fail(libvirt_error(domain_object(uuid)));
    virDomainSnapshotFree(made);
    return {};
  });
}

Result<std::optional<DiskJob>> LibvirtHypervisor::disk_job(const std::string& uuid, const std::string& disk) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<std::optional<DiskJob>> {
    virDomainBlockJobInfo info{};
    const int found = virDomainGetBlockJobInfo(domain, disk.c_str(), &info, 0);
    if (found < 0) return fail(libvirt_error(domain_object(uuid)));
    if (found == 0) return std::optional<DiskJob>();
    DiskJob job;
    job.is_commit = info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    // libvirt keeps them apart until it is ready.
    job.is_ready = job.is_commit && info.end > 0 && info.cur == info.end;
    job.progress = {info.cur, info.end};
    return std::optional<DiskJob>(job);
  });
}

Result<void> LibvirtHypervisor::commit_disk(const std::string& uuid, const std::string& disk) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    constexpr unsigned kFlags =
        VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_SHALLOW | VIR_DOMAIN_BLOCK_COMMIT_DELETE;
    return checked(virDomainBlockCommit(domain, disk.c_str(), nullptr, nullptr, 0, kFlags),
                   domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::end_commit(const std::string& uuid, const std::string& disk) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainBlockJobAbort(domain, disk.c_str(), VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT),
                   domain_object(uuid));
  });
}

}  // namespace kintsugi::targets
