// SPDX-License-Identifier: Apache-2.0
//
// An OCI registry in memory (distribution-spec, pull only), with signatures in cosign's legacy ".sig" layout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/testing/signing_key.h"
#include "net/http.h"
#include "sandbox/pod_lifecycle.h"

namespace kintsugi::sandbox {

/// The digests ("sha256:…") of an image for linux/amd64 and linux/arm64. A node runs the amd64 one.
struct PushedImage {
  std::string index;
  std::string manifest;  ///< of linux/amd64
  std::string config;    ///< of linux/amd64
};

/// Thread-safe.
class OciRegistry final : public ImageSource {
 public:
  enum class Failure : std::uint8_t { kNone, kHang, kServerError, kWrongDigest, kRedirect };
  /// What the runtime reports as `imageID`.
  enum class ImageId : std::uint8_t { kIndex, kPlatformManifest, kConfig };

  /// The name in image references, "127.0.0.1:5000"; to be set before anything is pulled.
  void set_host(std::string host);
  void set_image_id(ImageId form);

  /// Builds a two-platform image with `content` in its only layer and lets `tag` point to its index.
  PushedImage push_image(const std::string& repository, const std::string& tag, const std::string& content);
  /// Adds a signature over `digest` to its ".sig" tag. `claimed` is the digest that the payload names, when
  /// it is to lie.
  void sign(const std::string& repository, const std::string& digest, const SigningKey& key,
            const std::string& claimed = {});
  /// Changes the payload of every signature over `digest`, after it was signed.
  void alter_payloads(const std::string& repository, const std::string& digest);
  /// From now on the repository fails like this. Hanging is the caller's of handle().
  void set_failure(const std::string& repository, Failure failure);

  /// Answers GET and HEAD below /v2/. A status of 0 means: never answer.
  net::HttpResponse handle(const std::string& method, const std::string& path) const;

  /// References to other registries are taken as they are: their digest, if any, is what runs.
  Result<std::string> pull(const std::string& image) const override;

 private:
  struct Blob {
    std::string media_type;
    std::string bytes;
  };
  struct Repository {
    std::map<std::string, Blob> blobs;        ///< by digest; manifests too
    std::map<std::string, std::string> tags;  ///< to digests
    Failure failure = Failure::kNone;
  };

  static std::string put(Repository& repository, std::string media_type, std::string bytes);

  mutable std::mutex mutex_;
  std::string host_;
  ImageId image_id_ = ImageId::kIndex;
  std::map<std::string, Repository> repositories_;
};

}  // namespace kintsugi::sandbox
