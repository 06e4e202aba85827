// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/fake_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "base/document.h"
#include "base/encoding.h"
#include "base/file.h"

namespace kintsugi::trust::testing {
namespace {

std::string index_of(std::span<const std::string> descriptors) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", kOciIndexType,
                     fmt::join(descriptors, ","));
}

}  // namespace

net::HttpResponse response(int status, std::string body,
                           const std::vector<std::pair<std::string, std::string>>& headers) {
  net::HttpResponse out;
  out.status = status;
  out.body = std::move(body);
  for (const auto& [name, value] : headers) out.headers.add(name, value);
  return out;
}

Result<net::HttpResponse> FakeRegistry::send(const net::HttpRequest& request, std::stop_token) {
  {
    const std::lock_guard lock(mutex_);
    requests.push_back(request.method + " " + request.url);
    details.push_back(request);
  }
  if (plain_http_only && request.url.starts_with("https:"))
    return fail(ErrorCode::kUnavailable, "TLS handshake failed");
  if (intercept) {
    if (auto answer = intercept(request)) return *std::move(answer);
  }
  return serve(request);
}

Result<net::HttpResponse> FakeRegistry::stream(const net::HttpRequest&, std::stop_token,
                                               const net::ResponseSink&, const net::BodySink&) {
  return fail(ErrorCode::kUnsupported, "not a registry's way");
}

Result<net::HttpResponse> FakeRegistry::serve(const net::HttpRequest& request) {
  const std::size_t start = request.url.find("/v2/");
  const std::lock_guard lock(mutex_);
  if (start != std::string::npos && referrers_page > 0) {
    if (auto page = serve_referrers(request.url.substr(start + 4))) return *std::move(page);
  }
  const auto found =
      start == std::string::npos ? content_.end() : content_.find(request.url.substr(start + 4));
  if (found == content_.end()) return response(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN"}]})");
  const Stored& stored = found->second;
  if (auto part = serve_range(request, stored.bytes)) return *std::move(part);
  if (stored.bytes.size() > request.max_response_bytes)
    return fail(ErrorCode::kTooLarge, "the body is too long");
  return response(
      200, request.method == "HEAD" ? "" : stored.bytes,
      {{"Content-Type", stored.media_type}, {"Docker-Content-Digest", Digest::of(stored.bytes).text()}});
}

FakeRegistry::Answer FakeRegistry::serve_range(const net::HttpRequest& request,
                                               const std::string& bytes) const {
  const std::string* range = request.headers.find("Range");
  if (range == nullptr || !has_ranges) return std::nullopt;
  const std::size_t dash = range->find('-');
  const std::size_t first = std::stoul(range->substr(std::string("bytes=").size()));
  const std::size_t end = std::min(std::stoul(range->substr(dash + 1)) + 1, bytes.size());
  if (first >= end) return response(416);
  return response(206, bytes.substr(first, end - first),
                  {{"Content-Range", fmt::format("bytes {}-{}/{}", first, end - 1, bytes.size())}});
}

FakeRegistry::Answer FakeRegistry::serve_referrers(const std::string& path) const {
  const std::size_t start = path.find("/referrers/");
  if (start == std::string::npos) return std::nullopt;
  const std::size_t query = path.find("?from=");
  const auto digest = Digest::parse(path.substr(start + 11, query - start - 11));
  if (!digest) return response(400);
  const auto found = referrers_.find(*digest);
  if (found == referrers_.end())
    return response(200, index_of(std::span<const std::string>()), {{"Content-Type", kOciIndexType}});
  const std::vector<std::string>& all = found->second;
  const std::size_t from =
      std::min(all.size(), query == std::string::npos ? 0 : std::stoul(path.substr(query + 6)));
  const std::size_t end = std::min(from + referrers_page, all.size());
  auto page =
      response(200, index_of(std::span(all).subspan(from, end - from)), {{"Content-Type", kOciIndexType}});
  if (end < all.size())
    page.headers.add("Link", fmt::format("</v2/{}?from={}>; rel=\"next\"", path.substr(0, query), end));
  return page;
}

Digest FakeRegistry::put_blob(const std::string& repository, const std::string& bytes) {
  const Digest digest = Digest::of(bytes);
  content_[repository + "/blobs/" + digest.text()] = {"application/octet-stream", bytes};
  return digest;
}

Digest FakeRegistry::put_manifest(const std::string& repository, const std::string& bytes,
                                  const std::string& tag, const std::string& media_type) {
  const Digest digest = Digest::of(bytes);
  content_[repository + "/manifests/" + digest.text()] = {media_type, bytes};
  if (!tag.empty()) content_[repository + "/manifests/" + tag] = {media_type, bytes};
  return digest;
}

Digest FakeRegistry::put_image(const std::string& repository, const std::string& tag,
                               const std::string& content) {
  return put_manifest(
      repository,
      fmt::format(
          R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}})",
          kOciManifestType, Digest::of("config of " + content).text(), Digest::of(content).text(),
          content.size()),
      tag);
}

void FakeRegistry::load(const std::string& repository, const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator("trust/testdata/" + directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = read_file(entry.path().string(), 1u << 20).value();
    const std::string kind = entry.path().parent_path().filename().string();
    if (kind == "blobs") {
      put_blob(repository, bytes);
    } else {
      put_manifest(repository, bytes, kind == "tags" ? entry.path().filename().string() : "",
                   parse_json_document(bytes).value().find("mediaType")->text);
    }
  }
}

void FakeRegistry::put_signatures(const std::string& repository, const Digest& image,
                                  const std::vector<Layer>& layers) {
  std::string list;
  for (const Layer& layer : layers) {
    const Digest digest = put_blob(repository, layer.payload);
    list += fmt::format(
        R"({}{{"mediaType":"{}","size":{},"digest":"{}","annotations":{{"dev.cosignproject.cosign/signature":"{}"}}}})",
        list.empty() ? "" : ",", layer.media_type, layer.payload.size(), digest.text(), layer.signature);
  }
  put_manifest(
      repository,
      fmt::format(
          R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{}"}},"layers":[{}]}})",
          kOciManifestType, Digest::of("{}").text(), list),
      fmt::format("sha256-{}.sig", image.hex()));
}

void FakeRegistry::sign(const std::string& repository, const Digest& image, const SigningKey& key) {
  const std::string payload = cosign_payload(image);
  put_signatures(repository, image, {{payload, base64_encode(key.sign(payload))}});
}

Digest FakeRegistry::put_bundle(const std::string& repository, const Digest& image, const std::string& bundle,
                                const std::string& predicate) {
  const Digest blob = put_blob(repository, bundle);
  const std::string annotations =
      predicate.empty()
          ? ""
          : fmt::format(R"(,"annotations":{{"dev.sigstore.bundle.predicateType":"{}"}})", predicate);
  const Digest referrer = put_manifest(
      repository,
      fmt::format(
          R"({{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{1}","size":2}},"layers":[{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":"{2}","size":{3}}}],"subject":{{"mediaType":"{0}","digest":"{4}","size":9}}{5}}})",
          kOciManifestType, Digest::of("{}").text(), blob.text(), bundle.size(), image.text(), annotations));
  refer(repository, image, referrer);
  return referrer;
}

void FakeRegistry::refer(const std::string& repository, const Digest& image, const Digest& referrer) {
  std::vector<std::string>& list = referrers_[image];
  list.push_back(fmt::format(
      R"({{"mediaType":"{}","digest":"{}","size":9,"artifactType":"application/vnd.oci.empty.v1+json"}})",
      kOciManifestType, referrer.text()));
  if (referrers_page > 0) return;
  put_manifest(repository, index_of(list), fmt::format("sha256-{}", image.hex()), kOciIndexType);
}

WallTime SkippingClock::now() const {
  return WallTime(std::chrono::seconds(1'767'225'600)) + passed();
}

MonotonicTime SkippingClock::monotonic() const {
  return MonotonicTime(std::chrono::hours(1)) + passed();
}

void SkippingClock::wait_until(std::unique_lock<std::mutex>&, std::condition_variable&,
                               MonotonicTime deadline) const {
  if (deadline > monotonic()) advance(deadline - monotonic());
}

}  // namespace kintsugi::trust::testing
