// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_index.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>

#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

RawManifest raw(const std::string& bytes, const std::string& type = kOciManifestType) {
  return {type, Digest::of(bytes), bytes};
}

std::string descriptor(const Digest& digest, const std::string& type, const std::string& more = "",
                       std::size_t size = 7) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", type, digest.text(), size, more);
}

std::string manifest(const std::string& config) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[]}})", kOciManifestType,
                     descriptor(Digest::of(config), "application/vnd.oci.image.config.v1+json"));
}

std::string index(const std::vector<std::string>& entries) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", kOciIndexType,
                     fmt::join(entries, ","));
}

/// What a registry would hold, by digest.
struct Store {
  std::map<Digest, RawManifest> manifests;
  mutable int fetches = 0;

  Digest put(const std::string& bytes, const std::string& type = kOciManifestType) {
    const Digest digest = Digest::of(bytes);
    manifests.insert_or_assign(digest, raw(bytes, type));
    return digest;
  }
  /// A true descriptor.
  std::string entry(const Digest& digest, const std::string& more = "") const {
    const RawManifest& stored = manifests.at(digest);
    return descriptor(digest, stored.media_type, more, stored.bytes.size());
  }
  Result<RawManifest> find(const Digest& digest) const {
    ++fetches;
    const auto found = manifests.find(digest);
    if (found == manifests.end()) return fail(ErrorCode::kNotFound, "no such manifest");
    return found->second;
  }
  ManifestFetcher fetcher() const {
    return [this](const std::vector<Digest>& digests) {
      std::vector<Result<RawManifest>> answers;
      for (const Digest& digest : digests) answers.push_back(find(digest));
      return answers;
    };
  }
};

}  // namespace

TEST_CASE("a manifest and an index are read") {
  const auto image = parse_image_document(raw(manifest("config")));
  REQUIRE(image);
  CHECK_FALSE(image->is_index);
  CHECK(image->config.front().digest == Digest::of("config"));
  const auto list = parse_image_document(
      raw(index({descriptor(
              Digest::of("m"), kOciManifestType,
              R"(,"annotations":{"a":"b"},"platform":{"os":"linux","architecture":"amd64"},"new":1)")}),
          kOciIndexType));
  REQUIRE(list);
  CHECK(list->is_index);
  CHECK(list->manifests.front().os == "linux");
  CHECK(*find_annotation(list->manifests.front().annotations, "a") == "b");
  CHECK(find_annotation(list->manifests.front().annotations, "c") == nullptr);
}

TEST_CASE("OCI documents may leave mediaType out, Docker's may not") {
  const std::string plain = R"({"schemaVersion":2,"manifests":[]})";
  CHECK(parse_image_document(raw(plain, kOciIndexType)));
  CHECK_FALSE(parse_image_document(raw(plain, kDockerListType)));
}

TEST_CASE("a document that is not strictly a manifest is refused") {
  const std::string good = manifest("config");
  const std::string digest = Digest::of("config").text();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  struct Case {
    std::string name, bytes;
    const char* why;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"empty", "", reason::kManifestMalformed},
      {"truncated", good.substr(0, 50), reason::kManifestMalformed},
      {"array", "[]", reason::kManifestMalformed},
      {"no schemaVersion", with(R"("schemaVersion":2,)", ""), reason::kManifestMalformed},
      {"schema 1", with(R"("schemaVersion":2)", R"("schemaVersion":1)"), reason::kManifestMalformed},
      {"schemaVersion as text", with(R"("schemaVersion":2)", R"("schemaVersion":"2")"),
       reason::kManifestMalformed},
      {"says it is an index", with(kOciManifestType, kOciIndexType), reason::kMediaTypeMismatch},
      {"says it is Docker's", with(kOciManifestType, kDockerManifestType), reason::kMediaTypeMismatch},
      {"mediaType of another kind", with(std::string("\"") + kOciManifestType + "\"", "1"),
       reason::kManifestMalformed},
      {"manifest and index at once", with(R"("layers":[])", R"("layers":[],"manifests":[])"),
       reason::kManifestMalformed},
      {"schema 1 layers", with(R"("layers":[])", R"("layers":[],"fsLayers":[])"), reason::kManifestMalformed},
      {"no layers", with(R"(,"layers":[])", ""), reason::kManifestMalformed},
      {"layers no array", with(R"("layers":[])", R"("layers":{})"), reason::kManifestMalformed},
      {"no config", with(R"("config":)", R"("configs":)"), reason::kManifestMalformed},
      {"repeated config", with(R"("layers")", R"("config":{},"layers")"), reason::kManifestMalformed},
      {"config no object", with(R"("layers":[])", R"("layers":[1])"), reason::kManifestMalformed},
      {"digest in capitals", with(digest, "SHA256:" + digest.substr(7)), reason::kManifestMalformed},
      {"digest cut", with(digest, digest.substr(0, 70)), reason::kManifestMalformed},
      {"sha512", with("sha256:", "sha512:"), reason::kManifestMalformed},
      {"negative size", with(R"("size":7)", R"("size":-7)"), reason::kManifestMalformed},
      {"size as text", with(R"("size":7)", R"("size":"7")"), reason::kManifestMalformed},
      {"fractional size", with(R"("size":7)", R"("size":7.5)"), reason::kManifestMalformed},
      {"no size", with(R"(,"size":7)", ""), reason::kManifestMalformed},
      {"annotation no string", with(R"("size":7)", R"("size":7,"annotations":{"a":1})"),
       reason::kManifestMalformed},
      {"annotations a list", with(R"("size":7)", R"("size":7,"annotations":[])"), reason::kManifestMalformed},
      {"platform a string", with(R"("size":7)", R"("size":7,"platform":"linux")"),
       reason::kManifestMalformed},
      {"too deep", with(R"("layers":[])", R"("layers":)" + std::string(50, '[') + std::string(50, ']')),
       reason::kTooLarge},
      {"over 4 MiB", good + std::string(5 << 20, ' '), reason::kTooLarge},
  }));
  INFO(c.name);
  const auto document = parse_image_document(raw(c.bytes));
  REQUIRE_FALSE(document);
  CHECK(document.error().reason == c.why);
}

TEST_CASE("an index with more than 1,024 entries is refused") {
  std::vector<std::string> entries(1025, descriptor(Digest::of("m"), kOciManifestType));
  CHECK(parse_image_document(raw(index(entries), kOciIndexType)).error().reason == reason::kTooLarge);
}

TEST_CASE("equivalent digests of an index are itself, its platforms and their configs") {
  Store store;
  const Digest amd64 = store.put(manifest("amd64"));
  const Digest arm64 = store.put(manifest("arm64"));
  const Digest attestation = store.put(manifest("attestation"));
  const std::string root =
      index({store.entry(amd64), store.entry(arm64),
             store.entry(attestation, R"(,"platform":{"os":"unknown","architecture":"unknown"})")});
  const auto digests = equivalent_digests(raw(root, kOciIndexType), store.fetcher());
  REQUIRE(digests);
  CHECK(*digests ==
        std::set<Digest>{Digest::of(root), amd64, arm64, Digest::of("amd64"), Digest::of("arm64")});
}

TEST_CASE("equivalent digests of a manifest are itself and its config") {
  const auto digests = equivalent_digests(raw(manifest("c")), Store().fetcher());
  CHECK(digests.value() == std::set<Digest>{Digest::of(manifest("c")), Digest::of("c")});
}

TEST_CASE("a platform that a sparse mirror lacks counts by its digest alone") {
  const Digest missing = Digest::of("missing");
  const std::string root = index({descriptor(missing, kOciManifestType)});
  CHECK(equivalent_digests(raw(root, kOciIndexType), Store().fetcher()).value() ==
        std::set<Digest>{Digest::of(root), missing});
}

TEST_CASE("a registry that fails under way leaves no half answer") {
  const ManifestFetcher fetch = [](const std::vector<Digest>&) {
    return std::vector<Result<RawManifest>>{fail(ErrorCode::kUnavailable, "down")};
  };
  const std::string root = index({descriptor(Digest::of("m"), kOciManifestType)});
  CHECK(equivalent_digests(raw(root, kOciIndexType), fetch).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("indexes nest two deep and no further, and not endlessly wide") {
  Store store;
  const Digest leaf = store.put(manifest("c"));
  const std::string inner = index({store.entry(leaf)});
  const std::string middle = index({store.entry(store.put(inner, kOciIndexType))});
  const std::string outer = index({store.entry(store.put(middle, kOciIndexType))});
  CHECK(equivalent_digests(raw(middle, kOciIndexType), store.fetcher()).value().contains(Digest::of("c")));
  CHECK(equivalent_digests(raw(outer, kOciIndexType), store.fetcher()).error().reason == reason::kTooLarge);

  std::vector<std::string> entries;
  for (int i = 0; i < 65; ++i) {
    entries.push_back(store.entry(store.put(manifest(std::to_string(i)))));
  }
  store.fetches = 0;
  CHECK(equivalent_digests(raw(index(entries), kOciIndexType), store.fetcher()).error().reason ==
        reason::kTooLarge);
  CHECK(store.fetches <= 64);
}

TEST_CASE("an index that lists another size than the manifest has is malformed, at any depth") {
  Store store;
  const Digest leaf = store.put(manifest("c"));
  const std::size_t size = manifest("c").size();
  const std::size_t listed = GENERATE_COPY(std::size_t(0), size - 1, size + 1, std::size_t(1) << 40);
  const std::string wrong = index({descriptor(leaf, kOciManifestType, "", listed)});
  const std::string outer = index({store.entry(store.put(wrong, kOciIndexType))});
  CHECK(equivalent_digests(raw(wrong, kOciIndexType), store.fetcher()).error().reason ==
        reason::kManifestMalformed);
  CHECK(equivalent_digests(raw(outer, kOciIndexType), store.fetcher()).error().reason ==
        reason::kManifestMalformed);
}
