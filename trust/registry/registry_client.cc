// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/concurrently.h"
#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/registry/manifest_answer.h"
#include "trust/registry/referrers.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxRemembered = 1024;

std::string accepted_types() {
  return fmt::format("{}, {}, {}, {}", kOciIndexType, kOciManifestType, kDockerListType, kDockerManifestType);
}

/// What a registry may say of an error, be what was asked for ever so small.
constexpr std::size_t kMaxErrorBytes = 16u << 10;

tl::unexpected<Error> mismatch(const ImageReference& image, std::string message) {
  return fail(
      make_error(ErrorCode::kRefused, std::move(message)).on(image.name()).because(reason::kDigestMismatch));
}

/// Asks a mirror's successor? What was not found there may be elsewhere, and so may what cannot be had now.
bool leads_on(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kUnavailable ||
         error.code == ErrorCode::kTimeout;
}

/// The answer of the first source that has one.
template <class Ask>
auto ask_in_turn(const std::vector<RegistrySource>& sources, const Ask& ask) {
  for (const RegistrySource& source : sources) {
    auto answer = ask(source);
    if (answer || !source.is_mirror || !leads_on(answer.error())) return answer;
  }
  return std::invoke_result_t<Ask, RegistrySource>(fail(ErrorCode::kInternal, "no source"));
}

}  // namespace

RegistryClient::RegistryClient(net::HttpTransport& transport, const Clock& clock, RegistryOptions options)
    : session_(transport, clock, std::move(options)) {}

Result<Digest> RegistryClient::resolve_tag(const ImageReference& image, const Call& call) {
  return ask_in_turn(sources_of(image, session_.options().mirrors),
                     [&](const RegistrySource& source) { return tag_at(source, call); });
}

Result<RawManifest> RegistryClient::get_manifest(const ImageReference& image, const Digest& digest,
                                                 const Call& call) {
  return ask_in_turn(sources_of(image, session_.options().mirrors),
                     [&](const RegistrySource& source) -> Result<RawManifest> {
                       auto manifest = manifest_at(source, digest.text(), call);
                       if (!manifest || manifest->digest == digest) return manifest;
                       return mismatch(source.image, fmt::format("the registry sent {} for {}",
                                                                 manifest->digest.text(), digest.text()));
                     });
}

Result<RawManifest> RegistryClient::get_manifest(const ImageReference& image, const std::string& tag,
                                                 const Call& call) {
  return ask_in_turn(sources_of(image, session_.options().mirrors),
                     [&](const RegistrySource& source) { return manifest_at(source, tag, call); });
}

Result<std::string> RegistryClient::get_blob(const ImageReference& image, const Digest& digest,
                                             std::size_t size, const Call& call) {
  return ask_in_turn(sources_of(image, session_.options().mirrors),
                     [&](const RegistrySource& source) { return blob_at(source, digest, size, call); });
}

Result<void> RegistryClient::download_blob(const ImageReference& image, const Descriptor& blob,
                                           const PieceSink& take, const Call& call) {
  Sha256 hash;
  const auto size = std::uint64_t(blob.size);
  for (std::uint64_t first = 0; first < size;) {
    const ByteRange range{first, std::min<std::uint64_t>(kBlobPartBytes, size - first)};
    const auto part =
        ask_in_turn(sources_of(image, session_.options().mirrors),
                    [&](const RegistrySource& source) { return part_at(source, blob, range, call); });
    if (!part) return fail(part.error());
    hash.update(*part);
    if (auto taken = take(*part); !taken) return taken;
    first += range.size;
  }
  if (const std::string got = "sha256:" + hash.finish_hex(); got != blob.digest.text())
    return mismatch(image, fmt::format("the registry sent {} for {}", got, blob.digest.text()));
  return {};
}

Result<std::vector<Descriptor>> RegistryClient::get_referrers(const ImageReference& image,
                                                              const Digest& subject, const Call& call) {
  auto list = ask_in_turn(sources_of(image, session_.options().mirrors),
                          [&](const RegistrySource& source) -> Result<std::vector<Descriptor>> {
                            auto referrers = referrers_at(source, subject, call);
                            // A mirror that passes content through often does not know what refers to it.
                            if (referrers && referrers->empty())
                              return fail(ErrorCode::kNotFound, "no referrers");
                            return referrers;
                          });
  if (!list && list.error().code == ErrorCode::kNotFound) return std::vector<Descriptor>();
  return list;
}

Result<RegistryAnswer> RegistryClient::ask(const RegistrySource& source, const std::string& method,
                                           const std::string& reference, const Call& call) {
  return session_.send({.source = source,
                        .method = method,
                        .path = "manifests/" + reference,
                        .accept = accepted_types(),
                        .max_bytes = kMaxManifestBytes},
                       call);
}

Result<Digest> RegistryClient::tag_at(const RegistrySource& source, const Call& call) {
  const auto head = ask(source, "HEAD", source.image.tag, call);
  if (!head && head.error().reason != reason::kRegistryProtocol) return fail(head.error());
  if (head) {
    if (auto digest = announced_digest(head->headers)) return std::move(*digest);
  }
  auto manifest = manifest_at(source, source.image.tag, call);
  if (!manifest) return fail(std::move(manifest).error());
  return std::move(manifest->digest);
}

Result<RawManifest> RegistryClient::manifest_at(const RegistrySource& source, const std::string& reference,
                                                const Call& call) {
  auto answer = ask(source, "GET", reference, call);
  if (!answer) return fail(std::move(answer).error());
  return manifest_of(source.image, std::move(*answer));
}

Result<std::string> RegistryClient::blob_at(const RegistrySource& source, const Digest& digest,
                                            std::size_t size, const Call& call) {
  auto answer = session_.send({.source = source,
                               .path = "blobs/" + digest.text(),
                               .max_bytes = std::max(size, kMaxErrorBytes),
                               .follow_redirects = true},
                              call);
  if (!answer) return fail(std::move(answer).error());
  if (answer->body.size() > size) {
    return fail(make_error(ErrorCode::kTooLarge,
                           fmt::format("blob {} has more than its {} bytes", digest.text(), size))
                    .on(source.image.name())
                    .because(reason::kTooLarge));
  }
  if (const Digest got = Digest::of(answer->body); got != digest)
    return mismatch(source.image, fmt::format("the registry sent {} for {}", got.text(), digest.text()));
  if (auto same = check_content_digest(source.image, answer->headers, digest); !same)
    return fail(std::move(same).error());
  if (answer->body.size() != size) {
    return mismatch(source.image, fmt::format("blob {} has {} bytes instead of {}", digest.text(),
                                              answer->body.size(), size));
  }
  return std::move(answer->body);
}

Result<std::string> RegistryClient::part_at(const RegistrySource& source, const Descriptor& blob,
                                            const ByteRange& range, const Call& call) {
  const auto size = std::uint64_t(blob.size);
  auto answer = session_.send({.source = source,
                               .path = "blobs/" + blob.digest.text(),
                               .max_bytes = std::max(std::size_t(range.size), kMaxErrorBytes),
                               .follow_redirects = true,
                               .range = range},
                              call);
  if (!answer) return fail(std::move(answer).error());
  const std::string expected = fmt::format("bytes {}-{}/", range.first, range.last());
  const std::string* said = answer->headers.find("Content-Range");
  const bool is_that_part =
      answer->is_partial
          ? said != nullptr && (*said == expected + std::to_string(size) || *said == expected + "*")
          : range.size == size;
  if (!is_that_part || answer->body.size() != range.size) {
    return fail(make_error(ErrorCode::kRefused,
                           fmt::format("the registry has no bytes {} to {} of {}, or sends others",
                                       range.first, range.last(), blob.digest.text()))
                    .on(source.image.name())
                    .because(reason::kRegistryProtocol));
  }
  return std::move(answer->body);
}

Result<std::vector<Descriptor>> RegistryClient::referrers_at(const RegistrySource& source,
                                                             const Digest& subject, const Call& call) {
  using Listed = Result<std::optional<std::vector<Descriptor>>>;
  using Tagged = Result<std::vector<Descriptor>>;
  std::stop_source enough;
  const std::stop_callback on_stop(call.stop, [&] { enough.request_stop(); });
  const bool is_known = has_referrers_api(source.image.registry);
  Listed listed = std::nullopt;
  Tagged tagged;
  const std::array<std::function<void()>, 2> questions = {
      [&] {
        listed = list_referrers(session_, source, subject, call);
        if (!listed || *listed) enough.request_stop();
      },
      [&] { tagged = referrers_of_tag(source, subject, {call.deadline, enough.get_token()}); }};
  // Where the API is known, the second one is asked only when the first has found that it is gone.
  run_concurrently(questions, is_known ? 1 : 2);
  if (!listed) return fail(std::move(listed).error());
  if (!*listed) return tagged;
  remember_referrers_api(source.image.registry);
  return std::move(**listed);
}

Result<std::vector<Descriptor>> RegistryClient::referrers_of_tag(const RegistrySource& source,
                                                                 const Digest& subject, const Call& call) {
  const auto index = manifest_at(source, fmt::format("sha256-{}", subject.hex()), call);
  if (!index) return fail(index.error());
  auto document = parse_image_document(*index);
  if (!document) return fail(std::move(document).error().on(source.image.name()));
  return std::move(document->manifests);
}

bool RegistryClient::has_referrers_api(const std::string& registry) {
  const std::lock_guard lock(mutex_);
  return referrers_apis_.contains(registry);
}

void RegistryClient::remember_referrers_api(const std::string& registry) {
  const std::lock_guard lock(mutex_);
  if (referrers_apis_.size() >= kMaxRemembered) referrers_apis_.clear();
  referrers_apis_.insert(registry);
}

}  // namespace kintsugi::trust
