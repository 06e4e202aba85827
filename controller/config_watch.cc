// SPDX-License-Identifier: Apache-2.0
#include "controller/config_watch.h"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/encoding.h"
#include "controller/config_publisher.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/informer.h"
#include "playbooks/loader.h"
#include "playbooks/matcher.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr k8s::Resource kPlaybooks{"kintsugi.dev", "v1alpha1", "playbooks", "Playbook"};
constexpr k8s::Resource kTrustPolicies{"kintsugi.dev", "v1alpha1", "trustpolicies", "TrustPolicy"};
constexpr const char* kModeConfigMap = "kintsugi";

/// Files and the keys in ConfigMaps have no watch: they are looked at this often.
constexpr std::chrono::seconds kReread{5};

struct RawObject : k8s::Object {
  Node document;
};

Result<RawObject> keep_raw(k8s::RawJson raw) {
  auto document = parse_json_document(raw.text);
  if (!document) return tl::unexpected(std::move(document).error());
  RawObject object;
  object.document = std::move(*document);
  return object;
}

k8s::InformerOptions options_of(const char* name, const Settings& settings, std::string field_selector = "") {
  k8s::InformerOptions options;
  options.name = name;
  options.list_watch.seed = jitter_of(settings);
  options.list_watch.field_selector = std::move(field_selector);
  return options;
}

/// A resource, and what is wrong with it.
struct LoadedObject {
  const k8s::Resource* resource;
  std::shared_ptr<const RawObject> object;
  std::string problems;  ///< empty: it can be used
};

std::string join(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += (text.empty() ? "" : "; ") + problem.to_string();
  return text;
}

/// `{data: {mode: word}}`; absent where there is none.
std::optional<std::string> mode_word(const Node& config_map) {
  const Node* data = config_map.find("data");
  const Node* mode = data == nullptr ? nullptr : data->find("mode");
  return mode == nullptr ? std::nullopt : std::optional(mode->text);
}

}  // namespace

struct ConfigWatch::Impl {
  Impl(k8s::Client& api, const Settings& with, PlaybookBook& target, const Clock& time, Logger& logger,
       std::function<void()> on_change)
      : client(api),
        settings(with),
        book(target),
        clock(time),
        log(logger),
        changed(std::move(on_change)),
        playbook_source(client, kPlaybooks, settings.name_space),
        policy_source(client, kTrustPolicies, settings.name_space),
        mode_source(client, k8s::kConfigMaps, settings.name_space),
        playbooks(playbook_source, keep_raw, options_of("playbooks", settings), clock, log),
        policies(policy_source, keep_raw, options_of("trustpolicies", settings), clock, log),
        mode(mode_source, keep_raw,
             options_of("mode", settings, std::string("metadata.name=") + kModeConfigMap), clock, log) {
    playbooks.add_handler([this](const auto&) { ask_for_rebuild(); });
    policies.add_handler([this](const auto&) { ask_for_rebuild(); });
    // Switching off must not wait for anything.
    mode.add_handler([this](const k8s::Change<RawObject>& change) {
      set_mode(change.now == nullptr ? std::nullopt : mode_word(change.now->document));
    });
  }

  void set_mode(const std::optional<std::string>& word) {
    const Mode cap = playbooks::mode_cap(word ? std::optional<std::string_view>(*word) : std::nullopt);
    if (cap == book.cluster_cap()) return;
    book.set_cluster_cap(cap);
    log.info("The cluster's mode cap has changed", {{"mode", to_string(cap)}});
    changed();
  }

  void ask_for_rebuild() {
    std::lock_guard lock(mutex);
    stale = true;
    wake.notify_all();
  }

  void run(std::stop_token stop) {
    const std::stop_callback on_stop(stop, [this] { ask_for_rebuild(); });
    std::unique_lock lock(mutex);  // ends before the callback, which takes it
    while (!stop.stop_requested()) {
      stale = false;
      ++begun;
      lock.unlock();
      rebuild();
      lock.lock();
      built = begun;
      wake.notify_all();
      const MonotonicTime next = clock.monotonic() + kReread;
      while (!stale && clock.monotonic() < next) clock.wait_until(lock, wake, next);
    }
  }

  void rebuild() {
    ConfigDocuments documents;
    std::vector<LoadedObject> loaded;
    publisher.read_files(documents);
    for (const auto& object : playbooks.list()) {
      ProblemList problems("playbook " + object->metadata.key.name, ProblemList::Positions::kUnknown);
      auto playbook = playbooks::read_playbook(object->document, problems);
      for (const Problem& problem : problems.all()) publisher.report(problem, documents);
      loaded.push_back({&kPlaybooks, object, join(problems.all())});
      if (playbook) documents.playbooks.insert_or_assign(playbook->name, std::move(*playbook));
    }
    for (const auto& object : policies.list()) {
      ProblemList problems("trustpolicy " + object->metadata.key.name, ProblemList::Positions::kUnknown);
      auto spec = trust::parse_trust_policy(object->document, problems);
      for (const Problem& problem : problems.all()) publisher.report(problem, documents);
      loaded.push_back({&kTrustPolicies, object, join(problems.all())});
      if (problems.empty()) documents.policies.insert_or_assign(spec.name, std::move(spec));
    }
    publisher.publish(std::move(documents));
    judge(loaded);
  }

  void judge(const std::vector<LoadedObject>& loaded) {
    const auto policies_in_force = book.policies();
    std::vector<ConfigVerdict> judged;
    for (const auto& [resource, object, problems] : loaded) {
      std::string reason = problems.empty() ? "Loaded" : "Invalid";
      std::string message = problems.empty() ? "in force" : problems;
      const auto stale = publisher.stale_keys().find(object->metadata.key.name);
      if (problems.empty() && resource == &kTrustPolicies && stale != publisher.stale_keys().end())
        message += " with the key that was read last: " + stale->second;
      for (const trust::TrustPolicy& policy : *policies_in_force) {
        if (resource != &kTrustPolicies || policy.spec.name != object->metadata.key.name || !policy.defect)
          continue;
        reason = "KeyUnusable";
        message = policy.defect->to_string();
      }
      judged.push_back(judge_config(*resource, object->document, std::move(reason), std::move(message)));
    }
    std::lock_guard lock(mutex);
    verdicts = std::move(judged);
  }

  /// An entry of a ConfigMap, or of a Secret.
  Result<std::string> read_object(const trust::TextReference& reference) const {
    const bool is_secret = reference.source == trust::TextReference::Source::kSecret;
    auto object =
        client.get(is_secret ? k8s::kSecrets : k8s::kConfigMaps, {settings.name_space, reference.text});
    if (!object) return fail(object.error());
    const json data = object->value("data", json::object());
    const std::string place = (is_secret ? "secret " : "configmap ") + reference.text;
    if (!data.contains(reference.key) || !data[reference.key].is_string())
      return fail(make_error(ErrorCode::kNotFound, "has no key " + reference.key).on(place));
    auto text = data[reference.key].get<std::string>();
    return is_secret ? base64_decode(text) : std::move(text);
  }

  k8s::Client& client;
  const Settings& settings;
  PlaybookBook& book;
  const Clock& clock;
  Logger& log;
  const std::function<void()> changed;
  k8s::ClientListWatchSource playbook_source, policy_source, mode_source;
  k8s::Informer<RawObject> playbooks, policies, mode;

  /// Of the rebuilding thread.
  ConfigPublisher publisher{settings, book, log,
                            [this](const trust::TextReference& reference) { return read_object(reference); },
                            changed};

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<ConfigVerdict> verdicts;  ///< guarded
  bool stale = false;                   ///< guarded
  std::uint64_t begun = 0;              ///< guarded; rounds so far
  std::uint64_t built = 0;              ///< guarded; the last of them that is in the book
};

ConfigWatch::ConfigWatch(k8s::Client& client, const Settings& settings, PlaybookBook& book,
                         const Clock& clock, Logger& log, std::function<void()> changed)
    : impl_(std::make_unique<Impl>(client, settings, book, clock, log, std::move(changed))) {}

ConfigWatch::~ConfigWatch() = default;

std::vector<std::jthread> ConfigWatch::start() {
  std::vector<std::jthread> threads;
  for (k8s::InformerBase* informer :
       {static_cast<k8s::InformerBase*>(&impl_->playbooks), static_cast<k8s::InformerBase*>(&impl_->policies),
        static_cast<k8s::InformerBase*>(&impl_->mode)}) {
    threads.emplace_back([informer](std::stop_token stop) { informer->run(stop); });
  }
  threads.emplace_back([this](std::stop_token stop) { impl_->run(stop); });
  return threads;
}

Result<void> ConfigWatch::wait_for_sync(MonotonicTime deadline, std::stop_token stop) {
  for (const k8s::InformerBase* informer : {static_cast<const k8s::InformerBase*>(&impl_->playbooks),
                                            static_cast<const k8s::InformerBase*>(&impl_->policies),
                                            static_cast<const k8s::InformerBase*>(&impl_->mode)}) {
    if (auto synced = informer->wait_for_sync(deadline, stop); !synced) return synced;
  }
  // One that begins now has seen all of that; one that is under way may have not.
  std::unique_lock lock(impl_->mutex);
  const std::uint64_t wanted = impl_->begun + 1;
  impl_->stale = true;
  impl_->wake.notify_all();
  while (impl_->built < wanted) {
    if (impl_->clock.monotonic() >= deadline)
      return fail(ErrorCode::kTimeout, "the configuration was not loaded in time");
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "stopped");
    impl_->clock.wait_until(lock, impl_->wake, deadline);
  }
  return {};
}

std::vector<ConfigVerdict> ConfigWatch::verdicts() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->verdicts;
}

}  // namespace kintsugi::controller
