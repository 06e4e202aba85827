// SPDX-License-Identifier: Apache-2.0
#include "admission/pod_review.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/cut.h"
#include "base/document.h"
#include "base/node_text.h"

namespace kintsugi::admission {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessageBytes = 1024;
/// The API server cuts single warnings at 256 characters and drops what is above 4 KiB together.
constexpr std::size_t kMaxWarningBytes = 250;
constexpr std::size_t kMaxWarnings = 16;
constexpr std::size_t kMaxUidBytes = 128;

/// What is read of a review; all else is only checked to be JSON.
constexpr std::array<std::string_view, 15> kUsed{
    "apiVersion", "containers", "ephemeralContainers", "image",     "initContainers", "kind", "name",
    "namespace",  "object",     "oldObject",           "reference", "request",        "spec", "uid",
    "volumes"};
static_assert(std::is_sorted(kUsed.begin(), kUsed.end()));

constexpr std::array kImageLists{"containers", "initContainers", "ephemeralContainers", "volumes"};

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::kInvalidInput, "no AdmissionReview of a pod: " + what);
}

const Node* object_of(const Node& parent, std::string_view key) {
  const Node* member = parent.find(key);
  return member != nullptr && member->kind == Node::Kind::kObject ? member : nullptr;
}

bool is_uid(const std::string& text) {
  const auto is_allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
  return !text.empty() && text.size() <= kMaxUidBytes && std::all_of(text.begin(), text.end(), is_allowed);
}

/// For text that is safe to show.
std::string shortened(const std::string& text, std::size_t max_bytes) {
  return text.size() <= max_bytes ? text : cut(text, max_bytes) + "…";
}

using Use = std::pair<std::string, std::string>;  ///< container or volume, image

/// The image of an item of a list of containers or volumes. It may be missing: a volume has other sources,
/// and a container may get its image from something that comes later.
const std::string* image_of(const Node& item) {
  const Node* volume_source = object_of(item, "image");
  return volume_source == nullptr ? find_text(item, "image") : find_text(*volume_source, "reference");
}

Result<void> add_uses(const Node& spec, const char* list, std::vector<Use>& out) {
  const Node* items = spec.find(list);
  if (items == nullptr || items->kind == Node::Kind::kNull) return {};
  if (items->kind != Node::Kind::kArray) return malformed(std::string(list) + " is no list");
  for (const Node& item : items->items) {
    const std::string* name = find_text(item, "name");
    const std::string* image = image_of(item);
    if (name == nullptr) return malformed(std::string(list) + " has one without a name");
    if (image != nullptr && !image->empty()) out.emplace_back(*name, *image);
  }
  if (out.size() > kMaxImages) return fail(ErrorCode::kTooLarge, "a pod with more images than are read");
  return {};
}

Result<std::vector<Use>> uses_of(const Node& pod) {
  const Node* spec = object_of(pod, "spec");
  if (spec == nullptr) return malformed("it has no spec");
  std::vector<Use> uses;
  for (const char* list : kImageLists) {
    if (auto added = add_uses(*spec, list, uses); !added) return tl::unexpected(added.error());
  }
  return uses;
}

Result<std::vector<Use>> uses_before(const Node& request) {
  const Node* old = object_of(request, "oldObject");
  return old == nullptr ? std::vector<Use>() : uses_of(*old);
}

/// The images of what was not the same before, each once, in their order.
std::vector<std::string> new_images(const std::vector<Use>& now, const std::vector<Use>& before) {
  const std::set<Use> known(before.begin(), before.end());
  std::set<std::string> seen;
  std::vector<std::string> images;
  for (const Use& use : now) {
    if (!known.contains(use) && seen.insert(use.second).second) images.push_back(use.second);
  }
  return images;
}

}  // namespace

Result<PodReview> parse_pod_review(std::string_view text) {
  const auto document = parse_json_members(text, kUsed, {.max_bytes = kMaxReviewBytes});
  if (!document) return tl::unexpected(document.error());
  const std::string* version = find_text(*document, "apiVersion");
  const std::string* kind = find_text(*document, "kind");
  if (version == nullptr || kind == nullptr || *version != "admission.k8s.io/v1" ||
      *kind != "AdmissionReview")
    return malformed("its apiVersion and kind are others");
  const Node* request = object_of(*document, "request");
  if (request == nullptr) return malformed("it has no request");
  const std::string* uid = find_text(*request, "uid");
  if (uid == nullptr || !is_uid(*uid)) return malformed("it has no uid");
  const std::string* name_space = find_text(*request, "namespace");
  if (name_space == nullptr || name_space->empty()) return malformed("it has no namespace");
  const Node* pod = object_of(*request, "object");
  const std::string* pod_kind = pod == nullptr ? nullptr : find_text(*pod, "kind");
  if (pod_kind == nullptr || *pod_kind != "Pod") return malformed("its object is no Pod");
  const auto now = uses_of(*pod);
  if (!now) return tl::unexpected(now.error());
  const auto before = uses_before(*request);
  if (!before) return tl::unexpected(before.error());
  return PodReview{*uid, *name_space, new_images(*now, *before)};
}

std::string render_pod_answer(const std::string& uid, const PodAnswer& answer) {
  json response = {{"uid", uid}, {"allowed", answer.is_allowed}};
  if (!answer.is_allowed) {
    response["status"] = {
        {"code", 403}, {"reason", "Forbidden"}, {"message", shortened(answer.message, kMaxMessageBytes)}};
  }
  for (const std::string& warning : answer.warnings) {
    if (response["warnings"].size() == kMaxWarnings) break;
    response["warnings"].push_back(shortened(warning, kMaxWarningBytes));
  }
  return json({{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"response", response}})
      .dump();
}

}  // namespace kintsugi::admission
