// SPDX-License-Identifier: Apache-2.0
#include "evidence/manifest.h"

#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/time.h"

namespace kintsugi::evidence {
namespace {

using nlohmann::json;

/// The text of a string member; `ok` turns false where it is missing or something else.
std::string text_of(const Node& object, std::string_view key, bool& ok) {
  const Node* value = object.find(key);
  ok = ok && value != nullptr && value->kind == Node::Kind::kString;
  return ok ? value->text : std::string();
}

WallTime time_of(const Node& object, std::string_view key, bool& ok) {
  const auto time = parse_rfc3339(text_of(object, key, ok));
  ok = ok && time.has_value();
  return ok ? *time : WallTime();
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  json out = {{"incident", manifest.incident},
              {"target", manifest.target},
              {"createdTime", format_micros(manifest.created)},
              {"files", json::array()},
              {"failures", json::array()}};
  for (const File& file : manifest.files) {
    out["files"].push_back({{"path", file.path},
                            {"sha256", file.sha256},
                            {"bytes", file.bytes},
                            {"collector", file.collector},
                            {"collectedTime", format_micros(file.collected)}});
    if (file.truncated) out["files"].back()["truncated"] = true;
  }
  for (const Failure& failure : manifest.failures) {
    out["failures"].push_back({{"collector", failure.collector}, {"message", failure.message}});
  }
  return out.dump(2) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  auto root = parse_json_document(text);
  if (!root) return tl::unexpected(std::move(root).error());
  bool ok = true;
  Manifest manifest;
  manifest.incident = text_of(*root, "incident", ok);
  manifest.target = text_of(*root, "target", ok);
  manifest.created = time_of(*root, "createdTime", ok);
  const Node* files = root->find("files");
  const Node* failures = root->find("failures");
  if (!ok || files == nullptr || files->kind != Node::Kind::kArray) {
    return fail(ErrorCode::kInvalidInput, "not an evidence manifest");
  }
  for (const Node& item : files->items) {
    const Node* bytes = item.find("bytes");
    const auto size = bytes == nullptr ? fail(ErrorCode::kInvalidInput, "no size") : bytes->as_integer();
    File file{text_of(item, "path", ok),      text_of(item, "sha256", ok),        0,
              text_of(item, "collector", ok), time_of(item, "collectedTime", ok), false};
    if (!ok || !size || *size < 0)
      return fail(ErrorCode::kInvalidInput, "malformed entry in the manifest's files");
    file.bytes = std::uint64_t(*size);
    const Node* truncated = item.find("truncated");
    file.truncated = truncated != nullptr && truncated->boolean;
    manifest.files.push_back(std::move(file));
  }
  for (const Node& item : failures == nullptr ? Node().items : failures->items) {
    manifest.failures.push_back({text_of(item, "collector", ok), text_of(item, "message", ok)});
  }
  if (!ok) return fail(ErrorCode::kInvalidInput, "malformed entry in the manifest's failures");
  return manifest;
}

}  // namespace kintsugi::evidence
