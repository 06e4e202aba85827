// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_evidence.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLogBytes = 8u << 20;
/// A log comes from its beginning, and what matters is its end. The kubelet rotates at 10 MiB by default.
constexpr std::size_t kMaxReadLogBytes = 16u << 20;
constexpr std::size_t kMaxExecBytes = 1u << 20;
/// The pod's manifest is one small read, and asked for also by a job that has waited past its deadline.
constexpr std::chrono::seconds kLeastForPod{2};

/// Commands that answer without a shell; the first that the image has is taken.
const std::vector<std::vector<std::string>> kProcessCommands = {
    {"ps", "-ef"}, {"ps"}, {"/bin/busybox", "ps"}};
const std::vector<std::vector<std::string>> kSocketCommands = {
    {"cat", "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"},
    {"/bin/busybox", "cat", "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"}};
constexpr std::chrono::milliseconds kPodRetry{200};

/// The array there; empty where there is none.
json items_at(const json& object, const char* pointer) {
  const json::json_pointer where(pointer);
  return object.contains(where) && object.at(where).is_array() ? object.at(where) : json::array();
}

/// The last lines of `text` that fit into `size` bytes; of one longer line, its end.
std::string_view newest_lines(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  text.remove_prefix(text.size() - size);
  const std::size_t line_end = text.find('\n');
  if (line_end < text.size() - 1) text.remove_prefix(line_end + 1);
  return text;
}

json restarts_in(const json& pod) {
  json counts = json::object();
  for (const json& status : items_at(pod, "/status/containerStatuses")) {
    const auto name = status.find("name");
    const auto count = status.find("restartCount");
    if (name == status.end() || !name->is_string() || count == status.end() || !count->is_number_integer())
      continue;
    counts[name->get<std::string>()] = *count;
  }
  return counts;
}

}  // namespace

PodEvidence::PodEvidence(EvidenceSession& session, const targets::PodTarget& pods, TargetRef pod)
    : session_(session),
      pods_(pods),
      pod_(std::move(pod)),
      pod_deadline_(std::max(session.deadline(), session.clock().monotonic() + kLeastForPod)) {}

void PodEvidence::take(const CollectStep& step) {
  take_pod();
  take_owners();
  if (step.events) take_events();
  for (const std::string& container : containers()) {
    if (step.logs) take_logs(container);
    if (step.processes) take_by_exec(container, "processes", kProcessCommands);
    if (step.sockets) take_by_exec(container, "sockets", kSocketCommands);
  }
  take_restarts();
}

int PodEvidence::restarts_of(const std::string& container) const {
  return restarts_in(document_).value(container, 0);
}

void PodEvidence::take_pod() {
  auto document = read_pod_persistently();
  if (!document) return session_.failed("pod", document.error());
  document_ = std::move(*document);
  session_.keep("pod.json", json_text(document_, 2), "pod");
}

/// Last: a container that was started anew meanwhile has taken its processes with it.
void PodEvidence::take_restarts() {
  if (session_.is_late("restarts")) return;
  auto document = read_pod(session_.deadline());
  if (!document) return session_.failed("restarts", document.error());
  const json counts = {{"before", restarts_in(document_)}, {"after", restarts_in(*document)}};
  session_.keep("restarts.json", json_text(counts, 2), "restarts");
}

void PodEvidence::take_owners() {
  json chain = json::array();
  const Labels removed =
      session_.incident().status.containment ? session_.incident().status.containment->labels : Labels();
  const OwnerRef controller = session_.incident().status.containment
                                  ? session_.incident().status.containment->controller
                                  : OwnerRef();
  const targets::OwnerChain owners = pods_.owners_of(pod_.name_space, controller);
  if (owners.replica_set != nullptr) {
    chain.push_back({{"kind", "ReplicaSet"},
                     {"name", owners.replica_set->meta.name},
                     {"uid", owners.replica_set->meta.uid}});
  }
  if (owners.deployment != nullptr) {
    const targets::ObjectMeta& meta = owners.deployment->meta;
    auto live = session_.client().get(k8s::kDeployments, {meta.name_space, meta.name},
                                      session_.call(session_.deadline()));
    chain.push_back(live ? *live : json({{"kind", "Deployment"}, {"name", meta.name}, {"uid", meta.uid}}));
  }
  session_.keep("owners.json", json_text(json({{"owners", chain}, {"labelsBefore", removed}}), 2), "owners");
}

void PodEvidence::take_events() {
  if (session_.is_late("events")) return;
  k8s::ListParams params;
  params.field_selector = "involvedObject.uid=" + pod_.uid;
  auto events =
      session_.client().list(k8s::kCoreEvents, pod_.name_space, params, session_.call(session_.deadline()));
  if (!events) return session_.failed("events", events.error());
  session_.keep("events.json", json_text(json(*events), 2), "events");
}

void PodEvidence::take_logs(const std::string& container) {
  take_log(container, "logs", false);
  if (restarts_of(container) > 0) take_log(container, "logs-previous", true);
}

void PodEvidence::take_by_exec(const std::string& container, const std::string& collector,
                               const std::vector<std::vector<std::string>>& commands) {
  Error last = session_.late();
  for (const auto& command : commands) {
    k8s::ExecOptions options;
    options.container = container;
    options.command = command;
    options.priority = net::Priority::kBackground;
    options.max_output_bytes = kMaxExecBytes;
    options.deadline = session_.left(session_.deadline());
    if (options.deadline.count() <= 0) break;
    auto ran = session_.client().exec(pod_key(), options, session_.stop());
    if (ran && (ran->exit_code == 0 || ran->truncated)) {
      const std::string path = collector + "/" + container + ".txt";
      return session_.keep(path, ran->standard_output, collector, ran->truncated);
    }
    last = ran ? make_error(ErrorCode::kInternal, "exit code " + std::to_string(ran->exit_code))
               : Error(ran.error());
  }
  session_.failed(collector + "/" + container, last);
}

std::vector<std::string> PodEvidence::containers() const {
  std::vector<std::string> names;
  for (const json& container : items_at(document_, "/spec/containers")) {
    names.push_back(container.value("name", ""));
  }
  return names;
}

/// Live, as no cache has all of it.
Result<json> PodEvidence::read_pod(MonotonicTime deadline) const {
  auto document = session_.client().get(k8s::kPods, pod_key(), session_.call(deadline));
  if (!document) return fail(document.error());
  const std::string uid = document->value("/metadata/uid"_json_pointer, "");
  if (uid != pod_.uid) {
    return fail(make_error(ErrorCode::kNotFound, "the name belongs to another pod now").on(pod_.to_string()));
  }
  return std::move(*document);
}

/// Without the pod's manifest the evidence is incomplete for good, so a server in trouble is asked again.
Result<json> PodEvidence::read_pod_persistently() const {
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(session_.stop(), [&] { wake.notify_all(); });
  for (;;) {
    auto document = read_pod(pod_deadline_);
    const bool is_final = document || document.error().code == ErrorCode::kNotFound;
    if (is_final || session_.stop().stop_requested() || session_.left(pod_deadline_) <= kPodRetry)
      return document;
    std::unique_lock lock(mutex);
    session_.clock().wait_until(lock, wake, session_.clock().monotonic() + kPodRetry);
  }
}

void PodEvidence::take_log(const std::string& container, const std::string& collector, bool previous) {
  const std::string name = collector + "/" + container;
  const Slots::Turn turn = session_.log_slots().wait(session_.deadline(), session_.stop());
  if (!turn) return session_.failed(name, session_.late());
  k8s::LogOptions options;
  options.container = container;
  options.previous = previous;
  options.limit_bytes = kMaxReadLogBytes;
  auto text = session_.client().logs(pod_key(), options, session_.call(session_.deadline()));
  if (!text) return session_.failed(name, text.error());
  const bool is_whole = !text->is_truncated && text->text.size() < kMaxReadLogBytes;
  const std::string_view newest = newest_lines(text->text, kMaxLogBytes);
  session_.keep("logs/" + container + (previous ? ".previous.log" : ".log"), newest, collector,
                !is_whole || newest.size() < text->text.size());
  if (!is_whole) {
    session_.failed(name,
                    make_error(ErrorCode::kTooLarge, "longer than 16 MiB: its newest part was not reached"));
  }
}

}  // namespace kintsugi::controller
