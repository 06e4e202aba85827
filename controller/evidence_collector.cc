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
constexpr std::size_t kMaxExecBytes = 1u << 20;
constexpr std::chrono::milliseconds kMaxCall{10'000};

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
      : owner_(owner), incident_(incident), deadline_(deadline), stop_(std::move(stop)) {
    manifest_.incident = incident.name;
    manifest_.target = incident.spec.target.to_string();
  }

  void take_pod() {
    auto document = read_pod();
    if (!document) return failed("pod", document.error());
    pod_ = std::move(*document);
    keep("pod.json", pod_.dump(2), "pod");
  }

  /// Last: a container that was started anew meanwhile has taken its processes with it.
  void take_restarts() {
    auto document = owner_.target_.read_document(incident_.spec.target, stop_);
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
      auto live = owner_.target_.read_deployment(owners.deployment->meta.name_space,
                                                 owners.deployment->meta.name, stop_);
      chain.push_back(live ? *live : json({{"kind", "Deployment"}, {"name", owners.deployment->meta.name}}));
    }
    keep("owners.json", json({{"owners", chain}, {"labelsBefore", removed}}).dump(2), "owners");
  }

  void take_events() {
    k8s::ListParams params;
    params.field_selector = "involvedObject.uid=" + incident_.spec.target.uid;
    auto events = owner_.client_.list(k8s::kCoreEvents, incident_.spec.target.name_space, params, call());
    if (!events) return failed("events", events.error());
    keep("events.json", json(*events).dump(2), "events");
  }

  void take_logs(const std::string& container) {
    for (const bool previous : {false, true}) {
      k8s::LogOptions options;
      options.container = container;
      options.previous = previous;
      options.limit_bytes = kMaxLogBytes;
      const std::string collector = previous ? "logs-previous" : "logs";
      auto text = owner_.client_.logs(pod_key(), options, call());
      if (text) {
        keep("logs/" + container + (previous ? ".previous.log" : ".log"), text->text, collector);
      } else if (!previous || restarts_of(container) > 0) {
        failed(collector + "/" + container, text.error());
      }
    }
  }

  void take_by_exec(const std::string& container, const std::string& collector,
                    const std::vector<std::vector<std::string>>& commands) {
    Error last = make_error(ErrorCode::kTimeout, "the deadline had passed");
    for (const auto& command : commands) {
      k8s::ExecOptions options;
      options.container = container;
      options.command = command;
      options.max_output_bytes = kMaxExecBytes;
      options.deadline = left();
      if (options.deadline.count() <= 0) break;
      auto ran = owner_.client_.exec(pod_key(), options, stop_);
      if (ran && ran->exit_code == 0)
        return keep(collector + "/" + container + ".txt", ran->standard_output, collector);
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

  /// Without the pod's manifest the evidence is incomplete for good, so a server in trouble is asked again.
  Result<json> read_pod() const {
    std::mutex mutex;
    std::condition_variable wake;
    const std::stop_callback on_stop(stop_, [&] { wake.notify_all(); });
    for (;;) {
      auto document = owner_.target_.read_document(incident_.spec.target, stop_);
      const bool is_final = document || document.error().code == ErrorCode::kNotFound;
      if (is_final || stop_.stop_requested() || left() <= kPodRetry) return document;
      std::unique_lock lock(mutex);
      owner_.clock_.wait_until(lock, wake, owner_.clock_.monotonic() + kPodRetry);
    }
  }

  std::chrono::milliseconds left() const {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - owner_.clock_.monotonic());
    return std::min(rest, kMaxCall);
  }

  k8s::CallOptions call() const {
    k8s::CallOptions options;
    options.priority = net::Priority::kBackground;
    options.timeout = std::max(left(), std::chrono::milliseconds(1));
    options.stop = stop_;
    return options;
  }

  int restarts_of(const std::string& container) const { return restarts_in(pod_).value(container, 0); }

  void keep(const std::string& path, std::string_view content, const std::string& collector) {
    auto kept = owner_.store_->put(incident_.name, path, content, collector);
    if (!kept) return failed(collector, kept.error());
    owner_.metrics_.count_evidence(collector, metrics::EvidenceResult::kStored, kept->bytes);
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
  const std::stop_token stop_;
  json pod_;
  evidence::Manifest manifest_;
};

EvidenceCollector::EvidenceCollector(evidence::Store* store, k8s::Client& client,
                                     const targets::PodTarget& target, metrics::Registry& metrics,
                                     const Clock& clock)
    : store_(store), client_(client), target_(target), metrics_(metrics), clock_(clock) {}

void EvidenceCollector::keep_result(const std::string& incident, Result<Collected> result) {
  std::lock_guard lock(mutex_);
  results_.insert_or_assign(incident, std::move(result));
}

std::optional<Result<Collected>> EvidenceCollector::take_result(const std::string& incident) {
  std::lock_guard lock(mutex_);
  const auto found = results_.find(incident);
  if (found == results_.end()) return std::nullopt;
  Result<Collected> result = std::move(found->second);
  results_.erase(found);
  return result;
}

Result<Collected> EvidenceCollector::collect(const Incident& incident, const CollectStep& step,
                                             std::stop_token stop) {
  if (store_ == nullptr) {
    return fail(make_error(ErrorCode::kUnsupported, "there is no evidence store")
                    .on("--evidence-dir")
                    .advise("give the controller a directory on a durable volume"));
  }
  const auto summarize = [&](const evidence::Manifest& manifest, std::string hash) {
    Collected collected;
    collected.location = store_->location(incident.name);
    collected.manifest_sha256 = std::move(hash);
    for (const evidence::Failure& failure : manifest.failures)
      collected.failures.push_back(failure.collector);
    collected.has_pod_manifest =
        std::any_of(manifest.files.begin(), manifest.files.end(),
                    [](const evidence::File& file) { return file.collector == "pod"; });
    collected.is_durable = store_->is_durable();
    return collected;
  };
  if (auto finished = store_->find(incident.name)) {
    auto hash = store_->finish(*finished);
    if (!hash) return tl::unexpected(std::move(hash).error());
    return summarize(*finished, *hash);
  }
  Session session(*this, incident, clock_.monotonic() + step.deadline, std::move(stop));
  session.take_pod();
  session.take_owners();
  if (step.events) session.take_events();
  for (const std::string& container : session.containers()) {
    if (step.logs) session.take_logs(container);
    if (step.processes) session.take_by_exec(container, "processes", kProcessCommands);
    if (step.sockets) session.take_by_exec(container, "sockets", kSocketCommands);
  }
  session.take_restarts();
  session.manifest().created = clock_.now();
  auto hash = store_->finish(session.manifest());
  if (!hash) return tl::unexpected(std::move(hash).error());
  return summarize(session.manifest(), *hash);
}

}  // namespace kintsugi::controller
