// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/images/golden_images.h"
#include "host/images/image_directory.h"
#include "net/http.h"
#include "net/url.h"
#include "trust/policy/file_signature.h"
#include "trust/policy/verifier.h"

namespace kintsugi::host {

/// What golden images are judged by, brought by, and kept in. Only references: the process owns the parts.
struct GoldenWorld {
  std::function<std::shared_ptr<const std::vector<trust::TrustPolicy>>()> policies;  ///< in force now
  trust::Verifier& verifier;
  trust::RegistryClient& registry;
  net::HttpTransport& transport;                      ///< to web servers
  std::function<bool(const net::Url&)> permits_http;  ///< plain HTTP to this server
  ImageDirectory& directory;
  const Clock& clock;
};

/// Golden images from files, web servers and registries.
///
/// Of a file the signature is read first: the digest that a bundle claims, or that a policy pins, is judged,
/// and only what has that digest is kept. So nothing large is fetched that nobody signed, and it does not
/// matter what becomes of the source meanwhile. A bare signature claims no digest: a file of this host is
/// hashed for it where it is, and one of a web server refused. A signed list of checksums stands for the
/// digests in it. An artifact is
/// judged as an image of a container is, then its one layer is fetched by its digest, which `revoked.digests`
/// of the policies may name as well.
class GoldenStore final : public GoldenImages {
 public:
  explicit GoldenStore(GoldenWorld world) : world_(std::move(world)) {}

  Result<GoldenImage> provide(const GoldenSource& source, const std::string& policy, MonotonicTime deadline,
                              std::stop_token stop) override;
  Result<FileIdentity> check(const GoldenImage& image, std::stop_token stop) override;

 private:
  using TrustPolicies = std::vector<trust::TrustPolicy>;
  using Signatures = std::vector<trust::FileSignature>;

  Result<GoldenImage> provide_artifact(const GoldenSource& source, const std::string& policy,
                                       const TrustPolicies& policies, const trust::Call& call);
  Result<GoldenImage> provide_file(const GoldenSource& source, const std::string& policy,
                                   const TrustPolicies& policies, const trust::Call& call);
  Result<GoldenImage> provide_signed(const GoldenSource& source, const trust::FileLocation& location,
                                     const TrustPolicies& policies, const trust::Call& call);
  Result<GoldenImage> provide_listed(const GoldenSource& source, const trust::FileLocation& location,
                                     const TrustPolicies& policies, const trust::Call& call);
  Result<GoldenImage> keep(const trust::Verdict& verdict, const GoldenSource& source,
                           const trust::FileLocation& location, const trust::Digest& digest,
                           const trust::Call& call);
  Result<trust::FileLocation> locate(const std::string& text) const;
  Result<void> bring(const trust::FileLocation& location, ImageSink& sink, const trust::Call& call);
  /// What is judged before any of the content is kept: digest_in_question(), or that of the content.
  Result<trust::Digest> digest_of(const trust::FileLocation& location, const TrustPolicies& policies,
                                  const Result<Signatures>& signatures, const trust::Call& call);
  /// `source`'s own, or those beside what is signed. Error: NoSignature where there are none.
  Result<Signatures> read_signatures(const GoldenSource& source, const trust::FileLocation& of_what,
                                     const trust::Call& call);
  /// Error, besides those of the file: SourceNotFound.
  Result<Signatures> read_signature_file(const std::string& place, const trust::Call& call);

  const GoldenWorld world_;
};

}  // namespace kintsugi::host
