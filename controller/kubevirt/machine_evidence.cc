// SPDX-License-Identifier: Apache-2.0
#include "controller/kubevirt/machine_evidence.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/pod_evidence.h"
#include "targets/kubernetes/object_writes.h"
#include "targets/kubernetes/redeployment.h"
#include "targets/kubevirt/machine_evidence.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;
using targets::uid_of;

constexpr std::chrono::milliseconds kPoll{500};
constexpr const char* kGuestTells[] = {"guestosinfo", "userlist", "filesystemlist"};

k8s::ObjectKey key_of(const EvidenceSession& session) {
  const TargetRef& target = session.incident().spec.target;
  return {target.name_space, target.name};
}

/// Keeps an object of KubeVirt's as it is now, without what cloud-init is given.
void take_object(EvidenceSession& session, const k8s::Resource& resource, const OwnerRef& object,
                 const std::string& collector) {
  const k8s::ObjectKey key{session.incident().spec.target.name_space, object.name};
  auto document = session.client().get(resource, key, session.call(session.deadline()));
  if (!document) return session.failed(collector, document.error());
  if (uid_of(*document) != object.uid)
    return session.failed(collector,
                          make_error(ErrorCode::kNotFound, "the name belongs to another object now"));
  targets::leave_out_secrets(*document);
  session.keep(collector + ".json", document->dump(2), collector);
}

void take_what_guest_tells(EvidenceSession& session) {
  for (const char* subresource : kGuestTells) {
    const std::string collector = std::string("guest/") + subresource;
    if (session.is_late(collector)) continue;
    auto told = session.client().get_subresource(targets::kMachineInstanceActions, key_of(session),
                                                 subresource, session.call(session.deadline()));
    if (!told) {
      session.failed(collector, told.error());
    } else {
      session.keep(collector + ".json", told->dump(2), "guest");
    }
  }
}

void take_launcher(EvidenceSession& session, const Cluster& cluster, const CollectStep& step) {
  std::vector<targets::Pod> launchers;
  for (const PodPointer& pod : launchers_of(cluster.cache, session.incident().spec.target.uid))
    launchers.push_back(*pod);
  const targets::Pod* newest = targets::newest_of(launchers);
  if (newest == nullptr)
    return session.failed("pod", make_error(ErrorCode::kNotFound, "the instance has no launcher"));
  PodEvidence evidence(session, cluster.target, newest->ref());
  evidence.take_pod();
  if (step.events) evidence.take_events();
  for (const std::string& container : evidence.containers()) {
    if (step.logs) evidence.take_logs(container);
  }
}

/// Reads an object until it `is_over` or the deadline comes; null: it could not be read.
json wait_for(EvidenceSession& session, const k8s::Resource& resource, const k8s::ObjectKey& key,
              const std::string& collector, const std::function<bool(const json&)>& is_over) {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(session.stop(), [&] { wake.notify_all(); });
  for (;;) {
    auto document = session.client().get(resource, key, session.call(session.deadline()));
    const bool has_time = !session.stop().stop_requested() && session.left(session.deadline()) > kPoll;
    if (document && (is_over(*document) || !has_time)) return std::move(*document);
    if (!document && !has_time) {
      session.failed(collector, document.error());
      return nullptr;
    }
    if (!document && !document.error().retryable) {
      session.failed(collector, document.error());
      return nullptr;
    }
    std::unique_lock lock(mutex);
    session.clock().wait_until(lock, wake, session.clock().monotonic() + kPoll);
  }
}

void take_snapshot(EvidenceSession& session, const std::string& machine_uid) {
  const std::string collector = "disks";
  if (session.is_late(collector)) return;
  const k8s::ObjectKey key{session.incident().spec.target.name_space, snapshot_name(session.incident().name)};
  const auto is_ours = [&](const json& document) {
    return targets::is_snapshot_of(document, machine_uid, session.incident().name);
  };
  const json snapshot =
      wait_for(session, targets::kMachineSnapshots, key, collector, [&](const json& document) {
        return !is_ours(document) || targets::progress_of_snapshot(document) != targets::Progress::kUnderWay;
      });
  if (snapshot.is_null()) return;
  if (!is_ours(snapshot)) {
    return session.failed(collector,
                          make_error(ErrorCode::kRefused, "another snapshot has the name " + key.name));
  }
  session.keep("snapshot.json", json_text(snapshot, 2), collector);
  if (targets::progress_of_snapshot(snapshot) != targets::Progress::kDone)
    session.failed(collector,
                   make_error(ErrorCode::kTimeout, "the snapshot " + key.name + " is not ready to use"));
}

/// Whether the name is still the instance's that the incident is about.
Result<void> check_instance(EvidenceSession& session) {
  const auto now =
      session.client().get(targets::kMachineInstances, key_of(session), session.call(session.deadline()));
  if (!now) return fail(now.error());
  if (uid_of(*now) == session.incident().spec.target.uid) return {};
  return fail(ErrorCode::kNotFound, "the name belongs to another instance now");
}

/// What the incident has asked for, or tried to; null: not that.
const JournalEntry* request_of(const Incident& incident, std::string_view action) {
  for (const JournalEntry& entry : incident.status.journal) {
    if (entry.action.id == action) return &entry;
  }
  return nullptr;
}

}  // namespace

void take_memory_dump(EvidenceSession& session, const OwnerRef& machine, const std::string& claim) {
  const std::string collector = "memory";
  const JournalEntry* request = request_of(session.incident(), targets::kMemoryDumpAction);
  if (request == nullptr || request->state != JournalEntry::State::kApplied) {
    const char* why = request == nullptr
                          ? "no dump was asked for: the mode forbids it, or no VirtualMachine is there"
                          : "no dump was made: the timeline says why";
    return session.failed(collector, make_error(ErrorCode::kRefused, why));
  }
  if (session.is_late(collector)) return;
  const k8s::ObjectKey key{session.incident().spec.target.name_space, machine.name};
  // A dump that was there before this incident asked for one is of another time, and maybe another instance.
  const auto progress_in = [&](const json& now) {
    const bool is_ours = targets::is_memory_dump_taken_up(request->action, targets::memory_dump_of(now));
    return is_ours ? targets::progress_of_memory_dump(now, claim) : targets::Progress::kUnderWay;
  };
  const json document = wait_for(session, targets::kMachines, key, collector, [&](const json& now) {
    return uid_of(now) != machine.uid || progress_in(now) != targets::Progress::kUnderWay;
  });
  if (document.is_null()) return;
  if (uid_of(document) != machine.uid)
    return session.failed(collector,
                          make_error(ErrorCode::kNotFound, "the name belongs to another machine now"));
  if (const auto same = check_instance(session); !same) {
    Error error = same.error();
    error.message = "whose memory is in claim " + claim + " cannot be told: " + error.message;
    return session.failed(collector, error);
  }
  session.keep("memory-dump.json", json_text(targets::memory_dump_of(document), 2), collector);
  if (progress_in(document) != targets::Progress::kDone)
    session.failed(collector,
                   make_error(ErrorCode::kTimeout, "the dump into claim " + claim + " is not complete"));
}

std::string snapshot_name(const std::string& incident) {
  return "kintsugi-" + incident;
}

void take_machine_evidence(EvidenceSession& session, const Cluster& cluster, const CollectStep& step) {
  const TargetRef& target = session.incident().spec.target;
  take_object(session, targets::kMachineInstances, {"", target.name, target.uid}, kMachineSubject);
  const auto& record = session.incident().status.containment;
  const OwnerRef machine = record ? record->controller : session.incident().spec.owner;
  if (!machine.name.empty()) take_object(session, targets::kMachines, machine, "machine");
  if (step.guest_facts) take_what_guest_tells(session);
  take_launcher(session, cluster, step);
  if (request_of(session.incident(), targets::kSnapshotAction) != nullptr)
    take_snapshot(session, machine.uid);
  if (step.memory && !step.memory_dump_claim.empty())
    take_memory_dump(session, machine, step.memory_dump_claim);
}

}  // namespace kintsugi::controller
