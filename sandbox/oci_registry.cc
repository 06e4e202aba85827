// SPDX-License-Identifier: Apache-2.0
#include "sandbox/oci_registry.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";
constexpr const char* kPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";

std::string signature_tag(const std::string& digest) {
  return "sha256-" + digest.substr(digest.find(':') + 1) + ".sig";
}

json descriptor(const std::string& media_type, const std::string& digest, std::size_t size) {
  return {{"mediaType", media_type}, {"digest", digest}, {"size", size}};
}

json make_manifest(json config, json layers) {
  return {{"schemaVersion", 2},
          {"mediaType", kManifestType},
          {"config", std::move(config)},
          {"layers", std::move(layers)}};
}

net::HttpResponse registry_error(int status, const std::string& code) {
  net::HttpResponse response{
      status, {}, json{{"errors", json::array({{{"code", code}, {"message", code}}})}}.dump()};
  response.headers.add("Content-Type", "application/json");
  return response;
}

/// "/v2/REPOSITORY/manifests/REFERENCE", or blobs/DIGEST.
struct Target {
  std::string repository;
  bool manifest = false;
  std::string reference;  ///< tag or digest
};

std::optional<Target> parse(const std::string& path) {
  if (!path.starts_with("/v2/")) return std::nullopt;
  for (const std::string marker : {"/manifests/", "/blobs/"}) {
    const std::size_t at = path.rfind(marker);
    if (at == std::string::npos || at <= 4) continue;
    return Target{path.substr(4, at - 4), marker == "/manifests/", path.substr(at + marker.size())};
  }
  return std::nullopt;
}

}  // namespace

Result<void> OciRegistry::start(const std::string& address, std::uint16_t port, Logger& log) {
  net::ServerOptions options;
  options.address = address;
  options.port = port;
  options.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    answer(request, std::move(responder));
  };
  auto server = net::start_http_server(std::move(options), log);
  if (!server) return fail(std::move(server).error());
  server_ = std::move(*server);
  host_ = address + ":" + std::to_string(server_->port());
  return {};
}

void OciRegistry::stop() {
  {
    const std::lock_guard lock(mutex_);
    hung_.clear();
  }
  if (server_) server_->stop(std::chrono::milliseconds(100));
}

std::string OciRegistry::Repository::put(std::string media_type, std::string bytes) {
  std::string digest = "sha256:" + sha256_hex(bytes);
  blobs[digest] = {std::move(media_type), std::move(bytes)};
  return digest;
}

PushedImage OciRegistry::push_image(const std::string& repository, const std::string& tag,
                                    const std::string& content) {
  const std::lock_guard lock(mutex_);
  Repository& target = repositories_[repository];
  const std::string layer = target.put(kLayerType, content);
  const json layers = json::array({descriptor(kLayerType, layer, content.size())});
  PushedImage image;
  json index{{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", json::array()}};
  for (const char* architecture : {"amd64", "arm64"}) {
    const json platform{{"os", "linux"}, {"architecture", architecture}};
    json config = platform;
    config["config"]["Entrypoint"] = {"/bin/web"};
    config["rootfs"] = {{"type", "layers"}, {"diff_ids", {layer}}};
    const std::string config_text = config.dump();
    const std::string config_digest = target.put(kConfigType, config_text);
    const std::string manifest_text =
        make_manifest(descriptor(kConfigType, config_digest, config_text.size()), layers).dump();
    const std::string manifest = target.put(kManifestType, manifest_text);
    if (image.manifest.empty()) image = {"", manifest, config_digest};
    index["manifests"].push_back(descriptor(kManifestType, manifest, manifest_text.size()));
    index["manifests"].back()["platform"] = platform;
  }
  image.index = target.put(kIndexType, index.dump());
  target.tags[tag] = image.index;
  return image;
}

void OciRegistry::sign(const std::string& repository, const std::string& digest, const SigningKey& key,
                       const std::string& claimed) {
  const std::lock_guard lock(mutex_);
  Repository& target = repositories_[repository];
  const json content{{"critical",
                      {{"identity", {{"docker-reference", host_ + "/" + repository}}},
                       {"image", {{"docker-manifest-digest", claimed.empty() ? digest : claimed}}},
                       {"type", "cosign container image signature"}}},
                     {"optional", nullptr}};
  const std::string payload = content.dump();
  json layer = descriptor(kPayloadType, target.put(kPayloadType, payload), payload.size());
  layer["annotations"]["dev.cosignproject.cosign/signature"] = base64_encode(key.sign(payload));
  const auto existing = target.tags.find(signature_tag(digest));
  json manifest =
      existing != target.tags.end()
          ? json::parse(target.blobs[existing->second].bytes)
          : make_manifest(descriptor(kConfigType, target.put(kConfigType, "{}"), 2), json::array());
  manifest["layers"].push_back(std::move(layer));
  target.tags[signature_tag(digest)] = target.put(kManifestType, manifest.dump());
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
    layer.update(descriptor(kPayloadType, target.put(kPayloadType, text), text.size()));
  }
  signatures = target.put(kManifestType, manifest.dump());
}

void OciRegistry::set_failure(const std::string& repository, Failure failure) {
  const std::lock_guard lock(mutex_);
  repositories_[repository].failure = failure;
}

void OciRegistry::set_image_id(ImageId form) {
  const std::lock_guard lock(mutex_);
  image_id_ = form;
}

void OciRegistry::answer(const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
  if (request.method != "GET" && request.method != "HEAD")
    return responder->respond(registry_error(405, "UNSUPPORTED"));
  if (request.path == "/v2/") return responder->respond({200, {}, "{}"});
  const auto target = parse(request.path);
  const std::lock_guard lock(mutex_);
  const auto found = target ? repositories_.find(target->repository) : repositories_.end();
  if (found == repositories_.end()) return responder->respond(registry_error(404, "NAME_UNKNOWN"));
  const Repository& repository = found->second;
  if (repository.failure == Failure::kHang) return hung_.push_back(std::move(responder));
  if (repository.failure == Failure::kServerError) return responder->respond(registry_error(500, "UNKNOWN"));
  const auto tag = repository.tags.find(target->reference);
  const std::string digest = tag != repository.tags.end() ? tag->second : target->reference;
  const auto blob = repository.blobs.find(digest);
  if (blob == repository.blobs.end())
    return responder->respond(registry_error(404, target->manifest ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN"));
  net::HttpResponse response{200, {}, blob->second.bytes};
  if (repository.failure == Failure::kWrongDigest) response.body += ' ';
  response.headers.add("Content-Type",
                       target->manifest ? blob->second.media_type : "application/octet-stream");
  response.headers.add("Docker-Content-Digest", digest);
  responder->respond(std::move(response));
}

Result<std::string> OciRegistry::pull(const std::string& image) const {
  const std::lock_guard lock(mutex_);
  if (host_.empty() || !image.starts_with(host_ + "/")) return image;
  const std::size_t at = image.find('@');
  const std::size_t colon = image.find(':', image.rfind('/', at));
  const std::string name = image.substr(0, std::min(at, colon));
  const auto missing = fail(ErrorCode::kNotFound, image + ": not found");
  const auto repository = repositories_.find(name.substr(host_.size() + 1));
  if (repository == repositories_.end()) return missing;
  const auto& [blobs, tags, failure] = repository->second;
  if (failure != Failure::kNone) return fail(ErrorCode::kUnavailable, image + ": failed to pull");
  const auto tag = tags.find(colon == std::string::npos ? "latest" : image.substr(colon + 1));
  if (at == std::string::npos && tag == tags.end()) return missing;
  std::string digest = at == std::string::npos ? tag->second : image.substr(at + 1);
  const auto descend = [&](const char* media_type, const char* member) {
    const auto blob = blobs.find(digest);
    if (blob != blobs.end() && blob->second.media_type == media_type)
      digest = json::parse(blob->second.bytes).at(json::json_pointer(member)).get<std::string>();
  };
  if (image_id_ != ImageId::kIndex) descend(kIndexType, "/manifests/0/digest");
  if (image_id_ == ImageId::kConfig) descend(kManifestType, "/config/digest");
  if (!blobs.contains(digest)) return missing;
  return image_id_ == ImageId::kConfig ? digest : name + "@" + digest;
}

}  // namespace kintsugi::sandbox
