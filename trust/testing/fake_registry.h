// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/testing/cosign.h"

namespace kintsugi::trust::testing {

/// A registry without a network: what is put in is served under any host, honestly unless `intercept` says
/// otherwise. Without `referrers_page` it has no referrers API, as most have not.
class FakeRegistry final : public net::HttpTransport {
 public:
  using Answer = std::optional<Result<net::HttpResponse>>;

  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override;
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override;

  Digest put_blob(const std::string& repository, const std::string& bytes);
  Digest put_manifest(const std::string& repository, const std::string& bytes, const std::string& tag = {},
                      const std::string& media_type = kOciManifestType);
  /// A one-platform image with the given tag, different for each `content`.
  Digest put_image(const std::string& repository, const std::string& tag,
                   const std::string& content = "layer");
  /// Everything below trust/testdata/<directory>.
  void load(const std::string& repository, const std::string& directory);

  struct Layer {
    std::string payload;
    std::string signature;  ///< the annotation: base64
    std::string media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
  };
  /// The `.sig` manifest of an image.
  void put_signatures(const std::string& repository, const Digest& image, const std::vector<Layer>& layers);
  /// As `cosign sign --key`.
  void sign(const std::string& repository, const Digest& image, const SigningKey& key);

  /// A manifest with the bundle as its layer that refers to the image, listed under the fallback tag; as
  /// older tools write it, with an artifactType in the list that is wrong. `predicate`: the annotation, if
  /// not empty.
  Digest put_bundle(const std::string& repository, const Digest& image, const std::string& bundle,
                    const std::string& predicate = {});
  /// Lists a manifest as one that refers to an image: under the fallback tag, or by the API where there is
  /// one.
  void refer(const std::string& repository, const Digest& image, const Digest& referrer);

  /// Asked first, by several threads at once where several requests are made at once; what it gives is the
  /// answer.
  std::function<Answer(const net::HttpRequest&)> intercept;
  /// The TLS handshake fails.
  bool plain_http_only = false;
  /// Entries on a page of the referrers API; 0: there is none.
  std::size_t referrers_page = 0;
  /// Blobs are served in parts where that is asked for.
  bool has_ranges = true;
  /// In order, "GET https://…", also those that were intercepted.
  std::vector<std::string> requests;
  std::vector<net::HttpRequest> details;

 private:
  struct Stored {
    std::string media_type, bytes;
  };
  /// A part of a blob; nothing where no part is asked for.
  Answer serve_range(const net::HttpRequest& request, const std::string& bytes) const;
  Result<net::HttpResponse> serve(const net::HttpRequest& request);
  /// A page of the referrers API; nothing where `path`, below /v2/, is not of it.
  Answer serve_referrers(const std::string& path) const;

  std::mutex mutex_;
  std::map<std::string, Stored> content_;                 ///< by path below /v2/
  std::map<Digest, std::vector<std::string>> referrers_;  ///< descriptors, by image
};

net::HttpResponse response(int status, std::string body = {},
                           const std::vector<std::pair<std::string, std::string>>& headers = {});

/// A clock on which waiting takes no time but is counted.
class SkippingClock final : public Clock {
 public:
  WallTime now() const override;
  MonotonicTime monotonic() const override;
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  MonotonicTime deadline) const override;
  void advance(std::chrono::nanoseconds by) const { passed_ += by.count(); }
  std::chrono::nanoseconds passed() const { return std::chrono::nanoseconds(passed_); }

 private:
  mutable std::atomic<std::int64_t> passed_{0};  ///< nanoseconds
};

}  // namespace kintsugi::trust::testing
