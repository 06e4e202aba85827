// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/object_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/time.h"
#include "k8s-client/core/ondemand.h"

namespace kintsugi::k8s {
namespace {

using simdjson::error_code;
using simdjson::ondemand::value;

constexpr std::size_t kRecentLabelSets = 4096;

error_code read_text(value field, std::string& out) {
  std::string_view text;
  if (const auto error = field.get_string().get(text)) return error;
  out.assign(text);
  return simdjson::SUCCESS;
}

/// Calls `on_field(key, value)` for each member of an object that is a value; null is an object without
/// members.
template <class OnField>
error_code for_each_field(value field, const OnField& on_field) {
  simdjson::ondemand::object object;
  bool absent = false;
  if (const auto error = field.is_null().get(absent)) return error;
  if (absent) return simdjson::SUCCESS;
  if (const auto error = field.get_object().get(object)) return error;
  for (auto member : object) {
    std::string_view key;
    value item;
    if (const auto error = member.unescaped_key().get(key)) return error;
    if (const auto error = member.value().get(item)) return error;
    if (const error_code error = on_field(key, item)) return error;
  }
  return simdjson::SUCCESS;
}

template <class OnItem>
error_code for_each_item(value field, const OnItem& on_item) {
  simdjson::ondemand::array array;
  bool absent = false;
  if (const auto error = field.is_null().get(absent)) return error;
  if (absent) return simdjson::SUCCESS;
  if (const auto error = field.get_array().get(array)) return error;
  for (auto element : array) {
    value item;
    if (const auto error = element.get(item)) return error;
    if (const error_code error = on_item(item)) return error;
  }
  return simdjson::SUCCESS;
}

template <class Keep>
error_code read_pairs(value field, const Keep& keep, StringPairs& out) {
  StringPairs::Entries entries;
  const auto error = for_each_field(field, [&](std::string_view key, value item) {
    if (!keep(key)) return simdjson::SUCCESS;
    entries.emplace_back(std::string(key), std::string());
    return read_text(item, entries.back().second);
  });
  entries.shrink_to_fit();
  out = StringPairs(std::move(entries));
  return error;
}

error_code read_owner(value field, OwnerReference& out) {
  return for_each_field(field, [&](std::string_view key, value item) {
    if (key == "apiVersion") return read_text(item, out.api_version);
    if (key == "kind") return read_text(item, out.kind);
    if (key == "name") return read_text(item, out.name);
    if (key == "uid") return read_text(item, out.uid);
    if (key == "controller") return item.get_bool().get(out.controller);
    return simdjson::SUCCESS;
  });
}

error_code read_time(value field, std::optional<WallTime>& out) {
  std::string_view text;
  if (const auto error = field.get_string().get(text)) return error;
  const auto time = parse_rfc3339(text);
  if (!time) return simdjson::INCORRECT_TYPE;
  out = *time;
  return simdjson::SUCCESS;
}

}  // namespace

StringPairs::StringPairs(Entries entries) {
  if (entries.empty()) return;
  std::map<std::string, std::string> sorted;
  for (auto& [key, value] : entries) sorted.insert_or_assign(std::move(key), std::move(value));
  entries_ = std::make_shared<const Entries>(sorted.begin(), sorted.end());
}

const StringPairs::Entries& StringPairs::all() const {
  static const Entries kNone;
  return entries_ ? *entries_ : kNone;
}

const std::string* StringPairs::find(std::string_view key) const {
  const auto& entries = all();
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), key,
                       [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return found != entries.end() && found->first == key ? &found->second : nullptr;
}

const OwnerReference* ObjectMeta::controller() const {
  const auto found =
      std::find_if(owners.begin(), owners.end(), [](const auto& owner) { return owner.controller; });
  return found != owners.end() ? &*found : nullptr;
}

struct ObjectMetaReader::Impl {
  explicit Impl(std::vector<std::string> prefixes) : annotation_prefixes(std::move(prefixes)) {}

  std::vector<std::string> annotation_prefixes;
  simdjson::ondemand::parser parser;
  std::vector<StringPairs> recent_labels = std::vector<StringPairs>(kRecentLabelSets);  ///< by hash; bounded

  /// The equal set that was seen before, or `labels`.
  StringPairs share(const StringPairs& labels) {
    std::size_t hash = 0;
    for (const auto& [key, value] : labels.all()) {
      hash = hash * 31 + std::hash<std::string>()(key) * 7 + std::hash<std::string>()(value);
    }
    StringPairs& slot = recent_labels[hash % recent_labels.size()];
    if (!(slot == labels)) slot = labels;
    return slot;
  }

  bool keeps_annotation(std::string_view key) const {
    return std::any_of(annotation_prefixes.begin(), annotation_prefixes.end(),
                       [&](const std::string& prefix) { return key.starts_with(prefix); });
  }

  error_code read_field(std::string_view key, value field, ObjectMeta& out) const {
    if (key == "name") return read_text(field, out.key.name);
    if (key == "namespace") return read_text(field, out.key.name_space);
    if (key == "uid") return read_text(field, out.uid);
    if (key == "resourceVersion") return read_text(field, out.resource_version);
    if (key == "deletionTimestamp") return read_time(field, out.deletion);
    if (key == "labels") {
      return read_pairs(field, [](std::string_view) { return true; }, out.labels);
    }
    if (key == "annotations") {
      return read_pairs(
          field, [this](std::string_view name) { return keeps_annotation(name); }, out.annotations);
    }
    if (key == "ownerReferences") {
      return for_each_item(field, [&](value item) { return read_owner(item, out.owners.emplace_back()); });
    }
    if (key == "finalizers") {
      return for_each_item(field, [&](value) {
        out.has_finalizers = true;
        return simdjson::SUCCESS;
      });
    }
    return simdjson::SUCCESS;
  }
};

ObjectMetaReader::ObjectMetaReader(std::vector<std::string> annotation_prefixes)
    : impl_(std::make_unique<Impl>(std::move(annotation_prefixes))) {}
ObjectMetaReader::~ObjectMetaReader() = default;

Result<ObjectMeta> ObjectMetaReader::read(RawJson object) {
  ObjectMeta meta;
  const error_code error = read_object(impl_->parser, object, [&](std::string_view key, value field) {
    if (key != "metadata") return simdjson::SUCCESS;
    return for_each_field(
        field, [&](std::string_view name, value item) { return impl_->read_field(name, item, meta); });
  });
  if (error || meta.key.name.empty()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("the object's metadata cannot be read: {}",
                            error ? simdjson::error_message(error) : "it has no name"));
  }
  meta.labels = impl_->share(meta.labels);
  return meta;
}

}  // namespace kintsugi::k8s
