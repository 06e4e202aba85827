// SPDX-License-Identifier: Apache-2.0
#include "controller/evidence_collector.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLogBytes = 8u << 20;
/// A log comes from its beginning, and what matters is its end. The kubelet rotates at 10 MiB by default.
constexpr std::size_t kMaxReadLogBytes = 16u << 20;
constexpr std::size_t kLogsAtOnce = 4;
constexpr std::size_t kMaxExecBytes = 1u << 20;
constexpr std::chrono::milliseconds kMaxCall{10'000};
/// The pod's manifest is one small read, and asked for also by a job that has waited past its deadline.
constexpr std::chrono::seconds kLeastForPod{2};

/// The collector of the pod's own manifest.
constexpr char kDefinition[] = "pod";

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

/// One collection: what was kept so far, and until when it may go on.
class EvidenceCollector::Session {
 public:
  Session(EvidenceCollector& owner, const Incident& incident, MonotonicTime deadline, std::stop_token stop)
      : owner_(owner),
        incident_(incident),
        deadline_(deadline),
        pod_deadline_(std::max(deadline, owner.clock_.monotonic() + kLeastForPod)),
        stop_(std::move(stop)) {
    manifest_.incident = incident.name;
    manifest_.target = incident.spec.target.to_string();
  }

  void take_pod() {
    auto document = read_pod_persistently();
    if (!document) return failed(kDefinition, document.error());
    pod_ = std::move(*document);
    keep("pod.json", pod_.dump(2), kDefinition);
  }

  /// Last: a container that was started anew meanwhile has taken its processes with it.
  void take_restarts() {
    if (is_late("restarts")) return;
    auto document = read_pod(deadline_);
    if (!document) return failed("restarts", document.error());
    const json counts = {{"before", restarts_in(pod_)}, {"after", restarts_in(*document)}};
    keep("restarts.json", counts.dump(2), "restarts");
  }

  void take_owners() {
    json chain = json::array();
    const Labels removed = incident_.status.containment ? incident_.status.containment->labels : Labels();
    const OwnerRef controller =
        incident_.status.containment ? incident_.status.containment->controller : OwnerRef();
    const targets::OwnerChain owners = owner_.target_.owners_of(incident_.spec.target.name_space, controller);
    if (owners.replica_set != nullptr) {
      chain.push_back({{"kind", "ReplicaSet"},
                       {"name", owners.replica_set->meta.name},
                       {"uid", owners.replica_set->meta.uid}});
    }
    if (owners.deployment != nullptr) {
      const targets::ObjectMeta& meta = owners.deployment->meta;
      auto live = owner_.client_.get(k8s::kDeployments, {meta.name_space, meta.name}, call(deadline_));
      chain.push_back(live ? *live : json({{"kind", "Deployment"}, {"name", meta.name}, {"uid", meta.uid}}));
    }
    keep("owners.json", json({{"owners", chain}, {"labelsBefore", removed}}).dump(2), "owners");
  }

  void take_events() {
    if (is_late("events")) return;
    k8s::ListParams params;
    params.field_selector = "involvedObject.uid=" + incident_.spec.target.uid;
    auto events =
        owner_.client_.list(k8s::kCoreEvents, incident_.spec.target.name_space, params, call(deadline_));
    if (!events) return failed("events", events.error());
    keep("events.json", json(*events).dump(2), "events");
  }

  void take_logs(const std::string& container) {
    take_log(container, "logs", false);
    if (restarts_of(container) > 0) take_log(container, "logs-previous", true);
  }

  void take_by_exec(const std::string& container, const std::string& collector,
                    const std::vector<std::vector<std::string>>& commands) {
    Error last = late();
    for (const auto& command : commands) {
      k8s::ExecOptions options;
      options.container = container;
      options.command = command;
      options.priority = net::Priority::kBackground;
      options.max_output_bytes = kMaxExecBytes;
      options.deadline = left(deadline_);
      if (options.deadline.count() <= 0) break;
      auto ran = owner_.client_.exec(pod_key(), options, stop_);
      if (ran && (ran->exit_code == 0 || ran->truncated)) {
        const std::string path = collector + "/" + container + ".txt";
        return keep(path, ran->standard_output, collector, ran->truncated);
      }
      last = ran ? make_error(ErrorCode::kInternal, "exit code " + std::to_string(ran->exit_code))
                 : Error(ran.error());
    }
    failed(collector + "/" + container, last);
  }

  std::vector<std::string> containers() const {
    std::vector<std::string> names;
    for (const json& container : items_at(pod_, "/spec/containers")) {
      names.push_back(container.value("name", ""));
    }
    return names;
  }

  evidence::Manifest& manifest() { return manifest_; }

 private:
  k8s::ObjectKey pod_key() const { return {incident_.spec.target.name_space, incident_.spec.target.name}; }

  /// Live, as no cache has all of it.
  Result<json> read_pod(MonotonicTime deadline) const {
    auto document = owner_.client_.get(k8s::kPods, pod_key(), call(deadline));
    if (!document) return fail(document.error());
    const std::string uid = document->value("/metadata/uid"_json_pointer, "");
    if (uid != incident_.spec.target.uid) {
      return fail(make_error(ErrorCode::kNotFound, "the name belongs to another pod now")
                      .on(incident_.spec.target.to_string()));
    }
    return std::move(*document);
  }

  /// Without the pod's manifest the evidence is incomplete for good, so a server in trouble is asked again.
  Result<json> read_pod_persistently() const {
    std::mutex mutex;
    std::condition_variable wake;
    const std::stop_callback on_stop(stop_, [&] { wake.notify_all(); });
    for (;;) {
      auto document = read_pod(pod_deadline_);
      const bool is_final = document || document.error().code == ErrorCode::kNotFound;
      if (is_final || stop_.stop_requested() || left(pod_deadline_) <= kPodRetry) return document;
      std::unique_lock lock(mutex);
      owner_.clock_.wait_until(lock, wake, owner_.clock_.monotonic() + kPodRetry);
    }
  }

  void take_log(const std::string& container, const std::string& collector, bool previous) {
    const std::string name = collector + "/" + container;
    const Slots::Turn turn = owner_.log_slots_.wait(deadline_, stop_);
    if (!turn) return failed(name, late());
    k8s::LogOptions options;
    options.container = container;
    options.previous = previous;
    options.limit_bytes = kMaxReadLogBytes;
    auto text = owner_.client_.logs(pod_key(), options, call(deadline_));
    if (!text) return failed(name, text.error());
    const bool is_whole = !text->is_truncated && text->text.size() < kMaxReadLogBytes;
    const std::string_view newest = newest_lines(text->text, kMaxLogBytes);
    keep("logs/" + container + (previous ? ".previous.log" : ".log"), newest, collector,
         !is_whole || newest.size() < text->text.size());
    if (!is_whole) {
      failed(name, make_error(ErrorCode::kTooLarge, "longer than 16 MiB: its newest part was not reached"));
    }
  }

  std::chrono::milliseconds left(MonotonicTime deadline) const {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - owner_.clock_.monotonic());
    return std::min(rest, kMaxCall);
  }

  static Error late() { return make_error(ErrorCode::kTimeout, "the deadline had passed"); }

  /// Records a collector that has no time left.
  bool is_late(const std::string& collector) {
    if (left(deadline_).count() > 0) return false;
    failed(collector, late());
    return true;
  }

  k8s::CallOptions call(MonotonicTime deadline) const {
    k8s::CallOptions options;
    options.priority = net::Priority::kBackground;
    options.timeout = std::max(left(deadline), std::chrono::milliseconds(1));
    options.stop = stop_;
    return options;
  }

  int restarts_of(const std::string& container) const { return restarts_in(pod_).value(container, 0); }

  void keep(const std::string& path, std::string_view content, const std::string& collector,
            bool truncated = false) {
    auto kept = owner_.store_->put(incident_.name, path, content, collector);
    if (!kept) return failed(collector, kept.error());
    owner_.metrics_.count_evidence(collector, metrics::EvidenceResult::kStored, kept->bytes);
    kept->truncated = truncated;
    manifest_.files.push_back(std::move(*kept));
  }

  void failed(const std::string& collector, const Error& error) {
    owner_.metrics_.count_evidence(collector.substr(0, collector.find('/')), metrics::EvidenceResult::kFailed,
                                   0);
    manifest_.failures.push_back({collector, escape(error.to_string(), 512)});
  }

  EvidenceCollector& owner_;
  const Incident& incident_;
  const MonotonicTime deadline_;
  const MonotonicTime pod_deadline_;
  const std::stop_token stop_;
  json pod_;
  evidence::Manifest manifest_;
};

EvidenceCollector::EvidenceCollector(evidence::Store* store, k8s::Client& client,
                                     const targets::PodTarget& target, metrics::Registry& metrics,
                                     const Clock& clock)
    : store_(store),
      client_(client),
      target_(target),
      metrics_(metrics),
      clock_(clock),
      log_slots_(kLogsAtOnce, clock) {}

Result<Collected> EvidenceCollector::collect(const Incident& incident, const CollectStep& step,
                                             MonotonicTime deadline, std::stop_token stop) {
  if (store_ == nullptr) {
    return fail(make_error(ErrorCode::kUnsupported, "there is no evidence store")
                    .on("--evidence-dir")
                    .advise("give the controller a directory on a durable volume"));
  }
  if (auto finished = store_->find(incident.name)) {
    auto hash = store_->finish(*finished);
    if (!hash) return tl::unexpected(std::move(hash).error());
    return collected_of(*finished, *std::move(hash), *store_, kDefinition);
  }
  Session session(*this, incident, deadline, stop);
  session.take_pod();
  session.take_owners();
  if (step.events) session.take_events();
  for (const std::string& container : session.containers()) {
    if (step.logs) session.take_logs(container);
    if (step.processes) session.take_by_exec(container, "processes", kProcessCommands);
    if (step.sockets) session.take_by_exec(container, "sockets", kSocketCommands);
  }
  session.take_restarts();
  if (stop.stop_requested()) {
    // A manifest would vouch for what was only cut short.
    return fail(make_error(ErrorCode::kCancelled, "the collection was stopped").on(incident.name));
  }
  session.manifest().created = clock_.now();
  auto hash = store_->finish(session.manifest());
  if (!hash) return tl::unexpected(std::move(hash).error());
  return collected_of(session.manifest(), *std::move(hash), *store_, kDefinition);
}

}  // namespace kintsugi::controller
