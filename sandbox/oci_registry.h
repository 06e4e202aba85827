// SPDX-License-Identifier: Apache-2.0
//
// An OCI registry in memory (distribution-spec, pull only), with signatures in cosign's legacy ".sig" layout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/testing/signing_key.h"
#include "net/http_server.h"

namespace kintsugi::sandbox {

/// The digests ("sha256:…") of an image for linux/amd64 and linux/arm64. A node runs the amd64 one.
struct PushedImage {
  std::string index;
  std::string manifest;  ///< of linux/amd64
  std::string config;    ///< of linux/amd64
};

/// Thread-safe but for start() and stop().
class OciRegistry {
 public:
  enum class Failure : std::uint8_t { kNone, kHang, kServerError, kWrongDigest };
  /// What the runtime reports as `imageID`.
  enum class ImageId : std::uint8_t { kIndex, kPlatformManifest, kConfig };

  OciRegistry() = default;
  ~OciRegistry() { stop(); }
  OciRegistry(const OciRegistry&) = delete;
  OciRegistry& operator=(const OciRegistry&) = delete;

  /// Serves plain HTTP, on any free port where `port` is 0. Errors: those of net::start_http_server.
  Result<void> start(const std::string& address, std::uint16_t port, Logger& log);
  /// "127.0.0.1:41235", the first part of image references; empty before start().
  const std::string& host() const { return host_; }
  /// Idempotent.
  void stop();

  /// Builds a two-platform image with `content` in its only layer and lets `tag` point to its index.
  PushedImage push_image(const std::string& repository, const std::string& tag, const std::string& content);
  /// Adds a signature over `digest` to its ".sig" tag. `claimed` is the digest that the payload names, when
  /// it is to lie.
  void sign(const std::string& repository, const std::string& digest, const SigningKey& key,
            const std::string& claimed = {});
  /// Changes the payload of every signature over `digest`, after it was signed.
  void alter_payloads(const std::string& repository, const std::string& digest);
  /// From now on the repository fails like this.
  void set_failure(const std::string& repository, Failure failure);
  void set_image_id(ImageId form);

  /// What a node's runtime does: the `imageID` that it reports for `image`. References to other registries
  /// are taken as they are. Errors: the image is not there, or its repository fails.
  Result<std::string> pull(const std::string& image) const;

 private:
  struct Blob {
    std::string media_type;
    std::string bytes;
  };
  struct Repository {
    std::map<std::string, Blob> blobs;        ///< by digest; manifests too
    std::map<std::string, std::string> tags;  ///< to digests
    Failure failure = Failure::kNone;

    std::string put(std::string media_type, std::string bytes);
  };

  void answer(const net::ServerRequest& request, std::unique_ptr<net::Responder> responder);

  mutable std::mutex mutex_;
  std::string host_;
  ImageId image_id_ = ImageId::kIndex;
  std::map<std::string, Repository> repositories_;
  std::vector<std::unique_ptr<net::Responder>> hung_;  ///< never answered
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace kintsugi::sandbox
