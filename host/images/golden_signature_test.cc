// SPDX-License-Identifier: Apache-2.0
//
// Which signatures a golden image is accepted by, beside the bundle of its own.
#include <catch2/catch.hpp>

#include "host/images/golden_world.h"

using namespace kintsugi;
using namespace kintsugi::host;
using namespace kintsugi::host::testing;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

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

TEST_CASE("a list that is signed by OpenPGP, as distributions sign theirs, stands for the images in it") {
  World world;
  const std::string data = "trust/testdata/openpgp/";
  const auto read = [&](const std::string& name) { return read_file(data + name, 1u << 16).value(); };
  world.write("disk.qcow2", kDisk);
  world.write("SHA256SUMS", read("SHA256SUMS"));
  world.forget_policies();
  world.accept({"file:///**"}, "distribution",
               {{"authorities", {{{"openpgp", {{"inline", read("rsa.asc")}}}}}}});
  std::string expected, bundle, revoked;
  SECTION("beside it") {
    world.write(std::string("SHA256SUMS") + GENERATE(".gpg", ".sign"), read("SHA256SUMS.rsa.gpg"));
    const auto image = world.provide_listed(world.path("disk.qcow2"));
    INFO((image ? "" : image.error().to_string()));
    REQUIRE(image);
    CHECK(image->trusted.digest == trust::Digest::of(kDisk).text());
    CHECK(image->trusted.key_id.starts_with("openpgp:"));
    return;
  }
  SECTION("elsewhere, in armor") {
    world.write("release.asc", read("SHA256SUMS.rsa.asc"));
    CHECK(world.provide_listed(world.path("disk.qcow2"), world.path("release.asc")));
    return;
  }
  SECTION("by another") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.other.gpg"));
    expected = reason::kKeyMismatch;
  }
  SECTION("the list was altered") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.rsa.gpg"));
    world.write("SHA256SUMS", read("SHA256SUMS") + "\n");
    expected = reason::kKeyMismatch;
  }
  SECTION("cut off") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.rsa.gpg").substr(0, 100));
    expected = reason::kSignatureInvalid;
  }
  SECTION("the image is another") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.rsa.gpg"));
    world.write("disk.qcow2", kDisk + "x");
    expected = reason::kDigestMismatch;
  }
  SECTION("beside a bundle that is refused") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.rsa.gpg"));
    world.write("SHA256SUMS.sigstore.json", blob_bundle(SigningKey(), read("SHA256SUMS")));
    expected = reason::kKeyMismatch;
  }
  SECTION("beside a bare signature that is refused") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.rsa.gpg"));
    world.write_bare("SHA256SUMS", read("SHA256SUMS"), SigningKey());
    expected = reason::kKeyMismatch;
  }
  SECTION("over another list, with a good one that is called .sign") {
    world.write("SHA256SUMS.gpg", read("SHA256SUMS.other.gpg"));
    world.write("SHA256SUMS.sign", read("SHA256SUMS.rsa.gpg"));
    expected = reason::kKeyMismatch;
  }
  const auto image = world.provide_listed(world.path("disk.qcow2"), bundle);
  REQUIRE_FALSE(image);
  CHECK(image.error().reason == expected);
  CHECK(fs::is_empty(world.path("images")));
}

TEST_CASE("an image is not accepted by a signature of OpenPGP over itself") {
  World world;
  const std::string data = "trust/testdata/openpgp/";
  world.write("web.qcow2", kDisk);
  world.write("web.qcow2.gpg", read_file(data + "SHA256SUMS.rsa.gpg", 1u << 16).value());
  CHECK(world.reason_for(world.path("web.qcow2")) == reason::kNoSignature);
  CHECK(world.reason_for(world.path("web.qcow2"), {}, world.path("web.qcow2.gpg")) == reason::kContentNeeded);
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
