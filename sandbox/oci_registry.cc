// SPDX-License-Identifier: Apache-2.0
#include "sandbox/oci_registry.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";
constexpr const char* kPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";

std::string digest_of(std::string_view bytes) {
  return "sha256:" + sha256_hex(bytes);
}

std::string signature_tag(const std::string& digest) {
  return "sha256-" + digest.substr(digest.find(':') + 1) + ".sig";
}

json descriptor(const std::string& media_type, const std::string& digest, std::size_t size) {
  return {{"mediaType", media_type}, {"digest", digest}, {"size", size}};
}

net::HttpResponse registry_error(int status, const std::string& code) {
  net::HttpResponse response{
      status, {}, json{{"errors", json::array({{{"code", code}, {"message", code}}})}}.dump()};
  response.headers.add("Content-Type", "application/json");
  return response;
}

/// "repository", and what is asked of it.
struct Request {
  std::string repository;
  bool manifest = false;
  std::string reference;  ///< tag or digest
};

bool parse(const std::string& path, Request& request) {
  if (!path.starts_with("/v2/")) return false;
  for (const std::string marker : {"/manifests/", "/blobs/"}) {
    const std::size_t at = path.rfind(marker);
    if (at == std::string::npos || at <= 4) continue;
    request = {path.substr(4, at - 4), marker == "/manifests/", path.substr(at + marker.size())};
    return !request.reference.empty();
  }
  return false;
}

}  // namespace

void OciRegistry::set_host(std::string host) {
  const std::lock_guard lock(mutex_);
  host_ = std::move(host);
}

void OciRegistry::set_image_id(ImageId form) {
  const std::lock_guard lock(mutex_);
  image_id_ = form;
}

std::string OciRegistry::put(Repository& repository, std::string media_type, std::string bytes) {
  std::string digest = digest_of(bytes);
  repository.blobs[digest] = {std::move(media_type), std::move(bytes)};
  return digest;
}

PushedImage OciRegistry::push_image(const std::string& repository, const std::string& tag,
                                    const std::string& content) {
  const std::lock_guard lock(mutex_);
  Repository& target = repositories_[repository];
  const std::string layer = put(target, kLayerType, content);
  PushedImage image;
  json index{{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", json::array()}};
  for (const char* architecture : {"amd64", "arm64"}) {
    const std::string config_text = json{{"os", "linux"},
                                         {"architecture", architecture},
                                         {"config", {{"Entrypoint", {"/bin/web"}}}},
                                         {"rootfs", {{"type", "layers"}, {"diff_ids", {layer}}}}}
                                        .dump();
    const std::string config = put(target, kConfigType, config_text);
    const std::string manifest_text =
        json{{"schemaVersion", 2},
             {"mediaType", kManifestType},
             {"config", descriptor(kConfigType, config, config_text.size())},
             {"layers", json::array({descriptor(kLayerType, layer, content.size())})}}
            .dump();
    const std::string manifest = put(target, kManifestType, manifest_text);
    if (image.manifest.empty()) image = {"", manifest, config};
    index["manifests"].push_back(descriptor(kManifestType, manifest, manifest_text.size()));
    index["manifests"].back()["platform"] = {{"os", "linux"}, {"architecture", architecture}};
  }
  image.index = put(target, kIndexType, index.dump());
  target.tags[tag] = image.index;
  return image;
}

void OciRegistry::sign(const std::string& repository, const std::string& digest, const SigningKey& key,
                       const std::string& claimed) {
  const std::lock_guard lock(mutex_);
  Repository& target = repositories_[repository];
  const std::string payload = json{
      {"critical",
       {{"identity", {{"docker-reference", host_ + "/" + repository}}},
        {"image", {{"docker-manifest-digest", claimed.empty() ? digest : claimed}}},
        {"type", "cosign container image signature"}}},
      {"optional", nullptr}}.dump();
  json layer = descriptor(kPayloadType, put(target, kPayloadType, payload), payload.size());
  layer["annotations"]["dev.cosignproject.cosign/signature"] = base64_encode(key.sign(payload));

  const std::string config = put(target, kConfigType, "{}");
  json manifest{{"schemaVersion", 2},
                {"mediaType", kManifestType},
                {"config", descriptor(kConfigType, config, 2)},
                {"layers", json::array()}};
  const auto existing = target.tags.find(signature_tag(digest));
  if (existing != target.tags.end()) manifest = json::parse(target.blobs[existing->second].bytes);
  manifest["layers"].push_back(std::move(layer));
  target.tags[signature_tag(digest)] = put(target, kManifestType, manifest.dump());
}

void OciRegistry::alter_payloads(const std::string& repository, const std::string& digest) {
  const std::lock_guard lock(mutex_);
  Repository& target = repositories_[repository];
  std::string& signatures = target.tags.at(signature_tag(digest));
  json manifest = json::parse(target.blobs[signatures].bytes);
  for (json& layer : manifest["layers"]) {
    json payload = json::parse(target.blobs[layer["digest"].get<std::string>()].bytes);
    payload["optional"] = {{"altered", true}};
    const std::string text = payload.dump();
    layer.update(descriptor(kPayloadType, put(target, kPayloadType, text), text.size()));
  }
  signatures = put(target, kManifestType, manifest.dump());
}

void OciRegistry::set_failure(const std::string& repository, Failure failure) {
  const std::lock_guard lock(mutex_);
  repositories_[repository].failure = failure;
}

net::HttpResponse OciRegistry::handle(const std::string& method, const std::string& path) const {
  if (method != "GET" && method != "HEAD") return registry_error(405, "UNSUPPORTED");
  if (path == "/v2/" || path == "/v2") return {200, {}, "{}"};
  Request request;
  if (!parse(path, request)) return registry_error(404, "NAME_UNKNOWN");
  const std::lock_guard lock(mutex_);
  const auto repository = repositories_.find(request.repository);
  if (repository == repositories_.end()) return registry_error(404, "NAME_UNKNOWN");
  const Failure failure = repository->second.failure;
  if (failure == Failure::kHang) return {};
  if (failure == Failure::kServerError) return registry_error(500, "UNKNOWN");
  if (failure == Failure::kRedirect) {
    net::HttpResponse redirect{307, {}, ""};
    redirect.headers.add("Location", "http://169.254.169.254" + path);
    return redirect;
  }
  const auto tag = repository->second.tags.find(request.reference);
  const std::string digest = tag != repository->second.tags.end() ? tag->second : request.reference;
  const auto blob = repository->second.blobs.find(digest);
  if (blob == repository->second.blobs.end())
    return registry_error(404, request.manifest ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN");
  net::HttpResponse response{200, {}, blob->second.bytes};
  if (failure == Failure::kWrongDigest) response.body += ' ';
  response.headers.add("Content-Type",
                       request.manifest ? blob->second.media_type : "application/octet-stream");
  response.headers.add("Docker-Content-Digest", digest);
  return response;
}

Result<std::string> OciRegistry::pull(const std::string& image) const {
  const std::lock_guard lock(mutex_);
  if (host_.empty() || !image.starts_with(host_ + "/")) return image;
  const std::size_t at = image.find('@');
  const std::size_t colon = image.find(':', image.rfind('/', at));
  const std::string name = image.substr(0, std::min(at, colon));
  const auto repository = repositories_.find(name.substr(host_.size() + 1));
  const Error missing = make_error(ErrorCode::kNotFound, image + ": not found");
  if (repository == repositories_.end()) return fail(missing);
  if (repository->second.failure != Failure::kNone)
    return fail(ErrorCode::kUnavailable, image + ": failed to pull");
  std::string digest = at == std::string::npos ? "" : image.substr(at + 1);
  if (digest.empty()) {
    const auto tag =
        repository->second.tags.find(colon == std::string::npos ? "latest" : image.substr(colon + 1));
    if (tag == repository->second.tags.end()) return fail(missing);
    digest = tag->second;
  }
  const auto& blobs = repository->second.blobs;
  const auto descend = [&](const char* media_type, const char* member) {
    const auto blob = blobs.find(digest);
    if (blob != blobs.end() && blob->second.media_type == media_type)
      digest = json::parse(blob->second.bytes).at(json::json_pointer(member)).get<std::string>();
  };
  if (image_id_ != ImageId::kIndex) descend(kIndexType, "/manifests/0/digest");
  if (image_id_ == ImageId::kConfig) descend(kManifestType, "/config/digest");
  if (!blobs.contains(digest)) return fail(missing);
  return image_id_ == ImageId::kConfig ? digest : name + "@" + digest;
}

}  // namespace kintsugi::sandbox
