// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/manifest_answer.h"

#include <fmt/format.h>

#include <utility>

#include "base/escape.h"
#include "net/header_rules.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kDigestHeader = "Docker-Content-Digest";

tl::unexpected<Error> refuse(const ImageReference& image, const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).on(image.name()).because(why));
}

}  // namespace

std::string media_type_of(const net::Headers& headers) {
  const std::string* type = headers.find("Content-Type");
  if (type == nullptr) return {};
  std::string out = type->substr(0, type->find(';'));
  out.erase(out.find_last_not_of(" \t") + 1);
  return out;
}

Result<void> check_content_digest(const ImageReference& image, const net::Headers& headers,
                                  const Digest& digest) {
  for (const auto& [name, value] : headers.all()) {
    if (!net::equals_ignoring_case(name, kDigestHeader) || value == digest.text()) continue;
    return refuse(image, reason::kDigestMismatch,
                  fmt::format("the registry sent {} for {}", digest.text(), escape(value, 100)));
  }
  return {};
}

std::optional<Digest> announced_digest(const net::Headers& headers) {
  const std::string type = media_type_of(headers);  // not each registry sends it with HEAD
  if (!type.empty() && !is_manifest_type(type)) return std::nullopt;
  std::optional<Digest> announced;
  for (const auto& [name, value] : headers.all()) {
    if (!net::equals_ignoring_case(name, kDigestHeader)) continue;
    auto digest = Digest::parse(value);
    if (!digest || (announced && *announced != *digest)) return std::nullopt;
    announced = std::move(*digest);
  }
  return announced;
}

Result<RawManifest> manifest_of(const ImageReference& image, RegistryAnswer answer) {
  RawManifest manifest{media_type_of(answer.headers), Digest::of(answer.body), {}};
  if (auto same = check_content_digest(image, answer.headers, manifest.digest); !same)
    return fail(std::move(same).error());
  if (!is_manifest_type(manifest.media_type)) {
    return refuse(image, reason::kMediaTypeMismatch,
                  fmt::format("the registry sent \"{}\" for a manifest", escape(manifest.media_type, 100)));
  }
  manifest.bytes = std::move(answer.body);
  return manifest;
}

}  // namespace kintsugi::trust
