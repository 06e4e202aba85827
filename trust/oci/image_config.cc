// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_config.h"

#include <chrono>

#include "base/document.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr const char* kVersionLabel = "org.opencontainers.image.version";
/// Zip files know no earlier time: with the epoch, what builders write who want no time.
constexpr WallTime kNoTime{std::chrono::seconds(315'705'599)};  // 1980-01-02T23:59:59Z

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(make_error(ErrorCode::kInvalidInput, "image configuration: " + what)
                  .because(reason::kManifestMalformed));
}

/// A string below `object`; absent and null are none.
Result<std::string> read_text(const Node* object, const char* key) {
  const Node* value = object == nullptr ? nullptr : object->find(key);
  if (value == nullptr || value->kind == Node::Kind::kNull) return std::string();
  if (value->kind != Node::Kind::kString) return malformed(std::string(key) + " is no string");
  return value->text;
}

}  // namespace

Result<ImageOrigin> parse_image_config(std::string_view bytes) {
  auto root = parse_json_document(bytes, {.max_bytes = kMaxImageConfigBytes, .max_depth = 32});
  if (!root) {
    const bool too_large = root.error().code == ErrorCode::kTooLarge;
    return fail(std::move(root).error().because(too_large ? reason::kTooLarge : reason::kManifestMalformed));
  }
  if (root->kind != Node::Kind::kObject) return malformed("no object");
  const Node* config = root->find("config");
  auto version = read_text(config == nullptr ? nullptr : config->find("Labels"), kVersionLabel);
  if (!version) return fail(std::move(version).error());
  auto created = read_text(&*root, "created");
  if (!created) return fail(std::move(created).error());
  ImageOrigin origin{std::nullopt, std::move(*version)};
  if (created->empty()) return origin;
  const auto time = parse_rfc3339(*created);
  if (time && *time > kNoTime) origin.created = *time;
  return origin;
}

}  // namespace kintsugi::trust
