// SPDX-License-Identifier: Apache-2.0
#include "host/images/golden_store.h"

#include <fmt/format.h>

#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/regular_file.h"
#include "host/images/web_download.h"
#include "trust/artifact/disk_artifact.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/refusal.h"
#include "trust/disk/checksums.h"
#include "trust/policy/blob_evaluation.h"
#include "trust/policy/demanded_policy.h"
#include "trust/policy/listed_file.h"

namespace kintsugi::host {
namespace {

namespace reason = trust::reason;

constexpr std::string_view kArtifactScheme = "oci://";
constexpr std::size_t kMaxShown = 512;

Error bad_source(const Error& error) {
  return make_error(ErrorCode::kInvalidInput, error.message)
      .advise(error.advice)
      .because(reason::kImageReferenceInvalid);
}

/// What a verdict refuses, as an error.
Error refusal_of(const trust::Verdict& verdict) {
  Error error = make_error(verdict.retryable ? ErrorCode::kUnavailable : ErrorCode::kRefused,
                           verdict.policy.empty()
                               ? verdict.message
                               : fmt::format("policy {}: {}", escape(verdict.policy, 253), verdict.message));
  error.retry_after = verdict.retry_after;
  return std::move(error).on(verdict.image).because(verdict.reason);
}

/// A file's trouble, in the words for sources.
Error source_trouble(const Error& error) {
  const char* why = error.code == ErrorCode::kNotFound ? reason::kSourceNotFound
                    : error.retryable                  ? reason::kSourceUnavailable
                                                       : reason::kSourceInvalid;
  return Error(error).because(why);
}

/// What is small enough to be held in memory.
class TextSink final : public ImageSink {
 public:
  TextSink(std::uint64_t most, const char* what) : most_(most), what_(what) {}
  Result<void> expect(std::uint64_t bytes) override { return check(bytes); }
  Result<void> write(std::string_view piece) override {
    text.append(piece);
    return check(text.size());
  }

  std::string text;

 private:
  Result<void> check(std::uint64_t bytes) const {
    if (bytes <= most_) return {};
    return fail(
        make_error(ErrorCode::kTooLarge, fmt::format("too large for {}", what_)).because(reason::kTooLarge));
  }

  const std::uint64_t most_;
  const char* const what_;
};

/// What is read to be known by its SHA-256, and not kept.
class HashSink final : public ImageSink {
 public:
  /// References must outlive the sink.
  HashSink(const Clock& clock, const trust::Call& call) : clock_(clock), call_(call) {}
  Result<void> expect(std::uint64_t) override { return {}; }
  Result<void> write(std::string_view piece) override {
    if (call_.stop.stop_requested()) {
      return fail(make_error(ErrorCode::kCancelled, "a stop was requested").because(reason::kCancelled));
    }
    if (clock_.monotonic() >= call_.deadline) {
      return fail(make_error(ErrorCode::kTimeout, "the deadline passed while its content was hashed")
                      .because(reason::kSourceUnavailable));
    }
    hasher_.update(piece);
    return {};
  }

  /// Call once.
  Result<trust::Digest> digest() { return trust::Digest::parse("sha256:" + hex_encode(hasher_.finish())); }

 private:
  const Clock& clock_;
  const trust::Call& call_;
  trust::Hasher hasher_{trust::HashAlgorithm::kSha256};
};

GoldenImage golden(const trust::Verdict& verdict, const std::string& location, const trust::Digest& digest,
                   const ImageDirectory::Stored& stored) {
  GoldenImage image;
  image.trusted.container = "root";
  image.trusted.image = escape(location, 1024);
  image.trusted.digest = digest.text();
  for (const trust::Digest& one : verdict.equivalents) {
    if (one != digest) image.trusted.equivalents.push_back(one.text());
  }
  image.trusted.policy = verdict.policy;
  image.trusted.key_id = verdict.proofs.empty() ? "" : verdict.proofs.front().signer();
  image.trusted.origin = "Golden";
  image.path = stored.path;
  image.format = to_string(stored.disk.format);
  image.virtual_size = stored.disk.virtual_size;
  return image;
}

Result<void> check_demanded(const std::string& policy, std::span<const trust::TrustPolicy> all,
                            const std::function<bool(const trust::TrustPolicySpec&)>& selects) {
  if (policy.empty()) return {};
  const auto lack = trust::lack_of(policy, all, selects);
  if (!lack) return {};
  return trust::refuse(reason::kNoMatchingPolicy, fmt::format("policy {}: {}", escape(policy, 253), *lack));
}

}  // namespace

Result<GoldenImage> GoldenStore::provide(const GoldenSource& source, const std::string& policy,
                                         MonotonicTime deadline, std::stop_token stop) {
  const trust::Call call{deadline, std::move(stop)};
  const auto policies = world_.policies();
  auto image = source.location.starts_with(kArtifactScheme)
                   ? provide_artifact(source, policy, *policies, call)
                   : provide_file(source, policy, *policies, call);
  if (!image && image.error().object.empty())
    image.error().on("golden image " + trust::shown_location(source.location));
  return image;
}

Result<GoldenImage> GoldenStore::provide_artifact(const GoldenSource& source, const std::string& policy,
                                                  const TrustPolicies& policies, const trust::Call& call) {
  const auto name = trust::ImageReference::parse(source.location.substr(kArtifactScheme.size()));
  if (!name) {
    return fail(bad_source(make_error(ErrorCode::kInvalidInput, "what follows \"oci://\" names no artifact")
                               .advise("write oci://registry.example.com/repository:tag")));
  }
  if (!source.bundle.empty() || !source.checksums.empty()) {
    return fail(bad_source(make_error(ErrorCode::kInvalidInput, "an artifact's signatures lie beside it")
                               .advise("leave bundle and checksums away")));
  }
  const auto selects = [&](const trust::TrustPolicySpec& spec) { return spec.selects(*name); };
  if (auto demanded = check_demanded(policy, policies, selects); !demanded)
    return fail(std::move(demanded).error());
  const trust::Verdict verdict = world_.verifier.verify(*name, policies, call);
  if (!verdict.accepted) return fail(refusal_of(verdict));
  const auto layer = find_disk_layer(world_.registry, *name, *verdict.digest, call);
  if (!layer) return fail(layer.error());
  const auto selecting = trust::find_policies(policies, selects);
  if (!selecting) return fail(selecting.error());
  if (const auto refusal = refuse_revoked(verdict, *selecting, layer->digest))
    return fail(refusal_of(*refusal));
  const auto stored = world_.directory.provide(
      layer->digest,
      [&](ImageSink& sink) -> Result<void> {
        if (auto expected = sink.expect(std::uint64_t(layer->size)); !expected) return expected;
        return world_.registry.download_blob(
            *name, *layer, [&](std::string_view piece) { return sink.write(piece); }, call);
      },
      call);
  if (!stored) return fail(stored.error());
  return golden(verdict, source.location, layer->digest, *stored);
}

Result<GoldenImage> GoldenStore::provide_file(const GoldenSource& source, const std::string& policy,
                                              const TrustPolicies& policies, const trust::Call& call) {
  const auto location = locate(source.location);
  if (!location) return fail(location.error());
  const auto selects = [&](const trust::TrustPolicySpec& spec) { return spec.selects(*location); };
  if (auto demanded = check_demanded(policy, policies, selects); !demanded)
    return fail(std::move(demanded).error());
  // Nobody is asked for anything about a file that no policy selects.
  if (auto selecting = trust::find_policies(policies, selects); !selecting)
    return fail(std::move(selecting).error());
  return source.checksums.empty() ? provide_signed(source, *location, policies, call)
                                  : provide_listed(source, *location, policies, call);
}

Result<GoldenImage> GoldenStore::provide_signed(const GoldenSource& source,
                                                const trust::FileLocation& location,
                                                const TrustPolicies& policies, const trust::Call& call) {
  const auto signatures = read_signatures(source, location, call);
  if (!signatures && signatures.error().reason == reason::kImageReferenceInvalid)
    return fail(signatures.error());
  const auto digest = digest_of(location, policies, signatures, call);
  if (!digest) return fail(digest.error());
  const trust::Artifact artifact{*digest};
  trust::BlobInQuestion blob{location, artifact, {}};
  if (signatures) {
    blob.signatures = *signatures;
  } else {
    blob.trouble = signatures.error();
  }
  const trust::Verdict verdict = judge_blob(blob, policies, world_.clock.now());
  if (!verdict.accepted) return fail(refusal_of(verdict));
  return keep(verdict, source, location, *digest, call);
}

Result<GoldenImage> GoldenStore::provide_listed(const GoldenSource& source,
                                                const trust::FileLocation& location,
                                                const TrustPolicies& policies, const trust::Call& call) {
  const auto list_location = locate(source.checksums);
  if (!list_location) return fail(list_location.error());
  const auto signatures = read_signatures(source, *list_location, call);
  if (!signatures) return fail(signatures.error());
  TextSink list(trust::kMaxChecksumsBytes, "a list of checksums");
  if (auto brought = bring(*list_location, list, call); !brought)
    return fail(std::move(brought).error().on(escape(list_location->text(), kMaxShown)));
  const auto file = judge_listed_file({list.text, *signatures}, location, policies, world_.clock.now());
  if (!file) return fail(Error(file.error()).on(escape(list_location->text(), kMaxShown)));
  if (!file->verdict.accepted) return fail(refusal_of(file->verdict));
  return keep(file->verdict, source, location, *file->digest, call);
}

Result<GoldenImage> GoldenStore::keep(const trust::Verdict& verdict, const GoldenSource& source,
                                      const trust::FileLocation& location, const trust::Digest& digest,
                                      const trust::Call& call) {
  const auto stored =
      world_.directory.provide(digest, [&](ImageSink& sink) { return bring(location, sink, call); }, call);
  if (!stored) return fail(stored.error());
  return golden(verdict, source.location, digest, *stored);
}

Result<trust::FileLocation> GoldenStore::locate(const std::string& text) const {
  auto location = trust::FileLocation::parse(text);
  if (!location) return fail(bad_source(location.error()));
  if (location->is_path()) return location;
  const auto url = net::parse_url(location->text());
  if (!url) return fail(bad_source(url.error()));
  if (url->tls || world_.permits_http(*url)) return location;
  return trust::refuse(reason::kPlainHttpRefused, "plain HTTP, and not to a loopback address");
}

Result<void> GoldenStore::bring(const trust::FileLocation& location, ImageSink& sink,
                                const trust::Call& call) {
  if (!location.is_path()) return download(world_.transport, location.text(), sink, world_.clock, call);
  const auto file = RegularFile::open(location.path());
  if (!file) return fail(source_trouble(file.error()));
  if (auto expected = sink.expect(file->size()); !expected) return expected;
  std::optional<Error> not_taken;
  const auto read = file->read([&](std::string_view piece) {
    auto taken = sink.write(piece);
    if (!taken) not_taken = taken.error();
    return taken;
  });
  if (not_taken) return fail(*std::move(not_taken));
  return read ? Result<void>() : fail(source_trouble(read.error()));
}

Result<trust::Digest> GoldenStore::digest_of(const trust::FileLocation& location,
                                             const TrustPolicies& policies,
                                             const Result<Signatures>& signatures, const trust::Call& call) {
  if (!signatures) {
    if (auto pinned = pinned_digest(policies, location)) return *std::move(pinned);
    return fail(signatures.error());
  }
  auto digest = digest_in_question(policies, location, *signatures);
  if (!digest) return fail(std::move(digest).error());
  if (*digest) return **std::move(digest);
  HashSink content(world_.clock, call);
  if (auto brought = bring(location, content, call); !brought) return fail(std::move(brought).error());
  return content.digest();
}

Result<GoldenStore::Signatures> GoldenStore::read_signatures(const GoldenSource& source,
                                                             const trust::FileLocation& of_what,
                                                             const trust::Call& call) {
  const auto kind = source.checksums.empty() ? trust::SignedKind::kContent : trust::SignedKind::kList;
  const std::vector<std::string> places = source.bundle.empty() ? trust::signature_names(of_what.text(), kind)
                                                                : std::vector<std::string>{source.bundle};
  for (const std::string& place : places) {
    // The first that is there counts: what is wrong with it is no reason to try another.
    auto signatures = read_signature_file(place, call);
    if (signatures || signatures.error().reason != reason::kSourceNotFound) return signatures;
  }
  return fail(trust::refuse(reason::kNoSignature, "there is no file with its signature")
                  .value()
                  .on(escape(places.front(), kMaxShown))
                  .advise("sign it: cosign sign-blob --bundle"));
}

Result<GoldenStore::Signatures> GoldenStore::read_signature_file(const std::string& place,
                                                                 const trust::Call& call) {
  const auto location = locate(place);
  if (!location) return fail(location.error());
  const trust::SignatureForm form = trust::form_of(location->text());
  TextSink sink(trust::max_bytes_of(form), "a signature");
  if (auto brought = bring(*location, sink, call); !brought) return fail(std::move(brought).error());
  auto signatures = trust::parse_file_signatures(sink.text, form);
  if (!signatures) return fail(std::move(signatures).error().on(escape(location->text(), kMaxShown)));
  return signatures;
}

Result<FileIdentity> GoldenStore::check(const GoldenImage& image, std::stop_token stop) {
  const auto digest = trust::Digest::parse(image.trusted.digest);
  if (!digest) return fail(digest.error());
  if (image.path != world_.directory.path_of(*digest, image.format)) {
    return fail(trust::refuse(reason::kDigestMismatch, "the image is not where images of its digest are kept")
                    .value()
                    .on(escape(image.path, kMaxShown)));
  }
  return world_.directory.check(*digest, image.format, stop);
}

}  // namespace kintsugi::host
