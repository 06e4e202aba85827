// SPDX-License-Identifier: Apache-2.0
#include "host/images/golden_store.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <thread>

#include "host/images/golden_world.h"
#include "trust/disk/checksums.h"

using namespace kintsugi;
using namespace kintsugi::host;
using namespace kintsugi::host::testing;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

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
