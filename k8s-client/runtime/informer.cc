// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/informer.h"

#include "k8s-client/core/resource_version.h"

namespace kintsugi::k8s {

namespace {

ListWatchOptions with_own_seed(const InformerOptions& options) {
  ListWatchOptions own = options.list_watch;
  own.seed = jitter_seed(own.seed, options.name);
  return own;
}

}  // namespace

InformerBase::InformerBase(ListWatchSource& source, Project project, InformerOptions options,
                           const Clock& clock, Logger& log)
    : source_(source),
      project_(std::move(project)),
      options_(std::move(options)),
      clock_(clock),
      log_(log),
      meta_reader_(options_.annotation_prefixes),
      list_watch_(with_own_seed(options_), *this) {}

InformerBase::~InformerBase() = default;

void InformerBase::run(std::stop_token stop) {
  run_reflector(list_watch_, source_, clock_, std::move(stop));
}

bool InformerBase::has_synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

Result<void> InformerBase::wait_for_sync(MonotonicTime deadline, std::stop_token stop) const {
  const std::stop_callback on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!synced_) {
    if (stop.stop_requested())
      return fail(make_error(ErrorCode::kCancelled, "stopped before the first listing"));
    if (clock_.monotonic() >= deadline) return fail(not_synced());
    clock_.wait_until(lock, wake_, deadline);
  }
  return {};
}

/// A collection is there as soon as its resource is served, so 404 means that it is not.
Error InformerBase::not_synced() const {
  const bool unknown = trouble_ && (trouble_->code == ErrorCode::kNotFound || trouble_->reason == kNotServed);
  Error error = make_error(unknown ? ErrorCode::kUnsupported : ErrorCode::kTimeout,
                           unknown ? "the API server does not serve this resource"
                                   : "no complete listing from the API server yet");
  if (trouble_) error.message += ": " + trouble_->message;
  return std::move(error)
      .on(options_.name)
      .advise("check that the API server is reachable and that list and watch are permitted");
}

std::string InformerBase::resource_version_seen() const {
  const std::lock_guard lock(mutex_);
  return version_seen_;
}

bool InformerBase::has_seen(std::string_view version) const {
  const std::lock_guard lock(mutex_);
  if (version_seen_.empty()) return false;
  const auto order = compare_resource_versions(version_seen_, version);
  return !order || *order >= 0;
}

InformerCounters InformerBase::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void InformerBase::on_init() {
  listing_ = true;
  listed_.clear();
}

void InformerBase::on_apply(RawJson object) {
  ObjectPointer now = decode(object);
  if (!now) return;
  if (listing_) {
    listed_.push_back(std::move(now));
    return;
  }
  ObjectPointer old = store_.apply(now);
  if (old && old->metadata.uid != now->metadata.uid) notify({std::exchange(old, nullptr), nullptr}, {});
  notify({std::move(old), std::move(now)}, {});
}

void InformerBase::on_delete(RawJson object) {
  const auto meta = meta_reader_.read(object);
  if (!meta) return decode_failed("", meta.error());
  if (ObjectPointer old = store_.remove(meta->key)) notify({std::move(old), nullptr}, {});
}

void InformerBase::on_init_done() {
  const auto changes = store_.replace(std::exchange(listed_, {}));
  listing_ = false;
  for (const auto& change : changes) notify(change, {.from_listing = true});
}

void InformerBase::on_resource_version(std::string_view version) {
  const std::lock_guard lock(mutex_);
  version_seen_ = version;
  counters_.list_watch = list_watch_.counters();
  if (std::exchange(synced_, true)) return;
  trouble_.reset();
  wake_.notify_all();
}

void InformerBase::on_trouble(const Error& error) {
  log_.warning("watching is interrupted, retrying",
               {{"resource", options_.name}, {"error", error.to_string()}});
  const std::lock_guard lock(mutex_);
  counters_.list_watch = list_watch_.counters();
  if (!synced_) trouble_ = error;
}

/// Of a listing, an object that the store has already in this version is taken from there: no second copy
/// (K4.8). One that cannot be read any more keeps its last good state: it exists, and must not look deleted.
ObjectPointer InformerBase::decode(RawJson object) {
  auto meta = meta_reader_.read(object);
  if (!meta) {
    decode_failed("", meta.error());
    return nullptr;
  }
  ObjectPointer known = listing_ ? store_.get(meta->key) : nullptr;
  const bool same_uid = known && known->metadata.uid == meta->uid;
  if (same_uid && !meta->resource_version.empty() &&
      known->metadata.resource_version == meta->resource_version) {
    return known;
  }
  auto decoded = project_(object);
  if (!decoded) {
    decode_failed(meta->key.to_string(), decoded.error());
    return same_uid ? known : nullptr;
  }
  (*decoded)->metadata = std::move(*meta);
  return std::move(*decoded);
}

void InformerBase::decode_failed(const std::string& object, const Error& error) {
  log_.warning("an object could not be read",
               {{"resource", options_.name}, {"object", object}, {"error", error.to_string()}});
  const std::lock_guard lock(mutex_);
  ++counters_.decode_failures;
}

void InformerBase::notify(const StoreChange& change, const ChangeContext& context) const {
  for (const auto& handler : handlers_) handler(change, context);
}

}  // namespace kintsugi::k8s
