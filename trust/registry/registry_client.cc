// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_client.h"

#include <fmt/format.h>

#include <utility>

#include "base/escape.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxManifestBytes = 4u << 20;

std::string accepted_types() {
  return fmt::format("{}, {}, {}, {}", kOciIndexType, kOciManifestType, kDockerListType, kDockerManifestType);
}

tl::unexpected<Error> refuse(const ImageReference& image, const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).on(image.name()).because(why));
}

std::string media_type_of(const net::Headers& headers) {
  const std::string* type = headers.find("Content-Type");
  if (type == nullptr) return {};
  std::string out = type->substr(0, type->find(';'));
  out.erase(out.find_last_not_of(" \t") + 1);
  return out;
}

tl::unexpected<Error> mismatch(const ImageReference& image, std::string_view asked, const Digest& got) {
  return refuse(image, reason::kDigestMismatch,
                fmt::format("the registry sent {} for {}", got.text(), escape(asked, 100)));
}

}  // namespace

RegistryClient::RegistryClient(net::HttpTransport& transport, const Clock& clock, RegistryOptions options)
    : session_(transport, clock, std::move(options)) {}

Result<Digest> RegistryClient::resolve_tag(const ImageReference& image, const Call& call) {
  const auto head = session_.send({.image = image,
                                   .method = "HEAD",
                                   .path = "manifests/" + image.tag,
                                   .accept = accepted_types(),
                                   .max_bytes = kMaxManifestBytes},
                                  call);
  if (!head && head.error().reason != reason::kRegistryProtocol) return fail(head.error());
  if (head) {
    const std::string* text = head->headers.find("Docker-Content-Digest");
    if (text != nullptr) {
      if (auto digest = Digest::parse(*text)) return digest;
    }
  }
  auto manifest = get_manifest(image, image.tag, call);
  if (!manifest) return fail(std::move(manifest).error());
  return std::move(manifest->digest);
}

Result<RawManifest> RegistryClient::get_manifest(const ImageReference& image, const Digest& digest,
                                                 const Call& call) {
  auto manifest = fetch_manifest(image, "manifests/" + digest.text(), call);
  if (manifest && manifest->digest != digest) return mismatch(image, digest.text(), manifest->digest);
  return manifest;
}

Result<RawManifest> RegistryClient::get_manifest(const ImageReference& image, const std::string& tag,
                                                 const Call& call) {
  return fetch_manifest(image, "manifests/" + tag, call);
}

Result<RawManifest> RegistryClient::fetch_manifest(const ImageReference& image, const std::string& path,
                                                   const Call& call) {
  auto response = session_.send(
      {.image = image, .path = path, .accept = accepted_types(), .max_bytes = kMaxManifestBytes}, call);
  if (!response) return fail(std::move(response).error());
  RawManifest manifest{media_type_of(response->headers), Digest::of(response->body), {}};
  const std::string* claimed = response->headers.find("Docker-Content-Digest");
  if (claimed != nullptr && *claimed != manifest.digest.text())
    return mismatch(image, *claimed, manifest.digest);
  if (!is_manifest_type(manifest.media_type)) {
    return refuse(image, reason::kMediaTypeMismatch,
                  fmt::format("the registry sent \"{}\" for a manifest", escape(manifest.media_type, 100)));
  }
  manifest.bytes = std::move(response->body);
  return manifest;
}

Result<std::string> RegistryClient::get_blob(const ImageReference& image, const Digest& digest,
                                             std::size_t size, const Call& call) {
  auto response = session_.send(
      {.image = image, .path = "blobs/" + digest.text(), .max_bytes = size, .follow_redirects = true}, call);
  if (!response) return fail(std::move(response).error());
  if (const Digest got = Digest::of(response->body); got != digest)
    return mismatch(image, digest.text(), got);
  if (response->body.size() != size) {
    return refuse(
        image, reason::kDigestMismatch,
        fmt::format("blob {} has {} bytes instead of {}", digest.text(), response->body.size(), size));
  }
  return std::move(response->body);
}

Result<RawManifest> RegistryClient::get_referrers(const ImageReference& image, const Digest& subject,
                                                  const Call& call) {
  auto response = session_.send({.image = image,
                                 .path = "referrers/" + subject.text(),
                                 .accept = kOciIndexType,
                                 .max_bytes = kMaxManifestBytes},
                                call);
  if (response && media_type_of(response->headers) == kOciIndexType) {
    return RawManifest{kOciIndexType, Digest::of(response->body), std::move(response->body)};
  }
  // Registries without the API answer 404, and some 400, 405, 406 or a page of their own.
  const bool no_api = response || response.error().code == ErrorCode::kNotFound ||
                      response.error().reason == reason::kRegistryProtocol;
  if (!no_api) return fail(std::move(response).error());
  return get_manifest(image, fmt::format("sha256-{}", subject.hex()), call);
}

}  // namespace kintsugi::trust
