// SPDX-License-Identifier: Apache-2.0
//
// A live, slim, indexed copy of one collection of the API server (K4). The owner gives it a thread:
//
//   Informer<SlimPod> pods(source, project_pod, options, clock, log);
//   pods.add_index("node", [](const SlimPod& pod) { return std::vector{pod.node}; });
//   pods.add_handler([&](const Change<SlimPod>& change) { queue.add(…); });
//   std::jthread thread([&](std::stop_token stop) { pods.run(stop); });
//   if (auto synced = pods.wait_for_sync(deadline, stop); !synced) return synced.error();
//
// A cache is a hint of when to look and where, never a reason to act (K5.7): read live before anything
// destructive.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "k8s-client/runtime/list_watch.h"
#include "k8s-client/runtime/reflector.h"
#include "k8s-client/runtime/store.h"

namespace kintsugi::k8s {

struct InformerOptions {
  std::string name{};             ///< for the log: "pods"
  ListWatchOptions list_watch{};  ///< its seed need only differ by process: the informer adds its name
  std::vector<std::string> annotation_prefixes{};  ///< of the annotations that objects keep
};

struct InformerCounters {
  ListWatchCounters list_watch;
  std::uint64_t decode_failures =
      0;  ///< objects that could not be read; the last good state of each is kept (K4.6)
};

/// Where a change came from.
struct ChangeContext {
  /// From a listing: the initial state, or what was missed. Such work may wait for live events (K5.5).
  bool from_listing = false;
};

/// The untyped part of Informer.
class InformerBase : private ListWatchSink {
 public:
  using Project = std::function<Result<std::shared_ptr<Object>>(RawJson)>;
  using Handler = std::function<void(const StoreChange&, const ChangeContext&)>;

  InformerBase(ListWatchSource& source, Project project, InformerOptions options, const Clock& clock,
               Logger& log);
  ~InformerBase() override;

  /// Follows the collection on the calling thread until stop is requested. Once per informer.
  void run(std::stop_token stop);

  /// True once the initial state is in the store and every handler has returned from every object of it
  /// (K4.4).
  bool has_synced() const;
  /// Blocks until has_synced(). After `deadline` kTimeout, with what is in the way as far as is known; or
  /// kUnsupported where the API server answers that it does not know the resource. kCancelled when stop is
  /// requested.
  Result<void> wait_for_sync(MonotonicTime deadline, std::stop_token stop) const;
  /// Everything up to this version is in the store and was handed to the handlers; empty before the sync. For
  /// read-your-writes: after a write that returned version V, trust the copy once compare_resource_versions
  /// says that this is not less than V (K6.3).
  std::string resource_version_seen() const;
  /// That comparison. True also where `version` cannot be compared, so that nothing waits for ever.
  bool has_seen(std::string_view version) const;
  InformerCounters counters() const;
  std::size_t size() const { return store_.size(); }

 protected:
  Store store_;
  std::vector<Handler> handlers_;

 private:
  void on_init() override;
  void on_apply(RawJson object) override;
  void on_delete(RawJson object) override;
  void on_init_done() override;
  void on_resource_version(std::string_view version) override;
  void on_trouble(const Error& error) override;

  ObjectPointer decode(RawJson object);
  Error not_synced() const;
  void decode_failed(const std::string& object, const Error& error);
  void notify(const StoreChange& change, const ChangeContext& context) const;

  ListWatchSource& source_;
  const Project project_;
  const InformerOptions options_;
  const Clock& clock_;
  Logger& log_;
  ObjectMetaReader meta_reader_;
  ListWatch list_watch_;
  bool listing_ = false;
  std::vector<ObjectPointer> listed_;  ///< of a listing under way

  mutable std::mutex mutex_;  ///< guards what follows
  mutable std::condition_variable wake_;
  bool synced_ = false;
  std::string version_seen_;
  std::optional<Error> trouble_;  ///< the last one before the sync
  InformerCounters counters_;
};

/// Reads a slim struct out of an object's JSON; `metadata` is filled by the informer. Called on the watch
/// thread only.
template <class T>
using Projection = std::function<Result<T>(RawJson)>;

/// nothing → now: added; old → now: updated, both of one UID; old → nothing: deleted. After a gap in the
/// watch, `old` of a deletion may not be the final state (K4.1).
template <class T>
struct Change {
  std::shared_ptr<const T> old;
  std::shared_ptr<const T> now;
  bool from_listing = false;  ///< see ChangeContext

  /// The one that there is; `now` of an update.
  const T& object() const { return now ? *now : *old; }
};

/// T derives from k8s::Object. add_index() and add_handler() come before run(); the rest is thread-safe.
template <class T>
class Informer : public InformerBase {
  static_assert(std::is_base_of_v<Object, T>);

 public:
  using Pointer = std::shared_ptr<const T>;

  /// `source`, `clock` and `log` must outlive the informer.
  Informer(ListWatchSource& source, Projection<T> projection, InformerOptions options, const Clock& clock,
           Logger& log)
      : InformerBase(source, erase(std::move(projection)), std::move(options), clock, log) {}

  void add_index(std::string name, IndexFunction function) {
    store_.add_index(std::move(name), std::move(function));
  }
  void add_index(std::string name, std::function<std::vector<std::string>(const T&)> function)
    requires(!std::is_same_v<T, Object>)
  {
    store_.add_index(std::move(name), [function = std::move(function)](const Object& object) {
      return function(static_cast<const T&>(object));
    });
  }

  /// Handlers run on the watch thread, after the store has changed, one at a time: enqueue a key and return.
  void add_handler(std::function<void(const Change<T>&)> handler) {
    handlers_.push_back(
        [handler = std::move(handler)](const StoreChange& change, const ChangeContext& context) {
          handler(Change<T>{cast(change.old), cast(change.now), context.from_listing});
        });
  }

  /// The object as last seen, or nullptr.
  Pointer get(const ObjectKey& key) const { return cast(store_.get(key)); }
  std::vector<Pointer> by_index(std::string_view index, const std::string& value) const {
    return cast_all(store_.by_index(index, value));
  }
  std::vector<Pointer> list() const { return cast_all(store_.list()); }

 private:
  static Pointer cast(const ObjectPointer& object) { return std::static_pointer_cast<const T>(object); }
  static std::vector<Pointer> cast_all(const std::vector<ObjectPointer>& objects) {
    std::vector<Pointer> typed;
    typed.reserve(objects.size());
    for (const auto& object : objects) typed.push_back(cast(object));
    return typed;
  }
  static Project erase(Projection<T> projection) {
    return [projection = std::move(projection)](RawJson json) -> Result<std::shared_ptr<Object>> {
      return projection(json).map(
          [](T&& object) -> std::shared_ptr<Object> { return std::make_shared<T>(std::move(object)); });
    };
  }
};

}  // namespace kintsugi::k8s
