// SPDX-License-Identifier: Apache-2.0
#include "host/images/golden_store.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/encoding.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "net/testing/scripted_transport.h"
#include "trust/crypto/reasons.h"
#include "trust/disk/checksums.h"
#include "trust/testing/cosign.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::host;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
namespace reason = trust::reason;
using nlohmann::json;

const std::string kDisk = read_file("trust/testdata/disk/disk.qcow2", 4u << 20).value();
const std::string kUrl = "https://images.example.com/web.qcow2";
const std::string kArtifact = "oci://registry.example.com/vm/golden:1";

/// A signer, everything that images come from, and the store.
class World {
  const ScratchDirectory folder_;

 public:
  World() {
    accept({"file://" + folder_ / "**", "https://images.example.com/**", "http://127.0.0.1/**",
            "registry.example.com/**"});
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& content) const {
    REQUIRE(write_file_durably(path(name), content));
  }
  void write_signed(const std::string& name, const std::string& content) const {
    write(name, content);
    write(name + ".sigstore.json", blob_bundle(key, content));
  }
  void write_bare(const std::string& name, const std::string& content, const SigningKey& by) const {
    write(name, content);
    write(name + ".sig", base64_encode(by.sign(content)) + "\n");
  }
  /// Another policy beside those that are there; `more`: members of its spec.
  void accept(const json& images, const std::string& name = "golden", const json& more = json::object()) {
    json document = {{"apiVersion", "kintsugi.dev/v1alpha1"},
                     {"kind", "TrustPolicy"},
                     {"metadata", {{"name", name}}},
                     {"spec", {{"images", images}, {"authorities", {{{"key", {{"inline", key.pem()}}}}}}}}};
    document["spec"].update(more);
    ProblemList problems("policy");
    auto spec = trust::parse_trust_policy(from_json(document), problems);
    INFO((problems.empty() ? "" : problems.to_error().to_string()));
    REQUIRE(problems.empty());
    policies_.push_back(resolve_references(std::move(spec), nullptr));
  }
  void forget_policies() { policies_.clear(); }
  /// vm/golden:1 with these layers; returns its digest.
  trust::Digest put_artifact(const std::vector<std::string>& layers) {
    json list = json::array();
    for (const std::string& layer : layers) {
      list.push_back({{"mediaType", "application/octet-stream"},
                      {"digest", registry.put_blob("vm/golden", layer).text()},
                      {"size", layer.size()}});
    }
    const json config = {{"mediaType", "application/vnd.oci.empty.v1+json"},
                         {"digest", registry.put_blob("vm/golden", "{}").text()},
                         {"size", 2}};
    const json manifest = {{"schemaVersion", 2},
                           {"mediaType", trust::kOciManifestType},
                           {"artifactType", "application/vnd.example.disk"},
                           {"config", config},
                           {"layers", list}};
    return registry.put_manifest("vm/golden", manifest.dump(), "1");
  }

  Result<GoldenImage> provide(const std::string& location, const std::string& policy = {},
                              const std::string& bundle = {}) {
    return store.provide({location, bundle}, policy, clock.monotonic() + 60s, stop.get_token());
  }
  /// By the signed list SHA256SUMS.
  Result<GoldenImage> provide_listed(const std::string& location, const std::string& bundle = {}) {
    return store.provide({location, bundle, path("SHA256SUMS")}, {}, clock.monotonic() + 60s,
                         stop.get_token());
  }
  std::string reason_for(const std::string& location, const std::string& policy = {},
                         const std::string& bundle = {}) {
    const auto image = provide(location, policy, bundle);
    if (image) return reason::kVerified;
    INFO(image.error().to_string());
    CHECK_FALSE(image.error().object.empty());
    CHECK(fs::is_empty(path("images")));
    return image.error().reason;
  }

  SigningKey key;
  SystemClock clock;
  std::stop_source stop;
  FakeRegistry registry;
  net::ScriptedTransport web;
  const std::unique_ptr<ImageDirectory> directory = open_directory();
  trust::RegistryClient client{registry, clock};
  trust::VerdictCache verdicts{clock};
  trust::Verifier verifier{client, verdicts, clock};

 private:
  std::unique_ptr<ImageDirectory> open_directory() const {
    auto opened = ImageDirectory::open(path("images"), clock);
    REQUIRE(opened);
    return std::move(*opened);
  }

  std::vector<trust::TrustPolicy> policies_;

 public:
  GoldenStore store{{[this] { return std::make_shared<const std::vector<trust::TrustPolicy>>(policies_); },
                     verifier, client, web, [](const net::Url& url) { return url.host == "127.0.0.1"; },
                     *directory, clock}};
};

}  // namespace

TEST_CASE("a signed file is accepted, copied, and said to be what it is") {
  World world;
  world.write_signed("web.qcow2", kDisk);
  const auto image = world.provide(world.path("web.qcow2"));
  INFO((image ? "" : image.error().to_string()));
  REQUIRE(image);
  CHECK(image->trusted.container == "root");
  CHECK(image->trusted.image == world.path("web.qcow2"));
  CHECK(image->trusted.digest == trust::Digest::of(kDisk).text());
  CHECK(image->trusted.equivalents.empty());
  CHECK(image->trusted.policy == "golden");
  CHECK(image->trusted.key_id == public_key_of(world.key).id());
  CHECK(image->trusted.origin == "Golden");
  CHECK(image->format == "qcow2");
  CHECK(image->virtual_size == 1u << 20);
  CHECK(read_file(image->path, 4u << 20).value() == kDisk);
  CHECK(world.store.check(*image, {}));
  CHECK(read_file(world.path("web.qcow2"), 4u << 20).value() == kDisk);
}

TEST_CASE("what is accepted once is not needed at its source again, but its signature is") {
  World world;
  world.write_signed("web.qcow2", kDisk);
  REQUIRE(world.provide(world.path("web.qcow2")));
  fs::remove(world.path("web.qcow2"));
  CHECK(world.provide(world.path("web.qcow2")));
  fs::remove(world.path("web.qcow2.sigstore.json"));
  CHECK(world.provide(world.path("web.qcow2")).error().reason == reason::kNoSignature);
}

TEST_CASE("a check finds what has been altered, or is elsewhere") {
  World world;
  world.write_signed("web.qcow2", kDisk);
  GoldenImage image = world.provide(world.path("web.qcow2")).value();
  SECTION("one byte") {
    fs::remove(image.path);
    REQUIRE(write_file_durably(image.path, kDisk.substr(0, kDisk.size() - 1) + "\1"));
  }
  SECTION("another path") {
    image.path = world.path("web.qcow2");
  }
  SECTION("another digest") {
    image.trusted.digest = trust::Digest::of("x").text();
  }
  SECTION("no digest") {
    image.trusted.digest = "sha256:../../etc";
  }
  SECTION("gone") {
    fs::remove(image.path);
  }
  CHECK_FALSE(world.store.check(image, {}));
}

TEST_CASE("what is not signed, or by another, or altered since, is refused by its reason") {
  World world;
  const SigningKey other;
  std::string altered = kDisk;
  altered.back() = char(altered.back() ^ 1);
  std::string backed = kDisk;
  backed.replace(8, 12, std::string("\0\0\0\0\0\0\1\0\0\0\0\4", 12));  // backing file at 256, 4 bytes
  std::string expected, bundle;
  world.write_signed("web.qcow2", kDisk);
  SECTION("altered") {
    world.write("web.qcow2", altered);
    expected = reason::kDigestMismatch;
  }
  SECTION("cut off") {
    world.write("web.qcow2", kDisk.substr(0, kDisk.size() - 512));
    expected = reason::kDigestMismatch;
  }
  SECTION("longer") {
    world.write("web.qcow2", kDisk + "x");
    expected = reason::kDigestMismatch;
  }
  SECTION("by another") {
    world.write("web.qcow2.sigstore.json", blob_bundle(other, kDisk));
    expected = reason::kKeyMismatch;
  }
  SECTION("a bundle that was changed to claim another digest") {
    std::string text = blob_bundle(world.key, kDisk);
    const std::string other_bundle = blob_bundle(other, altered);
    const auto digest = [](const std::string& one) {
      return json::parse(one)["messageSignature"]["messageDigest"];
    };
    json changed = json::parse(text);
    changed["messageSignature"]["messageDigest"] = digest(other_bundle);
    world.write("web.qcow2", altered);
    world.write("web.qcow2.sigstore.json", changed.dump());
    expected = reason::kKeyMismatch;
  }
  SECTION("an attestation about it") {
    std::string statement = cosign_statement(trust::Digest::of(kDisk));
    const std::string usual = "https://sigstore.dev/cosign/sign/v1";
    statement.replace(statement.find(usual), usual.size(), "https://slsa.dev/provenance/v1");
    world.write("web.qcow2.sigstore.json", keyed_bundle(world.key, statement));
    expected = reason::kPredicateMismatch;
  }
  SECTION("by a key that signs the content itself") {
    world.write("web.qcow2.sigstore.json",
                read_file("trust/testdata/blobs/ed25519.sigstore.json", 1u << 20).value());
    expected = reason::kContentNeeded;
  }
  SECTION("no bundle") {
    fs::remove(world.path("web.qcow2.sigstore.json"));
    expected = reason::kNoSignature;
  }
  SECTION("a bundle that is none") {
    world.write("web.qcow2.sigstore.json", "no bundle");
    expected = reason::kBundleMalformed;
  }
  SECTION("a bundle that is too large") {
    world.write("web.qcow2.sigstore.json", std::string(trust::kMaxBundleBytes + 1, ' '));
    expected = reason::kTooLarge;
  }
  SECTION("a FIFO for a bundle") {
    bundle = world.path("fifo");
    REQUIRE(::mkfifo(bundle.c_str(), 0600) == 0);
    expected = reason::kSourceInvalid;
  }
  SECTION("signed, and standing on another file") {
    world.write_signed("web.qcow2", backed);
    expected = reason::kDiskBackingFile;
  }
  SECTION("signed, and no disk image") {
    world.write_signed("web.qcow2", "hello");
    expected = reason::kDiskMalformed;
  }
  SECTION("revoked") {
    world.accept({"file:///**"}, "revokes", {{"revoked", {{"digests", {trust::Digest::of(kDisk).text()}}}}});
    expected = reason::kDigestRevoked;
  }
  CHECK(world.reason_for(world.path("web.qcow2"), {}, bundle) == expected);
}

TEST_CASE("an image that a signed list names is accepted in place of one that is signed itself") {
  World world;
  world.write("web.qcow2", kDisk);
  const std::string list =
      std::string(64, 'a') + "  db.qcow2\n" + std::string(trust::Digest::of(kDisk).hex()) + " *web.qcow2\n";
  world.write_signed("SHA256SUMS", list);
  SECTION("beside the list") {
    const auto image = world.provide_listed(world.path("web.qcow2"));
    INFO((image ? "" : image.error().to_string()));
    REQUIRE(image);
    CHECK(image->trusted.digest == trust::Digest::of(kDisk).text());
    CHECK(image->trusted.equivalents.empty());
    CHECK(image->trusted.key_id == public_key_of(world.key).id());
    CHECK(read_file(image->path, 4u << 20).value() == kDisk);
  }
  SECTION("elsewhere") {
    fs::rename(world.path("SHA256SUMS.sigstore.json"), world.path("list.json"));
    CHECK_FALSE(world.provide_listed(world.path("web.qcow2")));
    CHECK(world.provide_listed(world.path("web.qcow2"), world.path("list.json")));
  }
}

TEST_CASE("a list that is not signed, or does not vouch for the image, is refused by its reason") {
  World world;
  world.write("web.qcow2", kDisk);
  const std::string hash(trust::Digest::of(kDisk).hex());
  std::string expected, location = world.path("web.qcow2");
  world.write_signed("SHA256SUMS", hash + "  web.qcow2\n");
  SECTION("a list that was altered") {
    world.write("SHA256SUMS", hash + "  web.qcow2\n" + hash + "  db.qcow2\n");
    expected = reason::kKeyMismatch;
  }
  SECTION("by another") {
    world.write("SHA256SUMS.sigstore.json", blob_bundle(SigningKey(), hash + "  web.qcow2\n"));
    expected = reason::kKeyMismatch;
  }
  SECTION("not signed, and what is signed is the image") {
    fs::remove(world.path("SHA256SUMS.sigstore.json"));
    world.write("web.qcow2.sigstore.json", blob_bundle(world.key, kDisk));
    expected = reason::kNoSignature;
  }
  SECTION("no list") {
    fs::remove(world.path("SHA256SUMS"));
    expected = reason::kSourceNotFound;
  }
  SECTION("a list that is too large") {
    world.write("SHA256SUMS", std::string(trust::kMaxChecksumsBytes + 1, '#'));
    expected = reason::kTooLarge;
  }
  SECTION("of other files") {
    world.write_signed("SHA256SUMS", hash + "  db.qcow2\n" + hash + "  old/web.qcow2\n");
    expected = reason::kChecksumMissing;
  }
  SECTION("twice") {
    world.write_signed("SHA256SUMS", hash + "  web.qcow2\n" + std::string(64, 'a') + "  web.qcow2\n");
    expected = reason::kChecksumAmbiguous;
  }
  SECTION("no list, though signed") {
    world.write_signed("SHA256SUMS", "web.qcow2 is good\n");
    expected = reason::kChecksumsMalformed;
  }
  SECTION("by another hash than images are known by") {
    world.write_signed("SHA256SUMS", std::string(128, 'a') + "  web.qcow2\n");
    expected = reason::kChecksumUnsupported;
  }
  SECTION("of another content") {
    world.write_signed("SHA256SUMS", std::string(64, 'a') + "  web.qcow2\n");
    expected = reason::kDigestMismatch;
  }
  SECTION("the image is revoked") {
    world.accept({"file:///**"}, "revokes", {{"revoked", {{"digests", {"sha256:" + hash}}}}});
    expected = reason::kDigestRevoked;
  }
  SECTION("the list is revoked") {
    const std::string list = trust::Digest::of(hash + "  web.qcow2\n").text();
    world.accept({"file:///**"}, "revokes", {{"revoked", {{"digests", {list}}}}});
    expected = reason::kDigestRevoked;
  }
  SECTION("a place that no policy selects") {
    world.forget_policies();
    expected = reason::kNoMatchingPolicy;
  }
  SECTION("an artifact") {
    location = kArtifact;
    expected = reason::kImageReferenceInvalid;
  }
  const auto image = world.provide_listed(location);
  REQUIRE_FALSE(image);
  INFO(image.error().to_string());
  CHECK(image.error().reason == expected);
  CHECK(fs::is_empty(world.path("images")));
}

TEST_CASE("a file with a bare signature is hashed where it is, and accepted") {
  World world;
  world.write_bare("web.qcow2", kDisk, world.key);
  const auto image = world.provide(world.path("web.qcow2"));
  INFO((image ? "" : image.error().to_string()));
  REQUIRE(image);
  CHECK(image->trusted.digest == trust::Digest::of(kDisk).text());
  CHECK(image->trusted.key_id == public_key_of(world.key).id());
  CHECK(read_file(image->path, 4u << 20).value() == kDisk);
  fs::rename(world.path("web.qcow2.sig"), world.path("by-release.sig"));
  CHECK(world.provide(world.path("web.qcow2")).error().reason == reason::kNoSignature);
  CHECK(world.provide(world.path("web.qcow2"), {}, world.path("by-release.sig")));
}

TEST_CASE("a bare signature that does not count leaves nothing of the file") {
  World world;
  const SigningKey other, ed25519("ED25519");
  std::string expected, bundle;
  world.write_bare("web.qcow2", kDisk, world.key);
  SECTION("altered") {
    world.write("web.qcow2", kDisk + "x");
    expected = reason::kKeyMismatch;
  }
  SECTION("by another") {
    world.write_bare("web.qcow2", kDisk, other);
    expected = reason::kKeyMismatch;
  }
  SECTION("by a key that signs the content itself") {
    world.forget_policies();
    world.accept({"file:///**"}, "golden", {{"authorities", {{{"key", {{"inline", ed25519.pem()}}}}}}});
    world.write_bare("web.qcow2", kDisk, ed25519);
    expected = reason::kContentNeeded;
  }
  SECTION("where an identity is wanted") {
    world.forget_policies();
    const json keyless = {{"issuer", "https://issuer.example.com"}, {"subject", "release@example.com"}};
    world.accept({"file:///**"}, "golden", {{"authorities", {{{"keyless", keyless}}}}});
    expected = reason::kIdentityMismatch;
  }
  SECTION("empty") {
    world.write("web.qcow2.sig", "");
    expected = reason::kSignatureInvalid;
  }
  SECTION("no signature") {
    world.write("web.qcow2.sig", "no signature");
    expected = reason::kSignatureInvalid;
  }
  SECTION("too large") {
    world.write("web.qcow2.sig", std::string(trust::kMaxDetachedBytes + 1, 'A'));
    expected = reason::kTooLarge;
  }
  SECTION("a bundle that is called so") {
    world.write("web.qcow2.sig", blob_bundle(world.key, kDisk));
    expected = reason::kSignatureInvalid;
  }
  SECTION("not called so where it is named") {
    fs::rename(world.path("web.qcow2.sig"), bundle = world.path("signature"));
    expected = reason::kBundleMalformed;
  }
  SECTION("over no disk image") {
    world.write_bare("web.qcow2", "hello", world.key);
    expected = reason::kDiskMalformed;
  }
  SECTION("revoked") {
    world.accept({"file:///**"}, "revokes", {{"revoked", {{"digests", {trust::Digest::of(kDisk).text()}}}}});
    expected = reason::kDigestRevoked;
  }
  SECTION("over nothing") {
    fs::remove(world.path("web.qcow2"));
    expected = reason::kSourceNotFound;
  }
  SECTION("while a stop is requested") {
    world.stop.request_stop();
    expected = reason::kCancelled;
  }
  CHECK(world.reason_for(world.path("web.qcow2"), {}, bundle) == expected);
}

TEST_CASE("a bundle that is there and refused is not made up for by a good bare signature") {
  World world;
  std::string expected, bundle;
  const bool is_listed = GENERATE(false, true);
  const std::string list = std::string(trust::Digest::of(kDisk).hex()) + "  web.qcow2\n";
  const std::string signed_file = is_listed ? "SHA256SUMS" : "web.qcow2";
  const std::string content = is_listed ? list : kDisk;
  world.write("web.qcow2", kDisk);
  world.write_bare(signed_file, content, world.key);
  const std::string beside = world.path(signed_file + ".sigstore.json");
  SECTION("by another") {
    REQUIRE(write_file_durably(beside, blob_bundle(SigningKey(), content)));
    expected = reason::kKeyMismatch;
  }
  SECTION("no bundle") {
    REQUIRE(write_file_durably(beside, "no bundle"));
    expected = reason::kBundleMalformed;
  }
  SECTION("empty") {
    REQUIRE(write_file_durably(beside, ""));
    expected = reason::kBundleMalformed;
  }
  SECTION("not to be read") {
    fs::create_directory(beside);
    expected = reason::kSourceInvalid;
  }
  SECTION("named, and not there") {
    bundle = world.path("elsewhere.sigstore.json");
    expected = reason::kNoSignature;
  }
  SECTION("named, and by another") {
    bundle = world.path("elsewhere.sigstore.json");
    REQUIRE(write_file_durably(bundle, blob_bundle(SigningKey(), content)));
    expected = reason::kKeyMismatch;
  }
  const auto image = is_listed ? world.provide_listed(world.path("web.qcow2"), bundle)
                               : world.provide(world.path("web.qcow2"), {}, bundle);
  REQUIRE_FALSE(image);
  CHECK(image.error().reason == expected);
  CHECK(fs::is_empty(world.path("images")));
}

TEST_CASE("a good bundle counts whatever a bare signature beside it says") {
  World world;
  world.write_bare("web.qcow2", kDisk, SigningKey());
  world.write_signed("web.qcow2", kDisk);
  CHECK(world.provide(world.path("web.qcow2")));
}

TEST_CASE("a list with a bare signature stands for the images in it") {
  World world;
  const std::string hash(trust::Digest::of(kDisk).hex()), list = hash + "  web.qcow2\n";
  world.write("web.qcow2", kDisk);
  std::string expected;
  SECTION("by a key that signs the content itself, too, as the list is small") {
    const SigningKey key(GENERATE("P-256", "P-384", "RSA-2048", "ED25519"));
    world.forget_policies();
    world.accept({"file:///**"}, "golden", {{"authorities", {{{"key", {{"inline", key.pem()}}}}}}});
    world.write_bare("SHA256SUMS", list, key);
    CHECK(world.provide_listed(world.path("web.qcow2")));
    return;
  }
  SECTION("not where the list was altered") {
    world.write_bare("SHA256SUMS", list, world.key);
    world.write("SHA256SUMS", list + hash + "  db.qcow2\n");
    expected = reason::kKeyMismatch;
  }
  SECTION("not by another") {
    world.write_bare("SHA256SUMS", list, SigningKey());
    expected = reason::kKeyMismatch;
  }
  SECTION("not where nothing is signed but the image") {
    world.write("SHA256SUMS", list);
    world.write_bare("web.qcow2", kDisk, world.key);
    expected = reason::kNoSignature;
  }
  SECTION("and is not read where it is not signed") {
    world.write_bare("SHA256SUMS", "no list", SigningKey());
    expected = reason::kKeyMismatch;
  }
  SECTION("not of another content") {
    world.write_bare("SHA256SUMS", std::string(64, 'a') + "  web.qcow2\n", world.key);
    expected = reason::kDigestMismatch;
  }
  const auto image = world.provide_listed(world.path("web.qcow2"));
  REQUIRE_FALSE(image);
  CHECK(image.error().reason == expected);
  CHECK(fs::is_empty(world.path("images")));
}

TEST_CASE("what is at the source's place has to be a regular file, and nothing else is waited for") {
  World world;
  world.write_signed("web.qcow2", kDisk);
  fs::remove(world.path("web.qcow2"));
  SECTION("nothing") {
    CHECK(world.reason_for(world.path("web.qcow2")) == reason::kSourceNotFound);
  }
  SECTION("a directory") {
    fs::create_directory(world.path("web.qcow2"));
    CHECK(world.reason_for(world.path("web.qcow2")) == reason::kSourceInvalid);
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(world.path("web.qcow2").c_str(), 0600) == 0);
    CHECK(world.reason_for(world.path("web.qcow2")) == reason::kSourceInvalid);
  }
  SECTION("an endless device") {
    fs::create_symlink("/dev/zero", world.path("web.qcow2"));
    CHECK(world.reason_for(world.path("web.qcow2")) == reason::kSourceInvalid);
  }
  SECTION("a file that is larger than all that there is") {
    world.write("web.qcow2", "x");
    fs::resize_file(world.path("web.qcow2"), std::uint64_t{1} << 42);
    const auto image = world.provide(world.path("web.qcow2"));
    CHECK(image.error().reason == reason::kNotEnoughSpace);
    CHECK(image.error().retryable);
  }
  SECTION("a link to the file, which is what people have for 'the newest'") {
    world.write("web-2.qcow2", kDisk);
    fs::create_symlink(world.path("web-2.qcow2"), world.path("web.qcow2"));
    CHECK(world.provide(world.path("web.qcow2")));
  }
}

TEST_CASE("a source that changes while it is read is refused, or what was hashed is what is kept") {
  World world;
  std::string other = kDisk;
  other.back() = char(other.back() ^ 1);
  world.write_signed("web.qcow2", kDisk);
  std::atomic<bool> is_over = false;
  std::jthread swapper([&] {
    for (bool good = false; !is_over; good = !good) world.write("web.qcow2", good ? kDisk : other);
  });
  for (int i = 0; i < 30; ++i) {
    const auto image = world.provide(world.path("web.qcow2"));
    if (image) {
      CHECK(read_file(image->path, 4u << 20).value() == kDisk);
      fs::remove(image->path);
    } else {
      CHECK(image.error().reason == reason::kDigestMismatch);
    }
  }
  is_over = true;
}

TEST_CASE("only a policy for the place has a say, and one that is demanded has to") {
  World world;
  world.write_signed("web.qcow2", kDisk);
  const std::string location = world.path("web.qcow2");
  CHECK(world.provide(location, "golden"));
  fs::remove_all(world.path("images"));
  fs::create_directory(world.path("images"));
  CHECK(world.reason_for(location, "other") == reason::kNoMatchingPolicy);
  world.accept({"registry.example.com/**"}, "other");
  CHECK(world.reason_for(location, "other") == reason::kNoMatchingPolicy);
  world.accept({"file:///**"}, "warns", {{"mode", "warn"}});
  CHECK(world.reason_for(location, "warns") == reason::kNoMatchingPolicy);
  world.forget_policies();
  CHECK(world.reason_for(location) == reason::kNoMatchingPolicy);
  world.accept({"**"});
  CHECK(world.reason_for(location) == reason::kNoMatchingPolicy);
}

TEST_CASE("where all authorities are needed, the bundles of all of them are in one file") {
  World world;
  const SigningKey review;
  world.write_signed("web.qcow2", kDisk);
  world.forget_policies();
  const json authorities = {{{"key", {{"inline", world.key.pem()}}}}, {{"key", {{"inline", review.pem()}}}}};
  world.accept({"file:///**"}, "both", {{"require", "all"}, {"authorities", authorities}});
  CHECK(world.reason_for(world.path("web.qcow2")) == reason::kKeyMismatch);
  world.write("web.qcow2.sigstore.json",
              blob_bundle(world.key, kDisk) + "\n" + blob_bundle(review, kDisk) + "\n");
  CHECK(world.provide(world.path("web.qcow2")));
}

TEST_CASE("a pinned file needs no bundle") {
  World world;
  world.write("web.qcow2", kDisk);
  const std::string location = "file://" + world.path("web.qcow2");
  world.forget_policies();
  world.accept({location}, "pins",
               {{"pinnedDigests", {{{"image", location}, {"digest", trust::Digest::of(kDisk).text()}}}}});
  const auto image = world.provide(world.path("web.qcow2"));
  REQUIRE(image);
  CHECK(image->trusted.key_id.empty());
  fs::remove(image->path);
  world.write("web.qcow2", kDisk + "x");
  CHECK(world.reason_for(world.path("web.qcow2")) == reason::kDigestMismatch);
}

TEST_CASE("an image is fetched from a web server, its bundle first") {
  World world;
  const auto serve = [&](const std::string& bundle) -> net::ScriptedTransport::Rule& {
    world.web.when("GET", kUrl + ".sigstore.json").respond(200).chunks({bundle});
    return world.web.when("GET", kUrl).respond(200);
  };
  SECTION("and kept") {
    serve(blob_bundle(world.key, kDisk)).chunks({kDisk.substr(0, 1000), kDisk.substr(1000)});
    const auto image = world.provide(kUrl);
    REQUIRE(image);
    CHECK(image->trusted.image == kUrl);
    CHECK(read_file(image->path, 4u << 20).value() == kDisk);
  }
  SECTION("and not at all where nobody trusted signed it") {
    serve(blob_bundle(SigningKey(), kDisk)).chunks({kDisk});
    CHECK(world.reason_for(kUrl) == reason::kKeyMismatch);
    CHECK(world.web.requests().size() == 1);
  }
  SECTION("cut off") {
    serve(blob_bundle(world.key, kDisk)).chunks({kDisk.substr(0, 1000)});
    CHECK(world.reason_for(kUrl) == reason::kDigestMismatch);
  }
  SECTION("altered") {
    serve(blob_bundle(world.key, kDisk)).chunks({kDisk.substr(0, kDisk.size() - 1), "x"});
    CHECK(world.reason_for(kUrl) == reason::kDigestMismatch);
  }
  SECTION("from nowhere") {
    serve(blob_bundle(world.key, kDisk)).then_fail(make_error(ErrorCode::kInvalidInput, "no"));
    CHECK(world.reason_for(kUrl) == reason::kSourceInvalid);
  }
}

TEST_CASE("nothing is downloaded to find out whether it is signed") {
  World world;
  world.web.when("GET", kUrl + ".sigstore.json").respond(404);
  world.web.when("GET", kUrl + ".sig").respond(200).chunks({base64_encode(world.key.sign(kDisk))});
  CHECK(world.reason_for(kUrl) == reason::kContentNeeded);
  CHECK(world.web.requests().size() == 2);
}

TEST_CASE("a list and its bare signature are fetched from a web server, where there is no bundle") {
  World world;
  const std::string sums = "https://images.example.com/SHA256SUMS";
  const std::string list = std::string(trust::Digest::of(kDisk).hex()) + "  web.qcow2\n";
  const auto provide = [&] {
    return world.store.provide({kUrl, {}, sums}, {}, world.clock.monotonic() + 60s, {});
  };
  const auto serve = [&](int status_of_bundle) {
    world.web.when("GET", sums + ".sigstore.json").respond(status_of_bundle);
    world.web.when("GET", sums + ".sig").respond(200).chunks({base64_encode(world.key.sign(list))});
    world.web.when("GET", sums).respond(200).chunks({list});
    world.web.when("GET", kUrl).respond(200).chunks({kDisk});
  };
  SECTION("and kept") {
    serve(404);
    CHECK(provide());
  }
  SECTION("but not where it cannot be told whether there is one") {
    serve(503);
    const auto image = provide();
    REQUIRE_FALSE(image);
    CHECK(image.error().reason == reason::kSourceUnavailable);
    CHECK(image.error().retryable);
    CHECK(fs::is_empty(world.path("images")));
  }
}

TEST_CASE("places that are none, or that may not be asked, are refused before anybody is asked") {
  World world;
  const auto& [location, expected] = GENERATE(table<std::string, std::string>({
      {"", reason::kImageReferenceInvalid},
      {"web.qcow2", reason::kImageReferenceInvalid},
      {"/golden/../web.qcow2", reason::kImageReferenceInvalid},
      {"https://images.example.com/web.qcow2?token=hunter2", reason::kImageReferenceInvalid},
      {"https://user:hunter2@images.example.com/web.qcow2", reason::kImageReferenceInvalid},
      {"http://images.example.com/web.qcow2", reason::kPlainHttpRefused},
      {"oci://", reason::kImageReferenceInvalid},
      {"oci://registry.example.com/Vm:1", reason::kImageReferenceInvalid},
      {"docker://registry.example.com/vm:1", reason::kImageReferenceInvalid},
      {"https://elsewhere.example.com/web.qcow2", reason::kNoMatchingPolicy},
      {"oci://elsewhere.example.com/vm/golden:1", reason::kNoMatchingPolicy},
  }));
  INFO(location);
  CHECK(world.reason_for(location) == expected);
  CHECK(world.web.requests().empty());
  CHECK(world.registry.requests.empty());
}

TEST_CASE("an artifact of a registry is verified, and its layer is the image") {
  World world;
  const trust::Digest manifest = world.put_artifact({kDisk});
  world.registry.sign("vm/golden", manifest, world.key);
  const auto image = world.provide(kArtifact, "golden");
  INFO((image ? "" : image.error().to_string()));
  REQUIRE(image);
  CHECK(image->trusted.image == kArtifact);
  CHECK(image->trusted.digest == trust::Digest::of(kDisk).text());
  const auto& equivalents = image->trusted.equivalents;
  CHECK(std::find(equivalents.begin(), equivalents.end(), manifest.text()) != equivalents.end());
  CHECK(image->trusted.policy == "golden");
  CHECK(image->trusted.key_id == public_key_of(world.key).id());
  CHECK(read_file(image->path, 4u << 20).value() == kDisk);
  CHECK(world.store.check(*image, {}));
}

TEST_CASE("an artifact that is refused, or no disk image, leaves nothing") {
  World world;
  const trust::Digest manifest = world.put_artifact({kDisk});
  std::string expected, bundle, policy;
  SECTION("not signed") {
    expected = reason::kNoSignature;
  }
  SECTION("by another") {
    world.registry.sign("vm/golden", manifest, SigningKey());
    expected = reason::kKeyMismatch;
  }
  SECTION("two layers") {
    world.registry.sign("vm/golden", world.put_artifact({kDisk, "more"}), world.key);
    expected = reason::kDiskFormatUnsupported;
  }
  SECTION("its layer is revoked") {
    world.registry.sign("vm/golden", manifest, world.key);
    world.accept({"registry.example.com/**"}, "revokes",
                 {{"revoked", {{"digests", {trust::Digest::of(kDisk).text()}}}}});
    expected = reason::kDigestRevoked;
  }
  SECTION("the layer that is sent is another") {
    world.registry.sign("vm/golden", manifest, world.key);
    world.registry.intercept = [](const net::HttpRequest& request) -> FakeRegistry::Answer {
      if (request.headers.find("Range") == nullptr) return std::nullopt;
      std::string other = kDisk;
      other.back() = char(other.back() ^ 1);
      return response(200, other);
    };
    expected = reason::kDigestMismatch;
  }
  SECTION("with a bundle") {
    world.registry.sign("vm/golden", manifest, world.key);
    bundle = world.path("x");
    expected = reason::kImageReferenceInvalid;
  }
  SECTION("by a policy that is not demanded") {
    world.registry.sign("vm/golden", manifest, world.key);
    policy = "other";
    expected = reason::kNoMatchingPolicy;
  }
  CHECK(world.reason_for(kArtifact, policy, bundle) == expected);
}

TEST_CASE("a registry in trouble is no judgement, and can be asked again") {
  World world;
  world.registry.intercept = [](const net::HttpRequest&) -> FakeRegistry::Answer { return response(503); };
  const auto image = world.provide(kArtifact);
  REQUIRE_FALSE(image);
  CHECK(image.error().reason == reason::kRegistryUnavailable);
  CHECK(image.error().retryable);
}
